// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/message.hpp"

#include <gtest/gtest.h>

namespace adapter::http {
namespace {

using std::chrono::seconds;
using namespace std::chrono_literals;

constexpr std::chrono::sys_days today(std::chrono::year(2026) / 11 / 23);

std::optional<seconds> retry(std::string_view value) {
  ResponseHead head;
  head.fields.add("retry-after", value);
  return retry_after(head, today + 12h);
}

TEST(Fields, CompareNamesWithoutCase) {
  Fields fields;
  fields.add("Content-Type", "a");
  fields.add("X", "1");
  fields.add("x", "2");
  EXPECT_EQ(fields.get("content-TYPE"), "a");
  EXPECT_EQ(fields.get("X"), "1");
  EXPECT_EQ(fields.count("x"), 2U);
  EXPECT_EQ(fields.get("y"), std::nullopt);
  EXPECT_EQ(fields.size(), 3U);
  fields.clear();
  EXPECT_EQ(fields.size(), 0U);
}

TEST(Request, IsWrittenInOneForm) {
  Fields fields;
  fields.add("Accept", "*/*");
  fields.add("Git-Protocol", "version=2");
  const auto url = Url::parse("https://[::1]:8443/r/info/refs?service=git-upload-pack").value();
  EXPECT_EQ(serialize_request("GET", url, fields, std::nullopt),
            "GET /r/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: [::1]:8443\r\nAccept: */*\r\n"
            "Git-Protocol: version=2\r\n\r\n");
  EXPECT_EQ(serialize_request("POST", Url::parse("http://a").value(), Fields{}, 0),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(serialize_request("POST", Url::parse("http://a").value(), Fields{}, 18446744073709551615U),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n");
}

TEST(RetryAfter, IsANumberOfSeconds) {
  EXPECT_EQ(retry("0"), 0s);
  EXPECT_EQ(retry("120"), 120s);
  EXPECT_EQ(retry("86400"), 86400s);
  EXPECT_EQ(retry("86401"), 86400s);
  EXPECT_EQ(retry(std::string(1000, '9')), 86400s);
  EXPECT_EQ(retry("000000000000000000000000000000060"), 60s);
}

TEST(RetryAfter, IsADateInThreeForms) {
  EXPECT_EQ(retry("Mon, 23 Nov 2026 12:01:00 GMT"), 60s);
  EXPECT_EQ(retry("Monday, 23-Nov-26 12:00:01 GMT"), 1s);
  EXPECT_EQ(retry("Mon Nov 23 13:00:00 2026"), 3600s);
  EXPECT_EQ(retry("Sun Nov  1 13:00:00 2026"), 0s);
  EXPECT_EQ(retry("Mon, 23 Nov 2026 11:59:59 GMT"), 0s);
  EXPECT_EQ(retry("Sun, 06 Nov 1994 08:49:37 GMT"), 0s);
  EXPECT_EQ(retry("Sunday, 06-Nov-94 08:49:37 GMT"), 0s);
  EXPECT_EQ(retry("Fri, 31 Dec 9999 23:59:60 GMT"), 86400s);
}

TEST(RetryAfter, RoundsUpToWholeSeconds) {
  ResponseHead head;
  head.fields.add("Retry-After", "Mon, 23 Nov 2026 12:01:00 GMT");
  EXPECT_EQ(retry_after(head, today + 12h + 1ms), 60s);
  EXPECT_EQ(retry_after(head, today + 12h + 1s), 59s);
}

TEST(RetryAfter, IsNothingWhenUnreadable) {
  for (const std::string_view value : {"",
                                       "-1",
                                       "+1",
                                       "1.5",
                                       "1 s",
                                       "soon",
                                       "Mon, 23 Nov 2026 12:01:00",
                                       "Mon, 23 Nov 2026 12:01:00 UTC",
                                       "Mon, 32 Nov 2026 12:01:00 GMT",
                                       "Mon, 31 Nov 2026 12:01:00 GMT",
                                       "Mon, 00 Nov 2026 12:01:00 GMT",
                                       "Mon, 23 Nov 2026 24:00:00 GMT",
                                       "Mon, 23 Nov 2026 12:60:00 GMT",
                                       "Mon, 23 Nov 2026 12:01:61 GMT",
                                       "Xxx, 23 Nov 2026 12:01:00 GMT",
                                       "Mon, 23 Nof 2026 12:01:00 GMT",
                                       "Mon, 23 Nov 2026 12:01:00 GMT ",
                                       "Mon, 23 Nov 2026",
                                       "Mon, 2 Nov 2026 12:01:00 GMT",
                                       "Thu, 29 Feb 2027 00:00:00 GMT"}) {
    EXPECT_EQ(retry(value), std::nullopt) << value;
  }
  EXPECT_EQ(retry_after(ResponseHead{}, today), std::nullopt);
}

}  // namespace
}  // namespace adapter::http
