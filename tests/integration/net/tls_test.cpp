// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

namespace adapter::net {
namespace {

using test::LoopbackServer;
using test::make_leaf;

class TlsTest : public NetTest {
protected:
  std::string against(const test::Identity& leaf, std::string_view host) {
    LoopbackServer server(with(leaf), hello_);
    const std::string got = send(get(host, server.port()));
    client_->close();
    client_.reset();
    return got;
  }
};

TEST_F(TlsTest, AcceptsACertificateForTheNameOrTheAddress) {
  EXPECT_EQ(against(make_leaf(authority_, "DNS:localhost"), "localhost"), "200 hello");
  EXPECT_EQ(against(make_leaf(authority_, "IP:127.0.0.1"), "127.0.0.1"), "200 hello");
  name("git.team.example", {"127.0.0.1"});
  EXPECT_EQ(against(make_leaf(authority_, "DNS:*.team.example"), "git.team.example"), "200 hello");
}

TEST_F(TlsTest, RefusesAnExpiredCertificate) {
  EXPECT_THAT(against(make_leaf(authority_, "DNS:localhost", -60), "localhost"),
              AllOf(HasSubstr("tls: 127.0.0.1:"), HasSubstr("certificate has expired")));
}

TEST_F(TlsTest, RefusesACertificateForAnotherHostAndSaysForWhom) {
  EXPECT_THAT(against(make_leaf(authority_, "DNS:elsewhere.example,IP:192.0.2.1"), "localhost"),
              HasSubstr("hostname mismatch: the certificate is for elsewhere.example, 192.0.2.1, not for localhost"));
  EXPECT_THAT(against(make_leaf(authority_, "DNS:127.0.0.1"), "127.0.0.1"), HasSubstr("hostname mismatch"));
}

TEST_F(TlsTest, RefusesPartialAndDeepWildcards) {
  name("git.team.example", {"127.0.0.1"});
  for (const char* names : {"DNS:g*.team.example", "DNS:*t.team.example", "DNS:g*t.team.example", "DNS:*.example"}) {
    EXPECT_THAT(against(make_leaf(authority_, names), "git.team.example"), HasSubstr("hostname mismatch")) << names;
  }
}

TEST_F(TlsTest, RefusesAnUnknownAuthorityAndSaysWhatToDo) {
  const test::Identity other = test::make_authority("other authority");
  const std::string got = against(make_leaf(other, "DNS:localhost"), "localhost");
  EXPECT_THAT(got,
              AllOf(HasSubstr("tls: "), HasSubstr("unable to get local issuer certificate"), HasSubstr("ca_file")));
  test::Identity self = test::make_authority("self");
  EXPECT_THAT(against(self, "localhost"), HasSubstr("self-signed certificate"));
}

TEST_F(TlsTest, RefusesAServerWithOldTlsOnly) {
  test::ServerOptions options = with(make_leaf(authority_, "DNS:localhost"));
  options.max_tls_version = TLS1_1_VERSION;
  LoopbackServer server(options, hello_);
  EXPECT_THAT(send(get("localhost", server.port())), AllOf(HasSubstr("tls: "), HasSubstr("TLS 1.2 or newer")));
}

TEST_F(TlsTest, SaysThatAServerDoesNotSpeakTls) {
  LoopbackServer server({}, [](test::Peer& peer) { peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  EXPECT_THAT(send(get("localhost", server.port())),
              AllOf(HasSubstr("tls: "), HasSubstr("does not seem to speak TLS")));
}

TEST_F(TlsTest, TakesAnEndWithoutCloseNotifyOnlyWhereTheLengthIsKnown) {
  const test::Identity leaf = make_leaf(authority_, "DNS:localhost");
  const auto answer_and = [](std::string text, bool properly) {
    return [text, properly](test::Peer& peer) {
      peer.read_request();
      peer.write(text);
      properly ? peer.close_properly() : peer.cut();
    };
  };
  LoopbackServer framed(with(leaf), answer_and(http_answer("hello"), false));
  EXPECT_EQ(send(get("localhost", framed.port())), "200 hello");
  LoopbackServer closed(with(leaf), answer_and("HTTP/1.1 200 OK\r\n\r\nhello", true));
  EXPECT_EQ(send(get("localhost", closed.port())), "200 hello");
  LoopbackServer cut(with(leaf), answer_and("HTTP/1.1 200 OK\r\n\r\nhello", false));
  EXPECT_THAT(send(get("localhost", cut.port())),
              AllOf(HasSubstr("network: "), HasSubstr("the server closed the connection")));
  LoopbackServer short_body(with(leaf), answer_and("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", false));
  EXPECT_THAT(send(get("localhost", short_body.port())), HasSubstr("network: "));
}

TEST_F(TlsTest, ReadsTheCaFileAgainWhenItChanges) {
  const test::Identity other = test::make_authority("other authority");
  LoopbackServer old_server(with(make_leaf(authority_, "DNS:localhost")), hello_);
  LoopbackServer new_server(with(make_leaf(other, "DNS:localhost")), hello_);
  EXPECT_EQ(send(get("localhost", old_server.port())), "200 hello");
  EXPECT_THAT(send(get("localhost", new_server.port())), HasSubstr("tls: "));
  trust({&authority_, &other});
  EXPECT_EQ(send(get("localhost", new_server.port())), "200 hello");
}

TEST_F(TlsTest, NamesACaFileThatCannotBeUsed) {
  LoopbackServer server(with(make_leaf(authority_, "DNS:localhost")), hello_);
  const std::string pem = authority_.pem();
  for (const std::string& bad : {std::string(), std::string("not a certificate"), pem.substr(0, pem.size() / 2),
                                 pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    write_ca_file(bad);
    EXPECT_THAT(send(get("localhost", server.port())), AllOf(HasSubstr("tls: "), HasSubstr(ca_file().native())));
  }
  std::filesystem::remove(ca_file());
  EXPECT_THAT(send(get("localhost", server.port())), AllOf(HasSubstr("tls: "), HasSubstr("No such file")));
  EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace adapter::net
