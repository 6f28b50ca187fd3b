// SPDX-License-Identifier: Apache-2.0
#include "engine/folder_reader.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/answer.hpp"
#include "engine/owner.hpp"

namespace wasmx::engine {

namespace {

// Where the folders are mounted in the container.
std::string mount_point(std::size_t folder) { return fmt::format("/{}", folder); }

std::string path_in(std::size_t folder, const std::string& path) { return mount_point(folder) + "/" + path; }

// The command is never run, so it need not exist.
std::string settings_of(const std::string& image, const std::vector<std::string>& folders) {
    nlohmann::json out{{"Image", image}, {"Cmd", {"none"}}, {"NetworkDisabled", true}};
    for (std::size_t i = 0; i < folders.size(); ++i)
        // "Binds" would create a folder that is missing. What the engine mounts below a folder is left out: a container
        // that ends meanwhile could not be unmounted.
        out["HostConfig"]["Mounts"].push_back({{"Type", "bind"},
                                               {"Source", folders[i]},
                                               {"Target", mount_point(i)},
                                               {"ReadOnly", true},
                                               {"BindOptions", {{"NonRecursive", true}}}});
    return out.dump();
}

}  // namespace

/// A container that nobody else reads meanwhile.
class FolderReader::Lease {
public:
    explicit Lease(FolderReader& reader) : reader_(reader) {
        {
            const std::lock_guard lock(reader_.mutex_);
            if (!reader_.idle_.empty()) {
                id_ = std::move(reader_.idle_.back());
                reader_.idle_.pop_back();
                return;
            }
        }
        id_ = reader_.engine_.create_container(reader_.settings_, owned_name("reader"));
        const std::lock_guard lock(reader_.mutex_);
        reader_.all_.push_back(id_);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        const std::lock_guard lock(reader_.mutex_);
        reader_.idle_.push_back(std::move(id_));
    }
    const std::string& id() const noexcept { return id_; }

private:
    FolderReader& reader_;
    std::string id_;
};

/// A stream and the container that it comes from.
class FolderReader::Leased final : public io::Source {
public:
    Leased(std::unique_ptr<Lease> lease, io::SourcePtr source) : lease_(std::move(lease)), source_(std::move(source)) {}
    std::size_t read(std::span<std::byte> buffer) override { return source_->read(buffer); }

private:
    std::unique_ptr<Lease> lease_;
    io::SourcePtr source_;  // closed first
};

FolderReader::FolderReader(Engine& engine, const std::string& image, const std::vector<std::string>& folders)
    : engine_(engine), containers_(engine), settings_(settings_of(image, folders)) {
    const Lease first(*this);
}

FolderReader::~FolderReader() {
    for (const std::string& id : all_) containers_.remove(id);
    containers_.remove_forgotten();
}

bool FolderReader::has(std::size_t folder, const std::string& path) {
    const Lease lease(*this);
    const std::string target =
        fmt::format("{}/archive?path={}", container_path(lease.id()), io::percent_encoded(path_in(folder, path)));
    io::HttpResponse response = engine_.send(engine_.http_, "HEAD", target, {.idle_limit = engine_.limits_.archive});
    if (response.status == 200) return true;
    if (response.status == 404) return false;
    throw refused(response, "HEAD", target);
}

io::SourcePtr FolderReader::open_file(std::size_t folder, const std::string& path) {
    auto lease = std::make_unique<Lease>(*this);
    auto file = containers_.open_file(lease->id(), path_in(folder, path));
    return std::make_unique<Leased>(std::move(lease), std::move(file));
}

io::SourcePtr FolderReader::open_tree(std::size_t folder, const std::string& path) {
    auto lease = std::make_unique<Lease>(*this);
    const std::string whole = path_in(folder, path) + "/.";
    auto archive = engine_.open_archive(lease->id(), whole, whole);
    if (!archive) throw Error(Fault::not_found, fmt::format("the engine has no folder {}", path));
    return std::make_unique<Leased>(std::move(lease), std::move(archive));
}

}  // namespace wasmx::engine
