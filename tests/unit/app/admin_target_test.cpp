// SPDX-License-Identifier: Apache-2.0
#include "client/admin_target.hpp"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "client/admin_client.hpp"

namespace adapter::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view one_repository = "repositories:\n  - {name: docs, url: https://git.example.com/docs.git}\n";

class FindAdmin : public testing::Test {
protected:
  FindAdmin() {
    std::string pattern = testing::TempDir() + "find-admin-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    variables_["ADAPTER_CONFIG"] = write("config.yaml", std::string(one_repository));
  }
  ~FindAdmin() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path file = folder_ / name;
    std::ofstream(file) << text;
    return file.native();
  }

  void configure(const std::string& text) { write("config.yaml", text + std::string(one_repository)); }

  Result<AdminTarget> find(TokenUse use = TokenUse::wanted) {
    const config::Environment environment = [this](std::string_view name) -> std::optional<std::string> {
      const auto place = variables_.find(std::string(name));
      return place == variables_.end() ? std::nullopt : std::optional(place->second);
    };
    return find_admin(options_, environment, use);
  }

  std::string url() { return find().value().url.to_string(); }

  std::string complaint() {
    const Result<AdminTarget> target = find();
    return target ? "found " + target->url.to_string() : target.error().text();
  }

  Options options_;
  std::filesystem::path folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(FindAdmin, AsksWhereTheConfigurationListens) {
  configure("admin: {listen: 127.0.0.1:8081}\n");
  EXPECT_EQ(url(), "http://127.0.0.1:8081/");
}

TEST_F(FindAdmin, AsksAWildcardOnLoopbackOfItsFamily) {
  const std::string token = write("token", "secret\n");
  configure("admin: {listen: 0.0.0.0:8081, token_file: " + token + "}\n");
  EXPECT_EQ(url(), "http://127.0.0.1:8081/");
  configure("admin: {listen: '[::]:8081', token_file: " + token + "}\n");
  EXPECT_EQ(url(), "http://[::1]:8081/");
  options_.admin_url = "http://0.0.0.0:9/below/";
  EXPECT_EQ(url(), "http://127.0.0.1:9/below/");
}

TEST_F(FindAdmin, GoesByTheOptionBeforeTheConfiguration) {
  configure("admin: {listen: 127.0.0.1:8081}\n");
  options_.admin_url = "https://adapter.example.com/below";
  EXPECT_EQ(url(), "https://adapter.example.com/below");
}

TEST_F(FindAdmin, NeedsNoConfigurationWhereTheUrlIsNamed) {
  variables_["ADAPTER_CONFIG"] = (folder_ / "absent.yaml").native();
  EXPECT_THAT(complaint(), HasSubstr("absent.yaml"));
  options_.admin_url = "http://localhost:8081";
  EXPECT_EQ(url(), "http://localhost:8081/");
  options_.config_file = folder_ / "absent.yaml";
  EXPECT_THAT(complaint(), HasSubstr("absent.yaml"));
}

TEST_F(FindAdmin, FallsBackOnTheVariable) {
  variables_["ADAPTER_ADMIN_LISTEN"] = "127.0.0.1:8082";
  EXPECT_EQ(url(), "http://127.0.0.1:8082/");
  write("token", "of-the-variable\n");
  variables_["ADAPTER_ADMIN_TOKEN_FILE"] = (folder_ / "token").native();
  EXPECT_EQ(find().value().token_file, (folder_ / "token").native());
  configure("admin: {listen: 127.0.0.1:8081}\n");
  EXPECT_EQ(url(), "http://127.0.0.1:8081/");
}

TEST_F(FindAdmin, FindsTheDaemonThatWentOnWithTheFileBeforeThisOne) {
  configure("admin: {listen: 127.0.0.1:8081}\nevrey: 5s\n");
  EXPECT_EQ(url(), "http://127.0.0.1:8081/");
  configure("admin: {listen: 127.0.0.1:8081}\nlog: {level: }}\n");
  EXPECT_EQ(url(), "http://127.0.0.1:8081/");
  for (const std::string text : {"", "# later\n", "admin: {listen\n"}) {
    write("config.yaml", text);
    EXPECT_THAT(complaint(), AllOf(HasSubstr("goes on with the configuration before: ask it with --admin URL"),
                                   HasSubstr("config.yaml:")));
  }
  variables_["ADAPTER_ADMIN_LISTEN"] = "127.0.0.1:8082";
  EXPECT_EQ(url(), "http://127.0.0.1:8082/");
}

