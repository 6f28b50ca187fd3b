// SPDX-License-Identifier: Apache-2.0
#include "engine/answer.hpp"
#include "engine/engine.hpp"

namespace wasmx::engine {

void Engine::copy_out(const std::string& image, const std::string& path,
                      const std::function<void(io::TarReader&)>& take) {
    // The command is asked for but never run, so it need not exist.
    const nlohmann::json wanted{{"Image", image}, {"Cmd", {"none"}}, {"NetworkDisabled", true}};
    io::HttpRequest create{.method = {},
                           .url = {},
                           .headers = {{"Content-Type", "application/json"}},
                           .secret_headers = {},
                           .body = io::body_of(wanted.dump()),
                           .unix_socket = {}};
    io::HttpResponse created = send(http_, "POST", "/containers/create", std::move(create));
    const auto json = expect_json(created, "POST", "/containers/create");
    const std::string id = text_of(json, "Id");
    if (id.empty()) throw Error(Fault::unavailable, "the engine made a container and does not say which");

    struct Remove {
        Engine& engine;
        const std::string& container;
        ~Remove() {
            try {
                io::HttpResponse response =
                    engine.send(engine.cleanup_, "DELETE", fmt::format("/containers/{}?force=1&v=1", container));
                io::drain(*response.body);
            } catch (...) {  // it holds no data; the engine may be gone
            }
        }
    } const remove{*this, id};

    const std::string archive = fmt::format("/containers/{}/archive?path={}", id, io::percent_encoded(path));
    io::HttpResponse response = send("GET", archive);
    if (response.status == 404) throw Error(Fault::not_found, fmt::format("the image has no {}", path));
    if (response.status != 200) throw refused(response, "GET", archive);
    io::TarReader reader(*response.body);
    take(reader);
}

}  // namespace wasmx::engine
