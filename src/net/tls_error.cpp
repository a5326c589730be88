// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include <asio/ip/address_v4.hpp>
#include <asio/ip/address_v6.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>

#include "adapter/base/text.hpp"
#include "openssl.hpp"

namespace adapter::net {
namespace {

constexpr int max_names_shown = 4;
constexpr std::size_t max_name_shown_bytes = 100;

std::string_view bytes_of(const ASN1_STRING* text) {
  const unsigned char* data = ASN1_STRING_get0_data(text);
  const int length = ASN1_STRING_length(text);
  // ASN.1 strings are unsigned bytes, text is char: the same memory either way.
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(std::max(length, 0))};
}

std::string ip_text(const ASN1_STRING* address) {
  const std::string_view bytes = bytes_of(address);
  if (bytes.size() == 4) {
    asio::ip::address_v4::bytes_type v4{};
    std::memcpy(v4.data(), bytes.data(), v4.size());
    return asio::ip::address_v4(v4).to_string();
  }
  if (bytes.size() == 16) {
    asio::ip::address_v6::bytes_type v6{};
    std::memcpy(v6.data(), bytes.data(), v6.size());
    return asio::ip::address_v6(v6).to_string();
  }
  return "an address of a strange length";
}

std::optional<std::string> shown_name(const GENERAL_NAME* name) {
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(name, &type);
  const auto* text = static_cast<const ASN1_STRING*>(value);
  if (type == GEN_DNS) {
    return escape(bytes_of(text), max_name_shown_bytes);
  }
  if (type == GEN_IPADD) {
    return ip_text(text);
  }
  return std::nullopt;
}

/// "a.example, b.example, …": whom a certificate is for, by its subject alternative names.
std::string names_of(X509* certificate) {
  const AlternativeNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string list;
  int shown = 0;
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count; ++i) {
    const auto name = shown_name(sk_GENERAL_NAME_value(names.get(), i));
    if (!name) {
      continue;
    }
    if (++shown > max_names_shown) {
      return list + ", …";
    }
    list += (list.empty() ? "" : ", ") + *name;
  }
  return list.empty() ? "no host name" : list;
}

bool is_mismatch(long verification) {
  return verification == X509_V_ERR_HOSTNAME_MISMATCH || verification == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

std::string mismatch_text(const SSL* ssl, std::string_view host) {
  const auto* names = static_cast<const std::string*>(SSL_get_ex_data(ssl, presented_names_index));
  const bool known = names != nullptr && !names->empty();
  return "hostname mismatch: the certificate is for " + (known ? *names : std::string("another host")) + ", not for " +
         escape(host);
}

std::string_view advice(long verification) {
  switch (verification) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "; the server needs a new certificate, or this machine's clock is wrong";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "; if the server is right, name its CA's certificate with ca_file or ADAPTER_CA_FILE";
    default:
      return "";
  }
}

/// What the usual reasons mean to a person who has not read OpenSSL's sources.
std::string_view meaning(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) {
    return "";
  }
  switch (ERR_GET_REASON(code)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return " (the server does not offer TLS 1.2 or newer)";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return " (the server does not seem to speak TLS on this port)";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return " (the server wants a client certificate)";
    default:
      return "";
  }
}

}  // namespace

std::string take_openssl_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) {
    return "no reason given";
  }
  const char* reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
  text += meaning(code);
  return text;
}

int note_presented_names(int verdict, X509_STORE_CTX* verification) noexcept {
  try {
    const void* handle = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
    const auto* ssl = static_cast<const SSL*>(handle);
    void* const names = ssl != nullptr ? SSL_get_ex_data(ssl, presented_names_index) : nullptr;
    X509* const certificate = X509_STORE_CTX_get0_cert(verification);
    if (names != nullptr && certificate != nullptr && is_mismatch(X509_STORE_CTX_get_error(verification))) {
      *static_cast<std::string*>(names) = names_of(certificate);
    }
  } catch (...) {
    return verdict;  // out of memory for a better text: the verdict stands all the same
  }
  return verdict;
}

Error handshake_error(const SSL* ssl, std::string_view host) {
  const long verification = SSL_get_verify_result(ssl);
  const std::string reason = take_openssl_reason();
  if (verification == X509_V_OK) {
    return Error(ErrorClass::tls, "TLS handshake failed: " + reason);
  }
  std::string text = "the server's certificate is not trusted: ";
  if (is_mismatch(verification)) {
    text += mismatch_text(ssl, host);
  } else {
    text += X509_verify_cert_error_string(verification);
    text += advice(verification);
  }
  return Error(ErrorClass::tls, text);
}

}  // namespace adapter::net
