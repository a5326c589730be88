// SPDX-License-Identifier: Apache-2.0
#include "tls_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "adapter/base/file.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/net/tls_library.hpp"
#include "support/mapped_file.hpp"
#include "tls_context.hpp"

namespace adapter::net {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

using Key = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;

Key make_key() {
  std::string curve = "P-256";  // its macro takes no constant
  return Key(EVP_EC_gen(curve.data()));
}

Certificate self_signed(EVP_PKEY* key) {
  Certificate made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  X509_sign(made.get(), key, EVP_sha256());
  return made;
}

/// A server in a thread that shakes hands with one client and then does what a test wants.
class OneClientServer {
public:
  using Deed = std::function<void(SSL*, const std::atomic<bool>& over)>;

  OneClientServer(asio::io_context& loop, int version, Deed deed)
      : acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        thread_([this, version, deed = std::move(deed)] { serve(version, deed); }) {}

  ~OneClientServer() {
    over_ = true;
    thread_.join();
  }
  OneClientServer(const OneClientServer&) = delete;
  OneClientServer& operator=(const OneClientServer&) = delete;

  [[nodiscard]] tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
  void serve(int version, const Deed& deed) {
    const int client = accept(acceptor_.native_handle(), nullptr, nullptr);
    const timeval patience{10, 0};
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const SslContext context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    const Key key = make_key();
    const Certificate certificate = self_signed(key.get());
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    {
      const Ssl ssl(SSL_new(context.get()));
      SSL_set_fd(ssl.get(), client);
      if (SSL_accept(ssl.get()) == 1) {
        deed(ssl.get(), over_);
      }
    }
    ::close(client);
  }

  tcp::acceptor acceptor_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

class TlsStreamTest : public testing::Test {
protected:
  TlsStreamTest() : context_(SSL_CTX_new(TLS_client_method())) {
    std::signal(SIGPIPE, SIG_IGN);  // of the server, whose client ends the connection
    SSL_CTX_set_read_ahead(context_.get(), 1);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_options(context_.get(), SSL_OP_NO_RENEGOTIATION);
  }

  asio::awaitable<void> read_all(tcp::endpoint server) {
    auto socket = std::make_shared<Socket>(loop_.get_executor());
    socket->set_deadline(steady_clock::now() + seconds(20), "read answer");
    co_await socket->connect(server);
    Ssl ssl(SSL_new(context_.get()));
    SSL_set_connect_state(ssl.get());
    auto stream = co_await start_tls(socket, std::move(ssl), "host");
    std::array<char, 4096> buffer{};
    std::size_t count = 1;
    while (count > 0) {
      count = co_await stream->read_some(buffer);
      received_.append(buffer.data(), count);
      if (pause_ > milliseconds(0)) {
        asio::steady_timer timer(loop_, pause_);
        co_await timer.async_wait(asio::use_awaitable);
        quiet_ = stream->is_quiet();
        co_return;
      }
    }
  }

  /// Reads all that comes, while a timer tells how long the loop was kept from it.
  void run(const OneClientServer& server) {
    bool over = false;
    asio::co_spawn(loop_, read_all(server.endpoint()), [&](const std::exception_ptr& failure) {
      over = true;
      try {
        if (failure) {
          std::rethrow_exception(failure);
        }
      } catch (const Error& error) {
        error_ = error;
      }
    });
    const auto give_up = steady_clock::now() + seconds(20);
    while (!over && steady_clock::now() < give_up) {
      const auto began = steady_clock::now();
      loop_.run_one_for(milliseconds(100));
      longest_turn_ = std::max<steady_clock::duration>(longest_turn_, steady_clock::now() - began);
    }
    EXPECT_TRUE(over);
  }

  asio::io_context loop_{1};
  SslContext context_;
  std::string received_;
  milliseconds pause_{0};  ///< after the first bytes; then the connection is looked at, and left
  bool quiet_ = false;
  std::optional<Error> error_;
  steady_clock::duration longest_turn_{0};
};

void send(SSL* ssl, std::string_view text) {
  std::size_t written = 0;
  SSL_write_ex(ssl, text.data(), text.size(), &written);
}

/// One more session ticket.
bool send_ticket(SSL* ssl) {
  return SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1;
}

class TlsContextsTest : public testing::Test {
protected:
  /// Null where it fails; error_ says why.
  Ssl new_connection(std::optional<std::filesystem::path> ca_file) {
    return new_connection(contexts_, std::move(ca_file));
  }
  Ssl new_connection(TlsContexts& contexts, std::optional<std::filesystem::path> ca_file) {
    Ssl made;
    asio::co_spawn(loop_, make(contexts, std::move(ca_file), made), [](const std::exception_ptr&) {});
    loop_.restart();
    loop_.run();
    return made;
  }

