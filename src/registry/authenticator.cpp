// SPDX-License-Identifier: Apache-2.0
#include "registry/authenticator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.hpp"
#include "registry/greeting.hpp"
#include "registry/retry.hpp"
#include "registry/session.hpp"

namespace wasmx::registry {

namespace {

constexpr std::uint64_t token_reply_limit = 128 << 10;
// What a registry may have us ask for besides: each goes into the URL of every further request for a token.
constexpr std::size_t most_further_scopes = 16;
constexpr std::size_t longest_scope = 1024;

// Asked for before the first request. Never taken from a challenge to GET /v2/: ghcr.io's names an example repository.
std::string needed_scope(const std::string& repository, Access access) {
    return fmt::format("repository:{}:{}", repository, access == Access::push ? "pull,push" : "pull");
}

// What a token service says no with; 400 is OAuth2's way. (RFC 6749, 5.2)
bool is_denial(const Refused& refused) {
    const int status = refused.status();
    return (status == 400 || status == 401 || status == 403) && !retry_advice(refused);  // GitHub limits with 403
}

}  // namespace

std::optional<io::AddressScope> Home::led_by(const std::string& target) const {
    if (io::Url::parse(target).host == io::Url::parse(url).host) return std::nullopt;
    return scope;
}

Authenticator::Authenticator(io::HttpClient& http, Clock& clock, const oci::Reference& name,
                             const Repository::Options& options)
    : http_(http),
      clock_(clock),
      registry_(name.registry()),
      repository_(name.repository()),
      options_(options),
      needed_scope_(needed_scope(name.repository(), options.access)) {}

Authorization Authenticator::current(Need need) {
    const std::lock_guard lock(mutex_);
    renew(need);
    return now_held();
}

void Authenticator::renew(Need need) {
    if (!token_) return;
    const TimePoint due = need == Need::long_request ? token_->renew_long_at : token_->renew_at;
    if (clock_.now() < due) return;
    try {
        get_token();
    } catch (const Error& error) {
        // A token that still lives is not worth less because its service is busy.
        if (error.fault() != Fault::unavailable || clock_.now() >= token_->expires) throw;
    }
}

void Authenticator::add_scope(const std::string& scope) {
    const std::lock_guard lock(mutex_);
    if (widen_scope(scope) && token_) token_->renew_at = token_->renew_long_at = TimePoint::min();
}

Circumstances Authenticator::circumstances() {
    const std::lock_guard lock(mutex_);
    return describe();
}

Circumstances Authenticator::describe() const {
    return {.registry = registry_,
            .repository = repository_,
            .access = options_.access,
            .origin = origin_,
            .stale = stale_,
            .mend = mend_};
}

std::optional<Authorization> Authenticator::after_refusal(const Authorization& refused,
                                                          const std::vector<Challenge>& challenges, const Home& home,
                                                          const std::string& request_url) {
    const std::lock_guard lock(mutex_);
    if (refused.generation != generation_) return now_held();  // another worker was faster
    const Challenge* challenge = choose_challenge(challenges);
    if (challenge == nullptr && token_) {  // a registry that does not say again what it has said before
        get_token();
        return now_held();
    }
    if (challenge == nullptr) return std::nullopt;
    return answer(refused, *challenge, home, request_url);
}

// The scope of this challenge is not ours: at ghcr.io it is that of an example.
std::optional<Authorization> Authenticator::after_silence(const Authorization& sent, const Home& home) {
    const std::lock_guard lock(mutex_);
    if (!sent.header.empty()) return std::nullopt;
    if (sent.generation != generation_) return now_held();
    if (has_asked_how_ || !may_have_credential()) return std::nullopt;
    const io::HttpRequest request = greeting_request(home.url);
    io::HttpResponse response = http_.send(request);
    if (response.status != 200) {
        const Refused refused = refusal(request.method, request.url, response, describe(), clock_.now());
        if (retry_advice(refused)) throw refused;
    }
    has_asked_how_ = true;
    const auto challenges = parse_challenges(response.all_headers("WWW-Authenticate"));
    const Challenge* challenge = choose_challenge(challenges);
    return challenge == nullptr ? std::nullopt : answer(sent, *challenge, home, request.url);
}

std::optional<Authorization> Authenticator::answer(const Authorization& refused, const Challenge& challenge,
                                                   const Home& home, const std::string& request_url) {
    look_up();
    if (options_.access == Access::push && !credential_)
        throw Error(Fault::denied, fmt::format("there are no credentials for {}, and pushing needs some", registry_),
                    fmt::format("log in with an account that may push to {}/{}: {}", registry_, repository_,
                                login_command(registry_)));
    const bool better =
        challenge.scheme == "basic" ? answer_basic(refused) : answer_bearer(refused, challenge, home, request_url);
    return better ? std::optional(now_held()) : std::nullopt;
}

void Authenticator::look_up() {
    if (looked_up_) return;
    try {
        if (options_.credential) credential_ = options_.credential();
    } catch (const Error& error) {
        // A helper that is missing must not hide what everybody may read.
        if (options_.access == Access::push || error.fault() != Fault::config) throw;
        if (options_.warn) options_.warn(fmt::format("{}; going on without credentials", error.message()));
    }
    looked_up_ = true;
    if (credential_) origin_ = credential_->origin;
}

// A helper that is missing may have one; that is an error where the registry asks for it.
bool Authenticator::may_have_credential() {
    try {
        look_up();
    } catch (const Error& error) {
        if (error.fault() != Fault::config) throw;
        return true;
    }
    return credential_.has_value();
}

void Authenticator::hold(Secret header) {
    header_ = std::move(header);
    ++generation_;
}

bool Authenticator::answer_basic(const Authorization& refused) {
    if (!refused.header.empty() || !credential_ || credential_->password.empty()) return false;
    scheme_ = Scheme::basic;
    hold(basic_authorization(credential_->username, credential_->password));
    return true;
}

bool Authenticator::answer_bearer(const Authorization& refused, const Challenge& challenge, const Home& home,
                                  const std::string& request_url) {
    // A token that is too weak for what we knew to ask for gets no stronger by asking again: the account may not.
    if (!refused.header.empty() && challenge.parameter("error") == "insufficient_scope" &&
        !widen_scope(challenge.parameter("scope")))
        return false;
    const bool was_registry_token = credential_ && !credential_->registry_token.empty() && !refused.header.empty();
    if (was_registry_token) {
        if (options_.access == Access::push) return false;
        pass_over_credential("the registry refuses the token");
    }
    scheme_ = Scheme::bearer;
    home_ = home;
    request_url_ = request_url;
    realm_ = challenge.parameter("realm");
    service_ = challenge.parameter("service");
    get_token();
    return true;
}

bool Authenticator::widen_scope(const std::string& wanted) {
    const auto before = all_scopes();
    for (const auto scope : split(wanted, ' ')) {
        const bool refused = std::find(refused_scopes_.begin(), refused_scopes_.end(), scope) != refused_scopes_.end();
        const bool fits = scope.size() <= longest_scope && further_scopes_.size() < most_further_scopes;
        if (!scope.empty() && !refused && fits) further_scopes_.emplace_back(scope);
    }
    return all_scopes() != before;
}

std::vector<std::string> Authenticator::all_scopes() const {
    std::vector<std::string> all{needed_scope_};
    all.insert(all.end(), further_scopes_.begin(), further_scopes_.end());
    return merged_scopes(all);
}

void Authenticator::pass_over_credential(std::string_view why) {
    if (options_.warn)
        options_.warn(fmt::format("the credentials for {} from {} are passed over: {}; to mend them: {}", registry_,
                                  origin_, why, mend_of(describe())));
    credential_.reset();
    stale_ = true;
}

std::optional<Authorization> Authenticator::without_credential(const Authorization& refused, int status) {
    const std::lock_guard lock(mutex_);
    if (refused.generation != generation_) return now_held();
    if (options_.access == Access::push || !credential_ || refused.header.empty()) return std::nullopt;
    pass_over_credential(fmt::format("the registry answers {}", status));
    if (scheme_ == Scheme::bearer) {
        get_token();
    } else {
        hold(Secret());
    }
    return now_held();
}

void Authenticator::get_token() {
    if (credential_ && !credential_->registry_token.empty()) {
        token_.reset();
        return hold(Secret(fmt::format("Bearer {}", credential_->registry_token.reveal())));
    }
    Token token;
    try {
        token = exchange_for_most();
    } catch (const Refused& refused) {
        if (!may_go_without(refused)) throw;
        pass_over_credential(fmt::format("its token service answers {}", refused.status()));
        token = exchange_for_most();
    }
    if (credential_ && !credential_->identity_token.empty() && !token.refresh_token.empty())
        credential_->identity_token = token.refresh_token;
    hold(Secret(fmt::format("Bearer {}", token.value.reveal())));
    token_ = std::move(token);
}

// A login that has expired must not hide what everybody may read.
bool Authenticator::may_go_without(const Refused& refused) const {
    return credential_ && options_.access == Access::pull && is_denial(refused);
}

// A service that gives nothing where it cannot give all must not take from us what we had.
Token Authenticator::exchange_for_most() {
    if (further_scopes_.empty()) return exchange(all_scopes());
    try {
        return exchange(all_scopes());
    } catch (const Refused& refused) {
        if (!is_denial(refused)) throw;
        Token token = exchange({needed_scope_});
        refused_scopes_.insert(refused_scopes_.end(), std::make_move_iterator(further_scopes_.begin()),
                               std::make_move_iterator(further_scopes_.end()));
        further_scopes_.clear();
        return token;
    }
}

std::string Authenticator::place_for_token() {
    if (!credential_) return checked_realm(home_.url, request_url_, realm_, false);
    try {
        return checked_realm(home_.url, request_url_, realm_, true, credential_->token_services);
    } catch (const Error& error) {
        if (options_.access == Access::push) throw;
        // A login that may not be sent there must not hide what everybody may read.
        std::string realm = checked_realm(home_.url, request_url_, realm_, false);
        mend_ = error.hint();
        pass_over_credential(error.message());
        return realm;
    }
}

Token Authenticator::exchange(const std::vector<std::string>& scopes) {
    TokenQuestion question;
    question.realm = place_for_token();
    question.service = service_;
    question.scopes = scopes;
    if (!credential_) return ask(token_get(question, nullptr));
    if (credential_->identity_token.empty()) return ask(token_get(question, &*credential_));
    try {
        return ask(token_post(question, credential_->identity_token));
    } catch (const Refused& refused) {
        // A service without POST takes the token as a password (spec/auth/oauth.md, "Getting a token").
        if ((refused.status() != 404 && refused.status() != 405) || credential_->username.empty()) throw;
        credentials::Credential as_password = *credential_;
        as_password.password = credential_->identity_token;
        return ask(token_get(question, &as_password));
    }
}

Token Authenticator::ask(io::HttpRequest request) {
    if (options_.patience == Patience::brief) request.idle_limit = std::min(request.idle_limit, brief_idle_limit);
    request.led_by = home_.led_by(request.url);
    io::HttpResponse response = http_.send(request);
    // Only to another path: the realm was judged, where it points to else was not.
    const auto location = response.find_header("Location");
    if (response.status >= 300 && response.status < 400 && location && request.method == "GET") {
        std::string target = located(request.url, *location);
        if (io::Url::parse(target).same_origin(io::Url::parse(request.url))) {
            request.url = std::move(target);
            response = http_.send(request);
        }
    }
    if (response.status != 200) throw refusal(request.method, request.url, response, describe(), clock_.now());
    return in_context(fmt::format("{} {}", request.method, printable_url(request.url)),
                      [&] { return parse_token_reply(io::read_all(*response.body, token_reply_limit), clock_.now()); });
}

}  // namespace wasmx::registry
