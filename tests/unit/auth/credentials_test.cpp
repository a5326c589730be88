// SPDX-License-Identifier: Apache-2.0
#include "adapter/auth/credentials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <memory>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "support/mapped_file.hpp"

namespace adapter::auth {
namespace {

using testing::HasSubstr;
using testing::Not;

http::Url url(std::string_view text) {
  return http::Url::parse(text).value();
}

config::SecretSource from_variable(std::string name) {
  return {config::SecretSource::Kind::environment, std::move(name)};
}

config::Credential basic(std::string_view prefix, std::string user, config::SecretSource password) {
  return {url(prefix), config::BasicCredential{std::move(user), std::move(password)}, std::nullopt};
}

config::Credential bearer(std::string_view prefix, config::SecretSource token) {
  return {url(prefix), config::BearerCredential{std::move(token)}, std::nullopt};
}

class CredentialsTest : public testing::Test {
protected:
  CredentialsTest() : folder_(std::filesystem::temp_directory_path() / unique_name("auth-")) {
    std::filesystem::create_directory(folder_);
  }
  ~CredentialsTest() override { std::filesystem::remove_all(folder_); }

  config::SecretSource file(const std::string& name, std::string_view bytes) {
    // As rotation does it: another file under the same name.
    const auto path = folder_ / name;
    const auto fresh = folder_ / (name + ".new");
    std::ofstream(fresh, std::ios::binary) << bytes;
    std::filesystem::rename(fresh, path);
    return {config::SecretSource::Kind::file, path.native()};
  }

  Credentials credentials(std::vector<config::Credential> list) {
    return {workers_, std::move(list),
            [this](std::string_view name) -> std::optional<std::string> {
              const auto found = variables_.find(std::string(name));
              return found == variables_.end() ? std::nullopt : std::optional(found->second);
            },
            patience};
  }

  static asio::awaitable<void> ask(Credentials& from, http::Url about,
                                   std::optional<Result<std::optional<Authorization>>>& out) {
    try {
      std::optional<Authorization> found = co_await from.authorization(std::move(about));
      out.emplace(std::move(found));
    } catch (const Error& error) {
      out.emplace(error);
    }
  }

  Result<std::optional<Authorization>> authorization(Credentials& from, std::string_view text) {
    std::optional<Result<std::optional<Authorization>>> found;
    asio::co_spawn(loop_, ask(from, url(text), found), [](const std::exception_ptr&) {});
    loop_.restart();
    loop_.run();
    return *found;
  }

  std::string value_for(Credentials& from, std::string_view text) {
    const auto found = authorization(from, text).value();
    return found ? std::string(found->header_value.reveal()) : "";
  }

  void expect_auth_error(Credentials& from, std::string_view text, std::string_view message) {
    const auto found = authorization(from, text);
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().error_class(), ErrorClass::auth);
    EXPECT_THAT(found.error().text(), HasSubstr(std::string(message)));
  }

  static constexpr std::chrono::milliseconds patience{5000};
  asio::io_context loop_{1};
  async::Workers workers_{3, async::Workers::OneLane{}};

