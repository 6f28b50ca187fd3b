// SPDX-License-Identifier: Apache-2.0
#pragma once
// registry: speaks the OCI distribution protocol to one registry: token auth, blobs, manifests, typed errors.
// It knows no engine, and nothing of what an image is for.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "credentials/credentials.hpp"
#include "io/http.hpp"
#include "oci/manifest.hpp"
#include "oci/reference.hpp"

namespace wasmx::registry {

class Clock;

enum class Access { pull, push };

/// How long an answer of some kilobytes may take, however steadily it comes.
inline constexpr std::chrono::seconds small_answer_limit{120};

/// How long to try. `brief`: seconds rather than minutes, for a question that may be asked again: once more after an
/// answer that was lost, and no more where nobody answers.
enum class Patience { usual, brief };

struct FoundManifest {
    std::string bytes;  ///< exactly as received
    std::string media_type;
    Digest digest;  ///< of the bytes; equal to what was asked for when that was a digest
};

/// One repository of one registry; its calls may come from several threads. What a retry may mend is retried; what then
/// still fails is an Error that says how often. (OCI distribution-spec v1.1; distribution's spec/auth/token.md)
class Repository {
public:
    struct Options {
        Access access = Access::pull;
        /// Looked up once, before the first request that needs it.
        std::function<std::optional<credentials::Credential>()> credential = nullptr;
        /// Told what a person should know and that is no failure, e.g. that stale credentials were passed over.
        std::function<void(const std::string&)> warn = nullptr;
        Patience patience = Patience::usual;
        /// For tests; outlives the repository. The machine's when there is none.
        Clock* clock = nullptr;
    };

    /// No request is made yet. `name` gives registry and repository. The client outlives the repository.
    Repository(io::HttpClient& http, const oci::Reference& name, const Options& options);
    ~Repository();
    Repository(const Repository&) = delete;
    Repository& operator=(const Repository&) = delete;

    const std::string& registry() const noexcept;  ///< "ghcr.io"

    /// The manifest or index behind a tag or digest; nullopt when the registry says it has none: to our login, where we
    /// have one that it may want to see, since many hide what is private. A digest is verified.
    std::optional<FoundManifest> find_manifest(const std::string& tag_or_digest);
    /// Whether the registry has it, and can give it: its last byte is read. `size` 0: not known.
    bool has_blob(const Digest& digest, std::uint64_t size = 0);
    /// The bytes of a blob, verified against digest and size when they have been read to the end. A download that
    /// breaks off goes on where it was. The stream must not outlive the repository.
    io::SourcePtr open_blob(const oci::Descriptor& blob);
    /// Takes the blob over from another repository of the registry, without its bytes. False: it is to be uploaded,
    /// whatever the reason.
    bool mount_blob(const Digest& digest, const std::string& from_repository, std::uint64_t size = 0);
    /// Uploads (POST, then one PUT; what breaks off is gone on with where the registry can); returns when the registry
    /// has it. The caller asks has_blob first.
    void put_blob(const oci::Descriptor& blob, const io::Body& body);
    /// The same for a blob that is still being made: `bytes`, of no known size, yields what there is, from the start as
    /// often as it is opened, and waits for the rest; `whole` waits until it is known what they are. Whoever makes them
    /// may give up: what `bytes` and `whole` then throw comes out here. Nobody has asked whether the registry has it.
    void put_streamed_blob(const io::Body& bytes, const std::function<oci::Descriptor()>& whole);
    /// Stores the manifest under a tag and returns its digest. Read back at the tag, whatever the registry says of it:
    /// it is there, or an error says so.
    Digest put_manifest(const std::string& tag, const std::string& bytes, const std::string& media_type);
    /// Ends the requests and waits of other threads with Fault::interrupted, but for those for a token; and those that
    /// begin before `resume`.
    void interrupt();
    void resume();
    /// Opens an upload, once: the only proof that one may push. A blob of the next minute takes it over; one that
    /// nobody takes is cancelled in the end. Throws Fault::denied with the reason and a hint, naming where the
    /// credentials came from.
    void prove_push();

private:
    void read_back(const std::string& tag, const Digest& digest);
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace wasmx::registry
