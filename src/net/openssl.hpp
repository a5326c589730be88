// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"

/// Owners of OpenSSL's handles, and its errors as ours.
namespace adapter::net {

template <auto Free>
struct OpensslDeleter {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

using SslContext = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;
using Bio = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using BioMethod = std::unique_ptr<BIO_METHOD, OpensslDeleter<BIO_meth_free>>;
using Certificate = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using AlternativeNames = std::unique_ptr<GENERAL_NAMES, OpensslDeleter<GENERAL_NAMES_free>>;

/// The first reason in this thread's error queue, for people; empties the queue. "no reason given" when it is empty.
[[nodiscard]] std::string take_openssl_reason();

/// Where the names of a certificate that is for somebody else are kept, until handshake_error() tells them: the SSL's
/// ex_data number 0 points at a std::string of its owner, or is null.
inline constexpr int presented_names_index = 0;
/// A verification callback that notes them and changes no verdict.
int note_presented_names(int verdict, X509_STORE_CTX* verification) noexcept;

/// Why the handshake of `ssl` failed, of class tls: the certificate's verification first, then the error queue, which
/// is empty afterwards. `host` is the name that was asked for.
[[nodiscard]] Error handshake_error(const SSL* ssl, std::string_view host);

}  // namespace adapter::net
