// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/progress.hpp"
#include "credentials/credentials.hpp"
#include "engine/engine.hpp"
#include "engine/measure.hpp"
#include "io/http.hpp"
#include "oci/reference.hpp"
#include "recipe/base_image.hpp"
#include "recipe/provenance.hpp"
#include "recipe/recipe.hpp"
#include "registry/greeting.hpp"
#include "registry/registry.hpp"
#include "source/source.hpp"

namespace wasmx::doctor {

/// What is to be built and pushed, in the user's words. The defaults are those of `build --push`.
struct Request {
    std::string host;  ///< --host
    source::Wanted source{.location = std::string(recipe::default_source), .ref = {}};
    recipe::Runtime runtime = recipe::Runtime::v8;
    std::string runtime_version;  ///< by hand
    std::string workflow;         ///< a file, in place of the built-in one
    std::optional<oci::Platform> platform;
    std::optional<std::string> base_image;  ///< nullopt: the default one
    oci::Reference repository = oci::Reference::parse(recipe::default_repository);
    std::optional<oci::Reference> tag;        ///< the image's whole name, in place of repository and contract
    std::optional<std::uint64_t> min_memory;  ///< bytes, in place of the bands for V8
    std::optional<std::uint64_t> min_disk;

    enum class Emulation { refuse, allow };
    Emulation emulation = Emulation::refuse;
    enum class Published { keep, overwrite };
    Published published = Published::keep;
    enum class Push { yes, no };
    Push push = Push::yes;
    /// A dry run reads, and changes nothing anywhere: no clone, no container, no upload.
    enum class Touch { yes, nothing };
    Touch touch = Touch::yes;

    const oci::Reference& registry_name() const { return tag ? *tag : repository; }
};

/// Free disk space below which no build begins; what its work volume holds already counts as free.
inline constexpr std::uint64_t least_free_disk = 10'000'000'000;

/// Thrown by a check that cannot say anything here; the reason is for people.
struct Skip {
    std::string reason;
};
/// Thrown where a fact is wanted that its check did not find.
struct Missing {
    std::string_view check;
};

/// The base image, where there is one: on the engine, or in the registry that it will be pulled from.
struct Base {
    std::string id;  ///< on the engine; empty: it is not there yet
    std::vector<Digest> diff_ids;
    std::map<std::string, std::string> labels;
};

/// Something that one check learns and others want to know. It is set at most once, before any check runs that
/// names its check among its needs.
template <class T>
class Fact {
public:
    explicit Fact(std::string_view check) : check_(check) {}

    void set(T value) {
        const std::lock_guard lock(mutex_);
        value_.emplace(std::move(value));
    }
    /// nullptr when the check did not find it.
    T* find() {
        const std::lock_guard lock(mutex_);
        return value_ ? &*value_ : nullptr;
    }
    /// Throws Missing, which skips who asks.
    T& need() {
        if (T* value = find()) return *value;
        throw Missing{check_};
    }

private:
    std::string_view check_;
    std::mutex mutex_;
    std::optional<T> value_;
};

/// What a container of the engine gets, or the reason why that is not known.
struct Measurement {
    std::optional<engine::Measured> found;
    std::int64_t here = 0;  ///< this machine's clock at that time, in seconds since the epoch
    std::string why_not;
};

/// What the checks work with, and what they have learned.
class Scene {
public:
    Scene(Request wanted, io::HttpClient& client, Progress& told, std::stop_token stopped)
        : request(std::move(wanted)), http(client), progress(told), stop(std::move(stopped)) {}

    const Request request;
    io::HttpClient& http;
    Progress& progress;
    const std::stop_token stop;

    Fact<engine::Endpoint> endpoint{"engine-reachable"};
    Fact<engine::Identity> identity{"engine-reachable"};
    Fact<std::unique_ptr<engine::Engine>> engine{"engine-version"};
    Fact<engine::Info> info{"engine-version"};
    Fact<oci::Platform> platform{"engine-platform"};  ///< that is built for
    Fact<std::optional<Base>> base{"base-image"};     ///< nullopt: it will be built
    Fact<std::unique_ptr<source::Tree>> tree{"source"};
    Fact<recipe::Version> version{"runtime-version"};
    Fact<registry::Greeting> greeting{"registry-reachable"};
    Fact<std::optional<credentials::Credential>> credential{"registry-credentials"};

    recipe::BaseWanted base_wanted() {
        return {.name = request.base_image.value_or(std::string(recipe::default_base_image)),
                .is_default = !request.base_image,
                .platform = platform.need()};
    }
    recipe::Recipe recipe() { return {request.runtime, version.need().text, platform.need()}; }
    oci::Reference target() { return request.tag ? *request.tag : request.repository.with_tag(recipe().tag()); }
    /// As far as it is known before the build.
    recipe::Provenance provenance();
    /// Made once, by the check that asks first.
    const Measurement& measurement();
    /// What a container may use; where that is not measured, what /info says of the engine's machine.
    engine::Capacity capacity();

private:
    std::once_flag measured_once_;
    Measurement measurement_;
};

}  // namespace wasmx::doctor
