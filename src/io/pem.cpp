// SPDX-License-Identifier: Apache-2.0
#include "io/pem.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace wasmx::io {

namespace {

struct Free {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};

bool is_readable(std::string_view block) {
    const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(block.data(), static_cast<int>(block.size())));
    const std::unique_ptr<X509, Free> found(bio == nullptr ? nullptr
                                                           : PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    return found != nullptr;
}

}  // namespace

std::string readable_certificates(std::string_view pem) {
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    constexpr std::string_view end = "-----END CERTIFICATE-----";
    std::string out;
    for (auto from = pem.find(begin); from != std::string_view::npos; from = pem.find(begin, from + 1)) {
        const auto to = pem.find(end, from);
        if (to == std::string_view::npos) break;
        const std::string_view block = pem.substr(from, to + end.size() - from);
        if (is_readable(block)) out.append(block).append("\n");
    }
    return out;
}

}  // namespace wasmx::io