  asio::io_context loop_{1};
  async::Workers workers_{1, async::Workers::OneLane{}};
  TlsContexts contexts_{workers_, std::chrono::minutes(1)};
  std::optional<Error> error_;

private:
  asio::awaitable<void> make(TlsContexts& contexts, std::optional<std::filesystem::path> ca_file, Ssl& made) {
    try {
      std::string host = "host";
      made = co_await contexts.new_connection(std::move(ca_file), std::move(host));
    } catch (const Error& error) {
      error_ = error;
    }
  }
};

/// OpenSSL computes with any that has no more than 10,000 bits, for seconds.
TEST_F(TlsContextsTest, OfferNoGroupThatTheServerMakesUp) {
  const Ssl connection = new_connection(std::nullopt);
  ASSERT_TRUE(connection);
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_get_ciphers(connection.get());
  ASSERT_GT(sk_SSL_CIPHER_num(ciphers), 5);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
    EXPECT_NE(SSL_CIPHER_get_kx_nid(cipher), NID_kx_dhe) << SSL_CIPHER_get_name(cipher);
  }
}

TEST_F(TlsContextsTest, ReadAFileAgainThatWasRewrittenUnderTheSameStamp) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / unique_name("ca-");
  const Bio pem(BIO_new_file(file.c_str(), "w"));
  const Key key = make_key();
  PEM_write_bio_X509(pem.get(), self_signed(key.get()).get());
  BIO_flush(pem.get());
  test::MappedFile mapped(file);
  EXPECT_TRUE(new_connection(file));
  EXPECT_TRUE(new_connection(file));
  mapped.rewrite("no certificate");
  EXPECT_FALSE(new_connection(file));
  // `validate` puts the key in front.
  const std::optional<Error> damaged = check_ca_file(file);
  EXPECT_THAT(damaged ? damaged->text() : "",
              testing::StartsWith("the CA file " + file.native() + " holds no certificate"));
  std::filesystem::remove(file);
  const std::optional<Error> absent = check_ca_file(file);
  EXPECT_THAT(absent ? absent->text() : "", testing::StartsWith("cannot read " + file.native()));
}

TEST_F(TlsContextsTest, AFileThatHangsIsAnErrorThatNamesIt) {
  std::promise<void> release;
  workers_.post(async::Lane::files, [end = release.get_future().share()] { end.wait(); });
  TlsContexts hurried(workers_, milliseconds(100));
  EXPECT_FALSE(new_connection(hurried, "/mnt/ca.pem"));
  release.set_value();
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->error_class(), ErrorClass::tls);
  EXPECT_EQ(error_->text(), "cannot read /mnt/ca.pem: no answer within 100ms; check the mount that it is on");
  EXPECT_TRUE(new_connection(std::nullopt)) << "another file, once a worker is free";
}

TEST_F(TlsStreamTest, ReadsBetweenAFewTickets) {
  std::string large(3 * mib, 'x');
  const OneClientServer server(loop_, TLS1_3_VERSION, [&](SSL* ssl, const std::atomic<bool>&) {
    send(ssl, "begin");
    for (int number = 0; number < 20; ++number) {
      send_ticket(ssl);
    }
    send(ssl, large);
    SSL_shutdown(ssl);
  });
  run(server);
  EXPECT_FALSE(error_) << error_->text();
  EXPECT_TRUE(received_ == "begin" + large) << received_.size();
}

TEST_F(TlsStreamTest, EndsAConnectionOfTicketsWithoutEnd) {
  const OneClientServer server(loop_, TLS1_3_VERSION, [&](SSL* ssl, const std::atomic<bool>& over) {
    send(ssl, "begin");
    while (!over && send_ticket(ssl)) {
    }
  });
  run(server);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->error_class(), ErrorClass::tls);
  EXPECT_THAT(error_->text(), HasSubstr("the server sent more than 256 TLS messages that are no data"));
  EXPECT_EQ(received_, "begin");
  EXPECT_LT(longest_turn_, seconds(1));
}

TEST_F(TlsStreamTest, AnIdleConnectionIsQuietAfterAFewTicketsOnly) {
  pause_ = milliseconds(300);
  for (const int tickets : {4, 1000}) {
    const OneClientServer server(loop_, TLS1_3_VERSION, [&](SSL* ssl, const std::atomic<bool>& over) {
      send(ssl, "begin");
      for (int number = 0; number < tickets; ++number) {
        send_ticket(ssl);
      }
      while (!over) {
        std::this_thread::sleep_for(milliseconds(10));
      }
    });
    run(server);
    EXPECT_EQ(quiet_, tickets == 4);
  }
}

TEST_F(TlsStreamTest, EndsAConnectionOfTicketsAmongData) {
  const OneClientServer server(loop_, TLS1_3_VERSION, [&](SSL* ssl, const std::atomic<bool>& over) {
    while (!over && send_ticket(ssl)) {
      send(ssl, "x");
    }
  });
  run(server);
  ASSERT_TRUE(error_);
  EXPECT_THAT(error_->text(), HasSubstr("256 TLS messages"));
  EXPECT_GE(received_.size(), 200U);
}

/// TLS 1.2 has requests for another handshake, each of which is answered with a warning.
TEST_F(TlsStreamTest, EndsAConnectionOfHelloRequestsWithoutEnd) {
  const OneClientServer server(loop_, TLS1_2_VERSION, [&](SSL* ssl, const std::atomic<bool>& over) {
    send(ssl, "begin");
    while (!over && SSL_renegotiate_abbreviated(ssl) == 1 && SSL_do_handshake(ssl) == 1) {
    }
  });
  run(server);
  ASSERT_TRUE(error_);
  EXPECT_EQ(received_, "begin");
  EXPECT_LT(longest_turn_, seconds(1));
}

}  // namespace
}  // namespace adapter::net