TEST_F(FindAdmin, FallsBackOnTheVariablesWhereTheFileCannotBeRead) {
  std::filesystem::remove(folder_ / "config.yaml");
  std::filesystem::create_directory(folder_ / "config.yaml");
  EXPECT_THAT(complaint(), HasSubstr("goes on with the configuration before: ask it with --admin URL"));
  variables_["ADAPTER_ADMIN_LISTEN"] = "127.0.0.1:8082";
  variables_["ADAPTER_ADMIN_TOKEN_FILE"] = write("token", "of-the-variable\n");
  EXPECT_EQ(url(), "http://127.0.0.1:8082/");
  EXPECT_EQ(find().value().token_file, (folder_ / "token").native());
}

TEST_F(FindAdmin, SaysWhatIsMissing) {
  EXPECT_THAT(complaint(), AllOf(HasSubstr("--admin URL"), HasSubstr("admin.listen")));
  configure("admin: {listen: 127.0.0.1:0}\n");
  EXPECT_THAT(complaint(), AllOf(HasSubstr("--admin"), HasSubstr("admin_listening")));
  options_.admin_url = "127.0.0.1:8080";
  EXPECT_THAT(complaint(), HasSubstr("--admin takes a URL; write http:// or https:// before host and port"));
  options_.admin_url = "user:secret@localhost:8080";
  EXPECT_THAT(complaint(), AllOf(HasSubstr("--admin takes"), Not(HasSubstr("secret"))));
  options_.admin_url = "http://user:secret@localhost/";
  EXPECT_THAT(complaint(), AllOf(HasSubstr("--admin takes"), Not(HasSubstr("secret"))));
  options_.admin_url = "http://localhost/?token=secret";
  EXPECT_THAT(complaint(), AllOf(HasSubstr("query"), Not(HasSubstr("secret"))));
}

TEST_F(FindAdmin, TakesTheTokenOfTheOptionBeforeTheConfigurations) {
  configure("admin: {listen: 127.0.0.1:8081, token_file: " + write("token", "one\n") + "}\n");
  EXPECT_EQ(find().value().token.value().value().reveal(), "one");
  options_.admin_token_file = write("other", "two\n");
  const Result<AdminTarget> target = find();
  EXPECT_EQ(target->token->value().reveal(), "two");
  EXPECT_EQ(target->token_file, (folder_ / "other").native());
}

TEST_F(FindAdmin, GoesOnWithoutATokenOfTheConfigurationThatCannotBeRead) {
  configure("admin: {listen: 127.0.0.1:8081, token_file: " + (folder_ / "absent").native() + "}\n");
  const Result<AdminTarget> target = find();
  EXPECT_FALSE(target.value().token);
  EXPECT_THAT(target->no_token, HasSubstr("absent"));
}

TEST_F(FindAdmin, RefusesATokenFileThatWasNamedAndCannotBeRead) {
  options_.admin_url = "http://localhost/";
  options_.admin_token_file = folder_ / "absent";
  const Result<AdminTarget> target = find();
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().error_class(), ErrorClass::auth);
  EXPECT_THAT(target.error().text(), AllOf(HasSubstr("--admin-token-file"), HasSubstr("absent")));
  EXPECT_TRUE(find(TokenUse::optional));
}

TEST_F(FindAdmin, SaysWhereToListenInsteadOfAtAnOwnAddress) {
  configure("admin: {listen: '192.0.2.2:8080', token_file: " + write("token", "the-secret\n") + "}\n");
  EXPECT_THAT(complaint(), AllOf(HasSubstr("is not sent to http://192.0.2.2:8080"),
                                 HasSubstr("let admin.listen be loopback or 0.0.0.0"), Not(HasSubstr("the-secret"))));
}

TEST_F(FindAdmin, SendsATokenOverPlainHttpToThisMachineOnly) {
  options_.admin_token_file = write("token", "the-secret\n");
  for (const std::string url : {"http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://example.com"}) {
    options_.admin_url = url;
    EXPECT_TRUE(find().value().token) << url;
  }
  for (const std::string url : {"http://example.com", "http://10.0.0.1:8080", "http://localhost.example.com"}) {
    options_.admin_url = url;
    EXPECT_THAT(complaint(), AllOf(HasSubstr("is not sent"), HasSubstr("TLS"), Not(HasSubstr("the-secret")))) << url;
    const Result<AdminTarget> without = find(TokenUse::optional);
    EXPECT_FALSE(without.value().token) << url;
  }
}

TEST(PathSegment, EncodesWhatMeansSomethingInAUrl) {
  EXPECT_EQ(path_segment("docs-1_a"), "docs-1_a");
  EXPECT_EQ(path_segment("../a?b#c%d e"), "%2E%2E%2Fa%3Fb%23c%25d%20e");
  EXPECT_EQ(path_segment("\xC3\xA4\n"), "%C3%A4%0A");
}

}  // namespace
}  // namespace adapter::app
