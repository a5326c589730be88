// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/request_head.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace adapter::http {
namespace {

/// All that a caller can see after `bytes` came in pieces of `piece`, as text.
std::string outcome(std::string_view bytes, std::size_t piece) {
  RequestHeadParser parser;
  while (!bytes.empty() && !parser.done()) {
    const auto used = parser.feed(bytes.substr(0, piece));
    EXPECT_GT(used, 0U);
    bytes.remove_prefix(used);
  }
  std::ostringstream out;
  if (parser.refused()) {
    out << parser.refusal().status << ": " << parser.refusal().reason;
    return out.str();
  }
  if (!parser.complete()) {
    return "incomplete";
  }
  const auto& head = parser.head();
  EXPECT_EQ(head.query.empty() ? head.path : head.path + "?" + head.query, head.target);
  out << head.method << " " << head.path << " [" << head.query << "] 1." << head.minor_version << " @" << head.host;
  out << (head.keep_alive ? " keep" : " close") << (head.expects_continue ? " expects" : "");
  if (head.content_length) {
    out << " length=" << *head.content_length;
  }
  out << " fields=" << head.fields.size() << " +" << bytes.size();
  return out.str();
}

struct HeadCase {
  std::string bytes;
  std::string expected;  ///< the whole outcome, or how it begins
};

void expect_all(const std::vector<HeadCase>& cases) {
  for (const auto& each : cases) {
    const auto whole = outcome(each.bytes, each.bytes.size());
    EXPECT_TRUE(whole.starts_with(each.expected)) << each.bytes.substr(0, 200) << "\n" << whole;
    EXPECT_EQ(outcome(each.bytes, 1), whole) << each.bytes.substr(0, 200);
    EXPECT_EQ(outcome(each.bytes, 7), whole) << each.bytes.substr(0, 200);
  }
}

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string with(const std::string& fields) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST(RequestHead, IsReadAsItsBytesArrive) {
  expect_all({
      {get("/"), "GET / [] 1.1 @a keep fields=1 +0"},
      {get("/a/b%20c?x=1&y=?%2f"), "GET /a/b%20c [x=1&y=?%2f] 1.1 @a keep"},
      {get("//evil/%2e%2e/x"), "GET //evil/%2e%2e/x [] 1.1"},
      {with("Content-Length: 5\r\n") + "hello", "POST /x [] 1.1 @a keep length=5 fields=2 +5"},
      {with("Content-Length:\t0 \r\n"), "POST /x [] 1.1 @a keep length=0"},
      {with("X:\r\nY: a:b \xc3\xa9\tc\r\n"), "POST /x [] 1.1 @a keep fields=3"},
      {with("Upgrade: h2c\r\nConnection: Upgrade\r\n"), "POST /x [] 1.1 @a keep"},
      {"\r\n" + get("/"), "GET / [] 1.1 @a keep fields=1 +0"},
      {"GET / HTTP/1.1\r\nHost: a\r\n", "incomplete"},
      {"G", "incomplete"},
      {"\r", "incomplete"},
      {"ABCDEFGHIJKLMNOP / HTTP/1.0\r\n\r\n", "ABCDEFGHIJKLMNOP / [] 1.0 @ close fields=0 +0"},
  });
}

TEST(RequestHead, HasOneFormOfRequestLine) {
  expect_all({
      {"GET  / HTTP/1.1\r\n", "400"},
      {"GET /  HTTP/1.1\r\n", "400"},
      {"GET /\tHTTP/1.1\r\n", "400"},
      {" GET / HTTP/1.1\r\n", "400"},
      {"GET / HTTP/1.1 \r\n", "400"},
      {"GET / HTTP/1.1\n", "400"},
      {"GET / HTTP/1.1\r\r\n", "400"},
      {"GET / HTTP/1.1\rX", "400"},
      {"GET /\r\n", "400"},
      {"GET\r\n", "400"},
      {"G{T / HTTP/1.1\r\n", "400"},
      {"G\x80T / HTTP/1.1\r\n", "400"},
      {"\n", "400"},
      {"\r\n\r\n", "400"},
      {"\rGET / HTTP/1.1\r\n", "400"},
      {"\x16\x03\x01\x02", "400: the request does not begin with a method"},
      {"ABCDEFGHIJKLMNOPQ", "501"},
      {"GET / HTTP/2.0\r\n", "505"},
      {"GET / HTTP/1.2\r\n", "505"},
      {"GET / HTTP/0.9\r\n", "505"},
      {"GET / http/1.1\r\n", "400"},
      {"GET / HTTP/1.10\r\n", "400"},
      {"GET / HTTP/1,1\r\n", "400"},
      {"GET / \r\n", "400"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
  });
}

TEST(RequestHead, HasATargetInOriginForm) {
  expect_all({
      {get("http://a/"), "400: the request's target does not begin with /"},
      {get("a:443"), "400"},
      {get("*"), "400"},
      {get("?x"), "400"},
      {get("/a#b"), "400"},
      {get("/a\\b"), "400"},
      {get("/a\x7f"), "400"},
      {get("/a\xc3\xa9"), "400"},
      {get(std::string("/a\0b", 4)), "400"},
      {get("/a%"), "400"},
      {get("/a%4"), "400"},
      {get("/a%4g"), "400"},
      {get("/a%g4"), "400"},
      {get("/%%41"), "400"},
      {get("/a%00"), "400"},
      {get("/a?b=%00"), "400"},
      {get("/a?b=%"), "400"},
  });
}

TEST(RequestHead, HasFieldsThatNobodyReadsOtherwise) {
  expect_all({
      {with("X: a\n"), "400"},
      {with("X: a\rb\r\n"), "400"},
      {with("X: a\r\n folded\r\n"), "400"},
      {with("X: a\r\n\tfolded\r\n"), "400"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"},
      {with("X : a\r\n"), "400"},
      {with("X\t: a\r\n"), "400"},
      {with(": a\r\n"), "400"},
      {with("X\r\n"), "400"},
      {with("X(y): a\r\n"), "400"},
      {with("X\xc3\xa9: a\r\n"), "400"},
      {with(std::string("X: a\0b\r\n", 8)), "400"},
      {with("X: \x01\r\n"), "400"},
      {with("X: \x7f\r\n"), "400"},
      {with("X: \x1b[2J\r\n"), "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\rX", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", "400"},
  });
}

TEST(RequestHead, NamesOneHost) {
  const auto host = [](const std::string& value) { return "GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n"; };
  expect_all({
      {host("LocalHost:8080"), "GET / [] 1.1 @localhost:8080"},
      {host("[::1]:80"), "GET / [] 1.1 @[::1]:80"},
      {host("10.1.2.3"), "GET / [] 1.1 @10.1.2.3"},
      {host("my_service.svc."), "GET / [] 1.1 @my_service.svc."},
      {"GET / HTTP/1.1\r\n\r\n", "400: a request needs exactly one Host"},
      {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "400: a request needs exactly one Host"},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", "400"},
      {host(""), "400: the request's Host is malformed"},
      {host("a b"), "400"},
      {host("a, b"), "400"},
      {host("user@a"), "400"},
      {host("a/b"), "400"},
      {host("a?b"), "400"},
      {host("a#b"), "400"},
      {host("a\\b"), "400"},
      {host("http://a"), "400"},
      {host("a:"), "400"},
      {host("a:0"), "400"},
      {host("a:65536"), "400"},
      {host("a:80:80"), "400"},
      {host("a:8x"), "400"},
      {host("::1"), "400"},
      {host("[::1"), "400"},
      {host("127.1"), "400"},
      {host("a%00b"), "400"},
      {host("\xc3\xa9"), "400"},
  });
}

TEST(RequestHead, HasOneFraming) {
  expect_all({
      {with("Transfer-Encoding: chunked\r\n"), "411"},
      {with("transfer-encoding: identity\r\n"), "411"},
      {with("Transfer-Encoding:\r\n"), "411"},
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "400: the request has both"},
      {with("Content-Length: 5\r\nContent-Length: 5\r\n"), "400"},
      {with("Content-Length: 5\r\ncontent-length: 6\r\n"), "400"},
      {with("Content-Length: 5, 5\r\n"), "400"},
      {with("Content-Length:\r\n"), "400"},
      {with("Content-Length: +5\r\n"), "400"},
      {with("Content-Length: -5\r\n"), "400"},
      {with("Content-Length: 0x5\r\n"), "400"},
      {with("Content-Length: 5 5\r\n"), "400"},
      {with("Content-Length: 5.0\r\n"), "400"},
      {with("Content-Length: 9999999999999999999\r\n"), "POST /x [] 1.1 @a keep length=9999999999999999999"},
      {with("Content-Length: 99999999999999999999\r\n"), "413"},
  });
}

TEST(RequestHead, SaysWhetherTheConnectionStays) {
  const auto old = [](const std::string& fields) { return "GET / HTTP/1.0\r\n" + fields + "\r\n"; };
  expect_all({
      {with("Connection: close\r\n"), "POST /x [] 1.1 @a close"},
      {with("Connection: foo , CLOSE\r\n"), "POST /x [] 1.1 @a close"},
      {with("Connection: foo\r\nConnection: close\r\n"), "POST /x [] 1.1 @a close"},
      {with("Connection: keep-alive, close\r\n"), "POST /x [] 1.1 @a close"},
      {with("Connection: closed\r\n"), "POST /x [] 1.1 @a keep"},
      {old(""), "GET / [] 1.0 @ close"},
      {old("Connection: Keep-Alive\r\n"), "GET / [] 1.0 @ keep"},
      {old("Connection: keep-alive, close\r\n"), "GET / [] 1.0 @ close"},
  });
}

TEST(RequestHead, ExpectsOnlyToBeAskedToContinue) {
  expect_all({
      {with("Expect: 100-Continue\r\n"), "POST /x [] 1.1 @a keep expects fields"},
      {with("Expect: 100-continue\r\nExpect: 100-continue\r\n"), "417"},
      {with("Expect: 200-ok\r\n"), "417"},
      {with("Expect:\r\n"), "417"},
      {"POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "POST / [] 1.0 @ close fields"},
  });
}

TEST(RequestHead, IsLimited) {
  const std::string target = "/" + std::string(max_request_target_bytes - 1, 'x');
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const auto filled = [&](std::size_t size) { return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n"; };
  const auto fields = [](int count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < count; ++i) {
      text += "X: y\r\n";
    }
    return text + "\r\n";
  };
  expect_all({
      {get(target), "GET /xxx"},
      {"GET " + target + "x", "414"},
      {filled(max_request_head_bytes), "GET / [] 1.1 @a keep fields=2 +0"},
      {filled(max_request_head_bytes + 1), "431: the request's head is larger than 16 KiB"},
      {"\r\n" + filled(max_request_head_bytes), "431"},
      {start + std::string(max_request_head_bytes, 'x'), "431"},
      {fields(100), "GET / [] 1.1 @a keep fields=100 +0"},
      {fields(101), "431: the request's head has more than 100 fields"},
  });
}

TEST(RequestHead, IsNeverQuotedInARefusal) {
  for (const std::string bytes : {"hunter2{", "GET hunter2", "GET / hunter2\r\n", "GET / HTTP/1.1\r\nhunter2\r\n",
                                  "GET / HTTP/1.1\r\nHost: user:hunter2@a\r\n\r\n"}) {
    const auto text = outcome(bytes, bytes.size());
    EXPECT_TRUE(text.starts_with("400")) << text;
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  }
}

TEST(RequestHead, KeepsItsFieldsAsSent) {
  RequestHeadParser parser;
  const auto bytes = with("X-Token:  a b \t\r\nx-token: c\r\n");
  EXPECT_EQ(parser.feed(bytes), bytes.size());
  ASSERT_TRUE(parser.complete());
  EXPECT_EQ(parser.head().fields.count("x-TOKEN"), 2U);
  EXPECT_EQ(parser.head().fields.get("X-TOKEN"), "a b");
  EXPECT_EQ(parser.feed("more"), 0U);
}

}  // namespace
}  // namespace adapter::http
