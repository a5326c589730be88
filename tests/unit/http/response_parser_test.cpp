// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <sstream>

#include "adapter/base/limits.hpp"
#include "adapter/http/message.hpp"

namespace adapter::http {
namespace {

/// All that a caller can see of one answer, as text.
std::string outcome(const std::vector<std::string_view>& parts, bool expect_body = true) {
  ResponseParser parser(expect_body);
  std::string body;
  std::string error;
  std::size_t left_over = 0;
  for (std::string_view part : parts) {
    while (!part.empty() && !parser.done() && error.empty()) {
      const auto step = parser.feed(part);
      if (!step) {
        error = std::string(to_string(step.error().error_class())) + ": " + step.error().text();
        break;
      }
      EXPECT_GT(step->consumed, 0U);
      body += step->body;
      part.remove_prefix(step->consumed);
    }
    left_over += part.size();
  }
  if (!error.empty()) {
    return error;
  }
  if (const auto failure = parser.end_of_stream()) {
    return std::string(to_string(failure->error_class())) + ": " + failure->text();
  }
  EXPECT_TRUE(parser.done());
  EXPECT_EQ(parser.body_bytes(), body.size());
  std::ostringstream out;
  out << parser.head().status << (parser.keep_alive() ? " keep" : " close") << " [" << body << "] +" << left_over;
  for (std::size_t i = 0; i < parser.head().fields.size(); ++i) {
    const auto [name, value] = parser.head().fields.at(i);
    out << " " << name << "=" << value;
  }
  return out.str();
}

struct AnswerCase {
  std::string bytes;
  std::string expected;  ///< the whole outcome, or "class: " and words of the error
};

std::string ok(const std::string& fields_and_body) {
  return "HTTP/1.1 200 OK\r\n" + fields_and_body;
}

std::vector<AnswerCase> good_answers() {
  return {
      {ok("Content-Length: 5\r\n\r\nhello"), "200 keep [hello] +0 Content-Length=5"},
      {ok("content-length:5\r\n\r\nhelloHTTP"), "200 keep [hello] +4 content-length=5"},
      {ok("Content-Length: \t 0 \t\r\n\r\n"), "200 keep [] +0 Content-Length=0"},
      {ok("Content-Length: 005\r\n\r\nhello"), "200 keep [hello] +0 Content-Length=005"},
      {ok("\r\nuntil close"), "200 close [until close] +0"},
      {ok("\r\n"), "200 close [] +0"},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 keep [] +0 Content-Length=0"},
      {"HTTP/1.1 404 Not \xc3\xbc Found\r\nContent-Length: 0\r\n\r\n", "404 keep [] +0 Content-Length=0"},
      {"HTTP/1.0 200 OK\r\n\r\nold", "200 close [old] +0"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", "200 close [old] +0 Content-Length=3"},
      {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\nold",
       "200 keep [old] +0 Connection=Keep-Alive Content-Length=3"},
      {ok("Connection: x, Close\r\nContent-Length: 1\r\n\r\na"),
       "200 close [a] +0 Connection=x, Close Content-Length=1"},
      {ok("Connection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
       "200 close [] +0 Connection=keep-alive Connection=close Content-Length=0"},
      {ok("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nrest"),
       "200 keep [hello] +4 Transfer-Encoding=chunked"},
      {ok("Transfer-Encoding: Chunked\r\n\r\nA;x=\"y z\"\r\n0123456789\r\n00b\r\nabcdefghijk\r\n000\r\nT: t\r\nU: "
          "u\r\n\r\n"),
       "200 keep [0123456789abcdefghijk] +0 Transfer-Encoding=Chunked"},
      {ok("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "200 keep [] +0 Transfer-Encoding=chunked"},
      {"HTTP/1.1 204 No Content\r\n\r\nHTTP", "204 keep [] +4"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab", "204 close [] +2 Content-Length=2"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 keep [] +0 Content-Length=0"},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 keep [] +0 Content-Length=9"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + ok("Content-Length: 1\r\n\r\nx"),
       "200 keep [x] +0 Content-Length=1"},
      {ok("X:\r\nContent-Length: 0\r\n\r\n"), "200 keep [] +0 X= Content-Length=0"},
      {ok("X: a\tb \xff\r\nContent-Length: 0\r\n\r\n"), "200 keep [] +0 X=a\tb \xff Content-Length=0"},
      {"HTTP/1.1 429 Slow\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nz",
       "429 keep [z] +0 Content-Encoding=gzip Content-Length=1"},
      {ok("Content-Encoding: Identity\r\nContent-Length: 0\r\n\r\n"),
       "200 keep [] +0 Content-Encoding=Identity Content-Length=0"},
  };
}

std::vector<AnswerCase> malformed_heads() {
  return {
      {"GIT/1.1 200 OK\r\n\r\n", "protocol: the server did not answer in HTTP/1.x"},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", "protocol: the server did not answer"},
      {"HTTP/2 200\r\n\r\n", "protocol: the server did not answer"},
      {"http/1.1 200 OK\r\n\r\n", "protocol: the server did not answer"},
      {std::string("\x15\x03\x01\0\x02", 5), "protocol: the server did not answer"},
      {"HTTP/1.2 200 OK\r\n\r\n", "protocol: the answer's status line is malformed"},
      {"HTTP/1.10 200 OK\r\n\r\n", "protocol: the answer's status line"},
      {"HTTP/1.1  200 OK\r\n\r\n", "protocol: the answer's status line"},
      {"HTTP/1.1\t200 OK\r\n\r\n", "protocol: the answer's status line"},
      {"HTTP/1.1 20 OK\r\n\r\n", "protocol: the answer's status line"},
      {"HTTP/1.1 2000\r\n\r\n", "protocol: the answer's status line"},
      {"HTTP/1.1 +20 OK\r\n\r\n", "protocol: the answer's status line"},
      {"HTTP/1.1\r\n\r\n", "protocol: the answer's status line"},
      {"HTTP/1.1 200 \x1b[0m\r\n\r\n", "protocol: the answer's status line is malformed: HTTP/1.1 200 \\x1B[0m"},
      {"HTTP/1.1 099 X\r\n\r\n", "protocol: the answer's status is 99"},
      {"HTTP/1.1 600 X\r\n\r\n", "protocol: the answer's status is 600"},
      {"HTTP/1.1 200 OK\n\n", "protocol: a line of the answer's header ends with LF alone"},
      {ok("X: y\n\r\n"), "protocol: a line of the answer's header ends with LF alone"},
      {ok("X: y\r\n\n"), "protocol: a line of the answer's header ends with LF alone"},
      {ok("X: y\rZ: w\r\n\r\n"), "protocol: a line of the answer's header holds a CR"},
      {ok("X: y\r\r\n\r\n"), "protocol: a line of the answer's header holds a CR"},
      {ok("X: y\r\n folded\r\n\r\n"), "protocol: a field of the answer's header has no well-formed name"},
      {ok("X : y\r\n\r\n"), "protocol: a field of the answer's header has no well-formed name"},
      {ok("X\r\n\r\n"), "protocol: a field of the answer's header has no well-formed name"},
      {ok(": y\r\n\r\n"), "protocol: a field of the answer's header has no well-formed name"},
      {ok("X\xc3\xbc: y\r\n\r\n"), "protocol: a field of the answer's header has no well-formed name"},
      {ok("X: a\x01\r\n\r\n"), "protocol: the field X of the answer's header holds a control character"},
      {ok(std::string("X: a\0b\r\n\r\n", 10)), "protocol: the field X of the answer's header holds a control"},
      {ok("X: a\x7f\r\n\r\n"), "protocol: the field X of the answer's header holds a control character"},
      {"HTTP/1.1 101 Switching\r\n\r\n", "protocol: the server switched protocols"},
      {ok("Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
       "protocol: the answer is compressed (Content-Encoding: gzip)"},
      {ok("Content-Encoding: identity\r\nContent-Encoding: br\r\n\r\n"), "protocol: the answer is compressed"},
  };
}

std::vector<AnswerCase> malformed_framing() {
  const std::string chunked = ok("Transfer-Encoding: chunked\r\n\r\n");
  return {
      {ok("Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
       "protocol: the answer has several, or a malformed, Content-Length"},
      {ok("Content-Length: 1, 1\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length: +1\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length: -1\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length: 0x1\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length: 1 1\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length:\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length: 9223372036854775808\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length: 99999999999999999999\r\n\r\nx"), "protocol: the answer has several"},
      {ok("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), "protocol: the answer has both"},
      {ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
       "protocol: the answer has a Transfer-Encoding other"},
      {ok("Transfer-Encoding: gzip, chunked\r\n\r\n"), "protocol: the answer has a Transfer-Encoding other"},
      {ok("Transfer-Encoding: identity\r\n\r\n"), "protocol: the answer has a Transfer-Encoding other"},
      {ok("Transfer-Encoding: xchunked\r\n\r\n"), "protocol: the answer has a Transfer-Encoding other"},
      {ok("Transfer-Encoding:\r\n\r\n"), "protocol: the answer has a Transfer-Encoding other"},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "protocol: the answer has a Transfer-Encoding other"},
      {"HTTP/1.1 204 X\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "protocol: the answer has both"},
      {chunked + "\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "-1\r\n", "protocol: a chunk size of the answer is malformed: -1"},
      {chunked + "+1\r\nx\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "0x1\r\nx\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + " 1\r\nx\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "1 \r\nx\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "g\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + ";x\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "00000000000000001\r\nx\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "ffffffffffffffff\r\nx", "protocol: a chunk size of the answer is malformed"},
      {chunked + "1\r\nx\r\n7fffffffffffffff\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "1;\x01\r\nx\r\n", "protocol: a chunk size of the answer is malformed"},
      {chunked + "1\nx\r\n", "protocol: a line of the answer's header ends with LF alone"},
      {chunked + "1\r\nxx\r\n", "protocol: a chunk of the answer is longer than it said"},
      {chunked + "1\r\nx\n", "protocol: a chunk of the answer is longer than it said"},
      {chunked + "1\r\nx\rx\n", "protocol: a chunk of the answer is longer than it said"},
      {chunked + "0\r\nbad trailer\r\n\r\n", "protocol: a field of the answer's header has no well-formed name"},
  };
}

std::vector<AnswerCase> truncated_answers() {
  const std::string chunked = ok("Transfer-Encoding: chunked\r\n\r\n");
  return {
      {"", "network: the server closed the connection without an answer"},
      {"HTTP/1.1", "network: the answer ended inside its header"},
      {ok("X: y\r\n"), "network: the answer ended inside its header"},
      {"HTTP/1.1 100 Continue\r\n\r\n", "network: the answer ended inside its header"},
      {ok("Content-Length: 5\r\n\r\nhel"), "network: the answer ended after 3 bytes of 5"},
      {chunked, "network: the answer ended after 0 bytes of a chunked body"},
      {chunked + "5\r\nhel", "network: the answer ended after 3 bytes of a chunked body"},
      {chunked + "3\r\nhel\r", "network: the answer ended after 3 bytes of a chunked body"},
      {chunked + "3\r\nhel\r\n", "network: the answer ended after 3 bytes of a chunked body"},
      {chunked + "3\r\nhel\r\n0\r\n", "network: the answer ended after 3 bytes of a chunked body"},
      {chunked + "3\r\nhel\r\n0\r\nT: t\r\n", "network: the answer ended after 3 bytes of a chunked body"},
  };
}

std::vector<AnswerCase> answers_over_limits() {
  std::string many;
  for (std::size_t count = 0; count < max_header_fields; ++count) {
    many += "F: v\r\n";
  }
  std::string interim;
  for (int count = 0; count < 9; ++count) {
    interim += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  return {
      {ok(many + "F: v\r\n\r\n"), "limit: the answer's header has more than 100 fields"},
      {ok("Transfer-Encoding: chunked\r\n\r\n0\r\n" + many + "\r\n"),
       "limit: the answer's header has more than 100 fields"},
      {interim, "protocol: the server sent more than 8 interim answers"},
  };
}

TEST(ResponseParser, ReadsWellFormedAnswers) {
  for (const auto& answer : good_answers()) {
    EXPECT_EQ(outcome({answer.bytes}), answer.expected) << answer.bytes;
  }
}

TEST(ResponseParser, RefusesOrReportsAllOthers) {
  for (const auto& cases : {malformed_heads(), malformed_framing(), truncated_answers(), answers_over_limits()}) {
    for (const auto& answer : cases) {
      const auto result = outcome({answer.bytes});
      EXPECT_TRUE(result.starts_with(answer.expected)) << result << "\nfor " << answer.bytes;
    }
  }
}

TEST(ResponseParser, DoesNotDependOnHowTheBytesAreDivided) {
  for (const auto& cases :
       {good_answers(), malformed_heads(), malformed_framing(), truncated_answers(), answers_over_limits()}) {
    for (const auto& answer : cases) {
      const std::string_view bytes = answer.bytes;
      const auto whole = outcome({bytes});
      std::vector<std::string_view> single;
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        single.push_back(bytes.substr(at, 1));
        ASSERT_EQ(outcome({bytes.substr(0, at), bytes.substr(at)}), whole) << bytes << "\nat " << at;
      }
      EXPECT_EQ(outcome(single), whole) << bytes;
    }
  }
}

TEST(ResponseParser, ReadsAHundredFieldsAndEightInterimAnswers) {
  std::string bytes;
  for (int count = 0; count < 8; ++count) {
    bytes += "HTTP/1.1 102 Processing\r\n\r\n";
  }
  bytes += ok("Content-Length: 1\r\n");
  for (std::size_t count = 1; count < max_header_fields; ++count) {
    bytes += "F: v\r\n";
  }
  EXPECT_TRUE(outcome({bytes + "\r\nx"}).starts_with("200 keep [x] +0"));
}

TEST(ResponseParser, StopsAtTheHeaderCapInEveryDivision) {
  const std::string limit = "limit: the answer's header is larger than 64 KiB";
  const std::string start = ok("X: ");
  const std::string end = "\r\nContent-Length: 0\r\n\r\n";
  const std::string fill(max_header_block_bytes - start.size() - end.size(), 'x');
  EXPECT_TRUE(outcome({start + fill + end}).starts_with("200 keep"));
  EXPECT_EQ(outcome({start + fill + "x" + end}), limit);
  EXPECT_EQ(outcome({start, fill, fill}), limit);
  EXPECT_EQ(outcome({start + fill + fill}), limit);
  EXPECT_EQ(outcome({"HTTP/1.1 200 " + std::string(max_header_block_bytes, 'x')}), limit);
  const std::string chunked = ok("Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(outcome({chunked, "1;", fill, fill}), limit);
  EXPECT_EQ(outcome({chunked, "0\r\nT: ", fill, fill}), limit);
}

TEST(ResponseParser, CountsChunkExtensionsAndNotChunks) {
  const std::string chunked = ok("Transfer-Encoding: chunked\r\n\r\n");
  std::string plain;
  std::string extended;
  for (int count = 0; count < 40'000; ++count) {
    plain += "1\r\nx\r\n";
    extended += "1;y\r\nx\r\n";
  }
  EXPECT_TRUE(outcome({chunked + plain + "0\r\n\r\n"}).starts_with("200 keep [xxx"));
  EXPECT_EQ(outcome({chunked + extended + "0\r\n\r\n"}), "limit: the answer's header is larger than 64 KiB");
}

TEST(ResponseParser, ExpectsNoBodyAfterHead) {
  EXPECT_EQ(outcome({ok("Content-Length: 5\r\n\r\n")}, false), "200 keep [] +0 Content-Length=5");
  EXPECT_EQ(outcome({ok("Transfer-Encoding: chunked\r\n\r\n")}, false), "200 keep [] +0 Transfer-Encoding=chunked");
  EXPECT_EQ(outcome({ok("\r\n")}, false), "200 keep [] +0");
}

TEST(ResponseParser, ShowsBodyBytesWithoutCopying) {
  ResponseParser parser;
  const std::string bytes = ok("Content-Length: 5\r\n\r\nhello");
  const auto step = parser.feed(bytes);
  ASSERT_TRUE(step.has_value());
  EXPECT_TRUE(parser.head_complete());
  EXPECT_EQ(step->body.data(), bytes.data() + bytes.size() - 5);
  EXPECT_EQ(parser.feed("more")->consumed, 0U);
}

}  // namespace
}  // namespace adapter::http
