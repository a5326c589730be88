// SPDX-License-Identifier: Apache-2.0
#include "status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapter/log/log.hpp"

namespace adapter::transport {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StatusTest : public testing::Test {
protected:
  Error judge(int status, std::string key = "", std::string body = "",
              std::string_view url = "https://git.example/team/x.git") {
    head_.status = status;
    const http::Url asked = http::Url::parse(url).value();
    const Refusal refusal{head_, asked, std::move(key), std::move(body),
                          std::chrono::system_clock::time_point(1'700'000'000s)};
    return status_error(refusal);
  }

  http::ResponseHead head_;
};

TEST_F(StatusTest, ClassesFollowTheStatus) {
  const std::vector<std::pair<int, ErrorClass>> table = {
      {204, ErrorClass::protocol},     {206, ErrorClass::protocol},  {302, ErrorClass::protocol},
      {400, ErrorClass::protocol},     {401, ErrorClass::auth},      {403, ErrorClass::auth},
      {404, ErrorClass::not_found},    {405, ErrorClass::protocol},  {407, ErrorClass::auth},
      {408, ErrorClass::network},      {410, ErrorClass::not_found}, {418, ErrorClass::protocol},
      {429, ErrorClass::rate_limited}, {500, ErrorClass::network},   {502, ErrorClass::network},
      {503, ErrorClass::network},      {504, ErrorClass::network},   {599, ErrorClass::network}};
  for (const auto& [status, error_class] : table) {
    const Error error = judge(status);
    EXPECT_EQ(error.error_class(), error_class) << status;
    EXPECT_THAT(error.text(), HasSubstr("HTTP " + std::to_string(status)));
  }
}

TEST_F(StatusTest, SaysWhichCredentialIsWrongOrMissing) {
  EXPECT_THAT(judge(401).text(),
              AllOf(HasSubstr("none is configured"), HasSubstr("`credentials:` with url https://git.example/")));
  EXPECT_THAT(judge(401, "https://git.example/ (bot)").text(),
              HasSubstr("refused the credential https://git.example/ (bot)"));
  EXPECT_THAT(judge(401, "", "", "http://git.example/x").text(), HasSubstr("over https only"));
  EXPECT_THAT(judge(403, "https://git.example/ (bot)").text(), HasSubstr("needs permission"));
  EXPECT_THAT(judge(403).text(), HasSubstr("without a credential"));
  EXPECT_THAT(judge(404).text(), HasSubstr("private and needs a credential"));
  EXPECT_THAT(judge(404, "https://git.example/ (bot)").text(), HasSubstr("may not see it"));
}

TEST_F(StatusTest, TakesOverHowLongTheServerWantsUsToWait) {
  head_.fields.add("Retry-After", "120");
  for (const int status : {403, 429, 503}) {
    const Error error = judge(status);
    EXPECT_EQ(error.error_class(), ErrorClass::rate_limited) << status;
    EXPECT_EQ(error.retry_after(), 120s);
    EXPECT_THAT(error.text(), HasSubstr("come back in 2m"));
  }
  EXPECT_EQ(judge(500).error_class(), ErrorClass::network);
}

TEST_F(StatusTest, ShowsOnlyPlainTextEscapedAndCut) {
  head_.fields.add("Content-Type", "text/plain; charset=utf-8");
  EXPECT_THAT(judge(500, "", "out of\x1b[0m cheese\n").text(), HasSubstr(": \"out of\\x1B[0m cheese\""));
  EXPECT_LT(judge(500, "", std::string(5000, 'x')).text().size(), 300U);
  http::ResponseHead html;
  html.fields.add("Content-Type", "text/html");
  head_ = html;
  EXPECT_THAT(judge(500, "", "<h1>secret page</h1>").text(), Not(HasSubstr("secret page")));
}

TEST_F(StatusTest, HidesASecretThatTheServerRepeatsWhateverTheEncodingAndTheCut) {
  head_.fields.add("Content-Type", "text/plain");
  const std::string secret = "hunter\"2 \\secret/" + std::string(300, 'x');
  const log::Redaction hidden{Secret(std::string_view(secret))};
  const std::string as_json = "hunter\\\"2 \\\\secret\\/" + std::string(300, 'x');
  const std::string as_form = "hunter%222+%5Csecret%2F" + std::string(300, 'x');
  for (const std::string& written : {secret, as_json, as_form}) {
    EXPECT_THAT(judge(403, "", "bad: " + written + " so").text(), HasSubstr(": \"bad: *** so\""));
    for (std::size_t before = 180; before < 200; ++before) {
      EXPECT_THAT(judge(403, "", std::string(before, '.') + written).text(), Not(HasSubstr(".h"))) << before;
    }
  }
}

TEST_F(StatusTest, AcceptsOnlyTheExpectedContent) {
  constexpr std::string_view wanted = "application/x-git-upload-pack-result";
  const auto type = [&](std::string_view value) {
    http::ResponseHead head;
    head.fields.add("Content-Type", value);
    return content_type_error(head, wanted);
  };
  EXPECT_FALSE(type(wanted));
  EXPECT_FALSE(type("Application/X-Git-Upload-Pack-Result ; charset=utf-8"));
  EXPECT_THAT(type("text/html; charset=utf-8").value().text(), AllOf(HasSubstr("text/html"), HasSubstr("login")));
  EXPECT_THAT(type("application/x-git-upload-pack-advertisement").value().text(), HasSubstr("was expected"));
  EXPECT_THAT(content_type_error(http::ResponseHead(), wanted).value().text(), HasSubstr("without Content-Type"));
  EXPECT_EQ(type("text/html").value().error_class(), ErrorClass::protocol);
}

}  // namespace
}  // namespace adapter::transport
