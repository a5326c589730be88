// SPDX-License-Identifier: Apache-2.0
#include "tls_context.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <asio/ip/address.hpp>

#include <array>
#include <cstdlib>
#include <functional>
#include <string>
#include <system_error>

#include "adapter/async/shared_job.hpp"
#include "adapter/async/timeout.hpp"
#include "adapter/base/file.hpp"
#include "adapter/base/file_version.hpp"
#include "adapter/base/text.hpp"
#include "adapter/net/tls_library.hpp"

namespace adapter::net {
namespace {

/// OpenSSL's choice without Diffie-Hellman in groups that the server makes up: one of 10,000 bits, which OpenSSL takes,
/// keeps the loop for a second and more. The named groups of TLS 1.3 cost 10 ms at the most.
constexpr const char* cipher_list = "DEFAULT:!DHE";

/// ALPN's wire form of "http/1.1".
constexpr std::array<unsigned char, 9> alpn_http_1_1 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

using SharedContext = std::shared_ptr<SSL_CTX>;

Error tls_error(const std::string& text) {
  return Error(ErrorClass::tls, text);
}

std::filesystem::path system_store_file() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this process changes the environment
  const char* chosen = std::getenv(X509_get_default_cert_file_env());
  return chosen != nullptr ? chosen : X509_get_default_cert_file();
}

/// Puts every certificate of a PEM file into the context's store.
std::optional<Error> trust_file(SSL_CTX* context, const std::filesystem::path& file) {
  std::string pem;
  try {
    pem = read_file(file, TlsContexts::max_ca_file_bytes);
  } catch (const Error& error) {
    return tls_error(error.text() + " (a file of CA certificates)");
  }
  const std::string shown = "the CA file " + escape(file.native());
  const Bio source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!source) {
    return tls_error(shown + ": " + take_openssl_reason());
  }
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (const Certificate certificate{PEM_read_bio_X509_AUX(source.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      return tls_error(shown + ": " + take_openssl_reason());
    }
    ++count;
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!at_end) {
    return tls_error(shown + " holds a damaged certificate: " + take_openssl_reason());
  }
  ERR_clear_error();
  if (count == 0) {
    return tls_error(shown + " holds no certificate (it must be a PEM file)");
  }
  return std::nullopt;
}

Result<SslContext> make_context(const std::optional<std::filesystem::path>& ca_file) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), cipher_list) != 1) {
    return tls_error("cannot set up TLS: " + take_openssl_reason());
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, note_presented_names);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context.get(), 1);
  // 0 is success here, unlike everywhere else in OpenSSL.
  if (SSL_CTX_set_alpn_protos(context.get(), alpn_http_1_1.data(), alpn_http_1_1.size()) != 0) {
    return tls_error("cannot set up TLS: " + take_openssl_reason());
  }
  // As curl and git do: a CA file may name an intermediate, or the server's own certificate.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  if (ca_file) {
    if (auto failure = trust_file(context.get(), *ca_file)) {
      return *failure;
    }
  } else if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return tls_error("cannot read the system's certificates: " + take_openssl_reason());
  }
  ERR_clear_error();
  return context;
}

/// The context of a file, or of the system's store, as it is now. One thread at a time; blocks on the file.
class ContextReader {
public:
  explicit ContextReader(std::optional<std::filesystem::path> ca_file) : ca_file_(std::move(ca_file)) {}

  Result<SharedContext> read() {
    // The version is taken before the bytes are read: the next look notices a change in between.
    const FileVersion version = FileVersion::of(ca_file_ ? *ca_file_ : system_store_file(), version_);
    if (!context_ || version != version_) {
      Result<SslContext> fresh = make_context(ca_file_);
      if (!fresh) {
        return fresh.error();
      }
      context_ = std::move(*fresh);
    }
    version_ = version;
    return context_;
  }

private:
  std::optional<std::filesystem::path> ca_file_;
  FileVersion version_;  ///< that `context_` was made of
  SharedContext context_;
};

/// SSL_set_tlsext_host_name without its C casts.
bool set_server_name(SSL* ssl, std::string host) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
}

/// Which name the peer's certificate must be for, and SNI. An address literal has no SNI (RFC 6066 §3).
bool expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  std::error_code not_literal;
  static_cast<void>(asio::ip::make_address(host, not_literal));
  if (!not_literal) {
    return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host.c_str()) == 1 && set_server_name(ssl, host);
}

}  // namespace

std::optional<Error> check_ca_file(const std::filesystem::path& file) {
  const Result<SslContext> context = make_context(file);
  return context ? std::nullopt : std::optional(context.error());
}

struct TlsContexts::Entry {
  Entry(async::Workers& workers, const std::optional<std::filesystem::path>& ca_file)
      : reader(std::make_shared<ContextReader>(ca_file)), look(workers, "read certificates", async::Lane::files) {}
  std::shared_ptr<ContextReader> reader;  ///< belongs to the look that goes on
  async::SharedJob<Result<SharedContext>> look;
};

TlsContexts::TlsContexts(async::Workers& workers, std::chrono::milliseconds patience)
    : workers_(workers), patience_(patience) {}
TlsContexts::~TlsContexts() = default;

asio::awaitable<Ssl> TlsContexts::new_connection(std::optional<std::filesystem::path> ca_file, std::string host) {
  const std::filesystem::path key = ca_file ? *ca_file : std::filesystem::path();
  Entry& entry = entries_.try_emplace(key, workers_, ca_file).first->second;
  std::function<Result<SharedContext>()> read = [reader = entry.reader] { return reader->read(); };
  std::optional<Result<SharedContext>> found = co_await entry.look.run(std::move(read), patience_);
  if (!found) {
    found.emplace(async::slow_file_error(ErrorClass::tls, ca_file ? *ca_file : system_store_file(), patience_));
  }
  const SharedContext context = found->value();
  ERR_clear_error();
  Ssl ssl(SSL_new(context.get()));
  if (!ssl || !expect_host(ssl.get(), host)) {
    throw tls_error("cannot set up TLS for " + escape(host) + ": " + take_openssl_reason());
  }
  SSL_set_connect_state(ssl.get());
  co_return ssl;
}

}  // namespace adapter::net
