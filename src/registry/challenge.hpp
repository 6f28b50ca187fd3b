// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wasmx::registry {

/// How a server wants a request to be authenticated: one element of WWW-Authenticate. (RFC 9110, 11.6.1)
struct Challenge {
    std::string scheme;                             ///< lower case: "bearer"
    std::map<std::string, std::string> parameters;  ///< names in lower case, values as they are meant

    /// Empty when there is none.
    std::string parameter(const std::string& name) const;
    /// The token is good and too weak: `scope` says what is missing. (RFC 6750, 3.1)
    bool wants_more_scope() const;
};

/// Every challenge in every line, in order. One line may hold several; what cannot be understood is passed over, so
/// that a scheme that we do not know never hides one that we do.
std::vector<Challenge> parse_challenges(const std::vector<std::string>& lines);

/// The one to answer: bearer before basic, whichever stands first; nullptr when there is neither.
const Challenge* choose_challenge(const std::vector<Challenge>& challenges);

}  // namespace wasmx::registry