  std::filesystem::path folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(CredentialsTest, NamesTheFilesThatItReadsForAUrl) {
  const auto token = file("token", "t");
  const auto all =
      credentials({bearer("https://h.example/a/", token), basic("https://h.example/", "u", from_variable("V"))});
  EXPECT_THAT(all.files_of(url("https://h.example/a/x.git")), testing::ElementsAre(token.where));
  EXPECT_THAT(all.files_of(url("https://h.example/b.git")), testing::IsEmpty());
  EXPECT_THAT(all.files_of(url("http://h.example/a/x.git")), testing::IsEmpty());
}

TEST_F(CredentialsTest, BuildsBasicAndBearerValues) {
  variables_["PASSWORD"] = "correct horse";
  variables_["TOKEN"] = "t-12345";
  Credentials all = credentials({basic("https://a.example/", "bot", from_variable("PASSWORD")),
                                 bearer("https://b.example/", from_variable("TOKEN"))});
  EXPECT_EQ(value_for(all, "https://a.example/x.git"), "Basic " + base64("bot:correct horse"));
  EXPECT_EQ(value_for(all, "https://b.example/x.git"), "Bearer t-12345");
}

TEST_F(CredentialsTest, ChoosesTheLongestPrefixAtASlash) {
  variables_ = {{"HOST", "host-secret"}, {"TEAM", "team-secret"}};
  Credentials all = credentials({bearer("https://git.example/", from_variable("HOST")),
                                 bearer("https://git.example/team", from_variable("TEAM"))});
  EXPECT_EQ(value_for(all, "https://git.example/team/docs.git"), "Bearer team-secret");
  EXPECT_EQ(value_for(all, "https://git.example/teamster/docs.git"), "Bearer host-secret");
  EXPECT_EQ(value_for(all, "https://git.example/docs.git"), "Bearer host-secret");
}

TEST_F(CredentialsTest, GivesNothingToAnotherOriginOrWithoutTls) {
  variables_["TOKEN"] = "t-12345";
  Credentials all = credentials({bearer("https://git.example/", from_variable("TOKEN")),
                                 bearer("http://plain.example/", from_variable("TOKEN"))});
  EXPECT_EQ(value_for(all, "https://git.example:8443/x"), "");
  EXPECT_EQ(value_for(all, "https://git.example.evil/x"), "");
  EXPECT_EQ(value_for(all, "http://git.example/x"), "");
  EXPECT_EQ(value_for(all, "http://plain.example/x"), "");
}

TEST_F(CredentialsTest, AnEntryWithOnlyACaFileShadowsAShorterPrefix) {
  variables_["TOKEN"] = "t-12345";
  config::Credential only_ca{url("https://git.example/public/"), std::monostate{}, "/etc/ca.pem"};
  Credentials all = credentials({bearer("https://git.example/", from_variable("TOKEN")), only_ca});
  EXPECT_EQ(value_for(all, "https://git.example/public/x.git"), "");
}

TEST_F(CredentialsTest, ReadsAFileAgainWhenItChanges) {
  const auto source = file("token", "first-token\n");
  Credentials all = credentials({bearer("https://git.example/", source)});
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer first-token");
  file("token", "other-token\r\n");
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer other-token");
}

TEST_F(CredentialsTest, ReadsAFileAgainThatWasRewrittenUnderTheSameStamp) {
  const auto source = file("token", "first-token\n");
  test::MappedFile mapped(source.where);
  Credentials all = credentials({bearer("https://git.example/", source)});
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer first-token");
  mapped.rewrite("other");
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer other-token");
}

TEST_F(CredentialsTest, ReplaceForgetsWhatWasRead) {
  variables_ = {{"A", "aaaa-secret"}, {"B", "bbbb-secret"}};
  Credentials all = credentials({bearer("https://git.example/", from_variable("A"))});
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer aaaa-secret");
  all.replace({bearer("https://git.example/", from_variable("B"))});
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer bbbb-secret");
}

TEST_F(CredentialsTest, NamesTheCredentialWithoutItsBytes) {
  variables_["PASSWORD"] = "correct horse";
  Credentials all = credentials({basic("https://a.example/team/", "bot", from_variable("PASSWORD"))});
  const auto found = authorization(all, "https://a.example/team/x").value();
  EXPECT_EQ(found.value().key, "https://a.example/team/ (bot)");
}

TEST_F(CredentialsTest, RedactsTheSecretAndItsEncodedForm) {
  variables_["PASSWORD"] = "battery-staple-77";
  Credentials all = credentials({basic("https://a.example/", "someone", from_variable("PASSWORD"))});
  const std::string value = value_for(all, "https://a.example/x");
  EXPECT_THAT(log::redacted("said battery-staple-77 aloud"), Not(HasSubstr("battery-staple-77")));
  EXPECT_THAT(log::redacted("Authorization: " + value), Not(HasSubstr(base64("someone:battery-staple-77"))));
}

TEST_F(CredentialsTest, KeepsEachSecretInUseOutOfTheLogHoweverManyThereAre) {
  constexpr int count = 2000;
  std::vector<config::Credential> list;
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(100'000 + i);
    variables_[name] = "fleet-password-" + name;
    list.push_back(basic("https://fleet.example/" + name + "/", "bot", from_variable(name)));
  }
  Credentials all = credentials(std::move(list));
  for (int i = 0; i < count; ++i) {
    (void)value_for(all, "https://fleet.example/" + std::to_string(100'000 + i) + "/x.git");
  }
  for (int i = 0; i < count; ++i) {
    const std::string password = "fleet-password-" + std::to_string(100'000 + i);
    EXPECT_EQ(log::redacted("wrong: " + password), "wrong: ***");
    EXPECT_EQ(log::redacted("Basic " + base64("bot:" + password)), "Basic ***");
  }
}

TEST_F(CredentialsTest, KeepsASecretOutOfTheLogWhileItsNeighbourRotates) {
  variables_["STILL"] = "still-password-4711";
  Credentials all = credentials({basic("https://a.example/", "bot", from_variable("STILL")),
                                 basic("https://b.example/", "bot", file("rotated", "rotated-0"))});
  (void)value_for(all, "https://a.example/x");
  for (int i = 1; i <= 1500; ++i) {
    file("rotated", "rotated-" + std::to_string(i));
    (void)value_for(all, "https://b.example/x");
  }
  EXPECT_EQ(log::redacted("wrong: still-password-4711"), "wrong: ***");
}

TEST_F(CredentialsTest, RefusesBytesThatCouldChangeARequest) {
  for (const std::string_view bad : {std::string_view("one\ntwo"), std::string_view("one\rtwo"),
                                     std::string_view("a\0b", 3), std::string_view("secret\n\n")}) {
    Credentials all = credentials({bearer("https://git.example/", file("token", bad))});
    const auto found = authorization(all, "https://git.example/x");
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().error_class(), ErrorClass::auth);
    EXPECT_THAT(found.error().text(), HasSubstr("line break or a NUL"));
    EXPECT_THAT(found.error().text(), Not(HasSubstr("secret\\x0A")));
  }
}

TEST_F(CredentialsTest, NamesThePlaceOfASecretThatIsMissingEmptyOrTooLarge) {
  const auto place = (folder_ / "token").native();
  Credentials missing = credentials({bearer("https://git.example/", {config::SecretSource::Kind::file, place})});
  expect_auth_error(missing, "https://git.example/x", place);
  expect_auth_error(missing, "https://git.example/x", "credential for https://git.example/");
  Credentials empty = credentials({bearer("https://git.example/", file("token", "\n"))});
  expect_auth_error(empty, "https://git.example/x", "is empty");
  Credentials large = credentials({bearer("https://git.example/", file("token", std::string(65537, 'x')))});
  expect_auth_error(large, "https://git.example/x", "larger than 65536 bytes");
  Credentials unset = credentials({bearer("https://git.example/", from_variable("NOWHERE"))});
  expect_auth_error(unset, "https://git.example/x", "NOWHERE is not set");
}

TEST_F(CredentialsTest, DoesNotServeAnOldSecretWhenTheFileIsGone) {
  const auto source = file("token", "first-token\n");
  Credentials all = credentials({bearer("https://git.example/", source)});
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer first-token");
  std::filesystem::remove(source.where);
  expect_auth_error(all, "https://git.example/x", "No such file");
}

TEST_F(CredentialsTest, DropsAByteOrderMarkAndOneLineBreak) {
  const auto source = file("token", "\xEF\xBB\xBFt-12345\r\n");
  Credentials all = credentials({bearer("https://git.example/", source)});
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer t-12345");
  file("token", "\xEF\xBB\xBF\n");
  expect_auth_error(all, "https://git.example/x", "is empty");
}

TEST_F(CredentialsTest, NamesADirectoryThatDockerMade) {
  std::filesystem::create_directory(folder_ / "token");
  Credentials all =
      credentials({bearer("https://git.example/", {config::SecretSource::Kind::file, (folder_ / "token").native()})});
  expect_auth_error(all, "https://git.example/x",
                    "and empty: Docker creates such a directory when the host's file is missing");
}

/// Credentials from the environment, the variable HANGS of which does not answer until release().
class HangingCredentialTest : public CredentialsTest {
protected:
  ~HangingCredentialTest() override { release(); }

  void release() {
    if (!std::exchange(released_, true)) {
      release_.set_value();
    }
  }
  Credentials hanging(std::chrono::milliseconds limit) {
    std::vector<config::Credential> list{bearer("https://git.example/dead/", from_variable("HANGS")),
                                         bearer("https://git.example/", from_variable("ANSWERS"))};
    return {workers_, std::move(list),
            // A look may outlive this test: it owns what it uses.
            [looks = looks_, end = end_](std::string_view name) -> std::optional<std::string> {
              if (name == "HANGS") {
                ++*looks;
                end.wait();
              }
              return std::string(name) + "-token";
            },
            limit};
  }

  std::promise<void> release_;
  std::shared_future<void> end_{release_.get_future()};
  bool released_ = false;
  std::shared_ptr<std::atomic<int>> looks_ = std::make_shared<std::atomic<int>>(0);
};

TEST_F(HangingCredentialTest, FailsItsOwnRequestsOnlyAndRecovers) {
  Credentials all = hanging(std::chrono::milliseconds(100));
  expect_auth_error(all, "https://git.example/dead/x",
                    "credential for https://git.example/dead/: cannot read HANGS: "
                    "no answer within 100ms; check the mount that it is on");
  expect_auth_error(all, "https://git.example/dead/y", "no answer within 100ms");
  EXPECT_EQ(*looks_, 1) << "the second request has waited for the look of the first one";
  EXPECT_EQ(value_for(all, "https://git.example/x"), "Bearer ANSWERS-token");
  EXPECT_EQ(value_for(all, "https://other.example/x"), "");
  release();
  std::string value;
  while (value.empty()) {
    const auto found = authorization(all, "https://git.example/dead/x");
    value = found ? std::string((*found)->header_value.reveal()) : "";
  }
  EXPECT_EQ(value, "Bearer HANGS-token");
}

TEST_F(HangingCredentialTest, AReloadBeginsNoSecondLookForACredentialThatStays) {
  Credentials all = hanging(std::chrono::milliseconds(100));
  expect_auth_error(all, "https://git.example/dead/x", "no answer");
  all.replace({bearer("https://git.example/dead/", from_variable("HANGS"))});
  expect_auth_error(all, "https://git.example/dead/x", "no answer");
  EXPECT_EQ(*looks_, 1);
}

TEST_F(HangingCredentialTest, RequestsShareALook) {
  Credentials all = hanging(patience);
  std::vector<std::optional<Result<std::optional<Authorization>>>> found(3);
  for (auto& each : found) {
    asio::co_spawn(loop_, ask(all, url("https://git.example/dead/x"), each), [](const std::exception_ptr&) {});
  }
  loop_.poll();
  release();
  loop_.run();
  for (const auto& each : found) {
    EXPECT_EQ((*each)->value().header_value.reveal(), "Bearer HANGS-token");
  }
  EXPECT_EQ(*looks_, 1);
}

}  // namespace
}  // namespace adapter::auth
