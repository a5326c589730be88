// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support.hpp"

namespace adapter::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

using Variables = std::map<std::string, std::string>;

Loaded from(Variables variables) {
  return load_environment(make_environment(std::move(variables)));
}

TEST(EnvironmentConfig, NeedsAUrlOnly) {
  const Loaded loaded = from({{"ADAPTER_URL", "https://git.example.com/team/Docs%20X.git/"}});
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  EXPECT_THAT(loaded.findings, IsEmpty());
  EXPECT_THAT(loaded.config->files, IsEmpty());
  EXPECT_THAT(loaded.config->credentials, IsEmpty());
  ASSERT_THAT(loaded.config->repositories, SizeIs(1));
  const Repository& repository = loaded.config->repositories[0];
  EXPECT_EQ(repository.name, "docs-20x");
  EXPECT_EQ(repository.link, "docs-20x");
  EXPECT_EQ(repository.ref, "HEAD");
  EXPECT_EQ(std::get<schedule::Interval>(repository.schedule.when).every, 60s);
}

TEST(EnvironmentConfig, ReadsEveryVariable) {
  const Loaded loaded = from({{"ADAPTER_URL", "https://git.example.com/team/docs.git"},
                              {"ADAPTER_REF", "v1$x"},
                              {"ADAPTER_CRON", "0 * * * *"},
                              {"ADAPTER_NAME", "manual"},
                              {"ADAPTER_USERNAME", "bot"},
                              {"ADAPTER_PASSWORD_FILE", "secret"},
                              {"ADAPTER_CA_FILE", "/ca.pem"},
                              {"ADAPTER_DATA_DIR", "/data"},
                              {"ADAPTER_ADMIN_LISTEN", "127.0.0.1:8080"}});
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  const Repository& repository = loaded.config->repositories[0];
  EXPECT_EQ(repository.name, "manual");
  EXPECT_EQ(repository.ref, "v1$x");  // a shell has expanded it already
  EXPECT_EQ(std::get<schedule::CronSchedule>(repository.schedule.when).cron.expression(), "0 * * * *");
  EXPECT_EQ(repository.ca_file, "/ca.pem");
  ASSERT_THAT(loaded.config->credentials, SizeIs(1));
  const Credential& credential = loaded.config->credentials[0];
  EXPECT_TRUE(repository.url.is_below(credential.url));
  EXPECT_EQ(std::get<BasicCredential>(credential.secret).username, "bot");
  EXPECT_EQ(std::get<BasicCredential>(credential.secret).password.where, std::filesystem::current_path() / "secret");
  EXPECT_EQ(loaded.config->data_dir, "/data");
  EXPECT_EQ(loaded.config->admin.listen, "127.0.0.1:8080");
}

TEST(EnvironmentConfig, CuresNameWhatVariablesCanSay) {
  const std::string text = all_text(
      from({{"ADAPTER_URL", "http://git.example.com/x"}, {"ADAPTER_EVERY", "1m"}, {"ADAPTER_CRON", "0 * * * *"}})
          .findings);
  EXPECT_THAT(text, HasSubstr("ADAPTER_URL: http is neither encrypted nor authenticated; write https, or a "
                              "configuration file with allow_insecure: true"));
  EXPECT_THAT(text, HasSubstr("ADAPTER_CRON: there is already ADAPTER_EVERY; keep one of the two"));
  EXPECT_THAT(all_text(from({{"ADAPTER_URL", "http://git.example.com/x"}, {"ADAPTER_CA_FILE", "/ca.pem"}}).findings),
              HasSubstr("ADAPTER_CA_FILE: an http URL has no certificate to check; unset ADAPTER_CA_FILE"));
  EXPECT_THAT(all_text(from({{"ADAPTER_URL", "https://bot@git.example.com/x"}}).findings),
              HasSubstr("leave them out and set ADAPTER_USERNAME and ADAPTER_PASSWORD_FILE instead"));
}

TEST(EnvironmentConfig, NamesTheVariableInEachFinding) {
  const Loaded loaded = from({{"ADAPTER_URL", "ssh://h/x"},
                              {"ADAPTER_REF", "a b"},
                              {"ADAPTER_EVERY", "soon"},
                              {"ADAPTER_CRON", "often"},
                              {"ADAPTER_NAME", "A"},
                              {"ADAPTER_ADMIN_LISTEN", "x"}});
  EXPECT_FALSE(loaded.config);
  std::vector<std::string> keys;
  for (const Finding& finding : loaded.findings) {
    EXPECT_EQ(finding.file, "");
    EXPECT_EQ(finding.line, 0U);
    keys.push_back(finding.key);
  }
  EXPECT_THAT(keys, testing::UnorderedElementsAre("ADAPTER_URL", "ADAPTER_REF", "ADAPTER_EVERY", "ADAPTER_CRON",
                                                  "ADAPTER_CRON", "ADAPTER_NAME", "ADAPTER_ADMIN_LISTEN"));
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("environment: error: ADAPTER_EVERY: \"soon\" is not a duration"));
}

TEST(EnvironmentConfig, NeverRepeatsASecretInTheUrl) {
  const Loaded loaded = from({{"ADAPTER_URL", "https://bot:" + std::string(canary) + "@git.example.com/x.git"},
                              {"ADAPTER_USERNAME", "bot"},
                              {"ADAPTER_PASSWORD_FILE", "secret"}});
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(loaded.findings, SizeIs(1));
  EXPECT_THAT(all_text(loaded.findings), Not(HasSubstr(std::string(canary))));
}

TEST(EnvironmentConfig, WantsUserNameAndPasswordTogether) {
  const Variables url{{"ADAPTER_URL", "https://git.example.com/x.git"}};
  Variables variables = url;
  variables["ADAPTER_USERNAME"] = "bot";
  EXPECT_THAT(all_text(from(variables).findings), HasSubstr("ADAPTER_PASSWORD_FILE: is not set"));
  variables = url;
  variables["ADAPTER_PASSWORD_FILE"] = "secret";
  EXPECT_THAT(all_text(from(variables).findings), HasSubstr("ADAPTER_USERNAME: is not set"));
  EXPECT_THAT(all_text(from({}).findings), HasSubstr("ADAPTER_URL: is not set"));
}

TEST(EnvironmentConfig, SendsNoCredentialOverHttp) {
  const Loaded loaded = from({{"ADAPTER_URL", "http://git.example.com/x.git"}});
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("ADAPTER_URL: http is neither encrypted nor authenticated"));
}

class ChooseFile : public testing::Test {
protected:
  void SetUp() override { std::ofstream(file_) << "{}\n"; }
  void TearDown() override { std::filesystem::remove(file_); }
  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("adapter-choose-" + std::to_string(::getpid()) + ".yaml");
};

TEST_F(ChooseFile, TakesTheOptionBeforeTheVariable) {
  const Environment environment = make_environment({{"ADAPTER_CONFIG", "/nonexistent"}});
  const Result<Choice> choice = choose(file_, environment);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->source, Source::file);
  EXPECT_EQ(choice->file, file_);
}

TEST_F(ChooseFile, TakesTheVariable) {
  const Result<Choice> choice = choose(std::nullopt, make_environment({{"ADAPTER_CONFIG", file_.string()}}));
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->file, file_);
}

TEST_F(ChooseFile, RefusesANamedFileThatIsMissing) {
  const Result<Choice> option = choose("/nonexistent/a.yaml", make_environment({}));
  ASSERT_FALSE(option);
  EXPECT_EQ(option.error().error_class(), ErrorClass::config);
  EXPECT_THAT(option.error().text(), HasSubstr("/nonexistent/a.yaml (from --config) does not exist"));
  const Result<Choice> variable = choose(std::nullopt, make_environment({{"ADAPTER_CONFIG", "/nonexistent/b.yaml"}}));
  ASSERT_FALSE(variable);
  EXPECT_THAT(variable.error().text(), HasSubstr("/nonexistent/b.yaml (from ADAPTER_CONFIG)"));
}

TEST_F(ChooseFile, RefusesAUrlBesideAFileAndNamesBoth) {
  const Result<Choice> choice = choose(file_, make_environment({{"ADAPTER_URL", "https://bot:pw@h/x"}}));
  ASSERT_FALSE(choice);
  EXPECT_THAT(choice.error().text(), HasSubstr("ADAPTER_URL"));
  EXPECT_THAT(choice.error().text(), HasSubstr(file_.string()));
  EXPECT_THAT(choice.error().text(), Not(HasSubstr("pw")));
}

TEST_F(ChooseFile, FallsBackToTheUrlThenToTheDefaultPath) {
  if (std::filesystem::exists("/etc/adapter/config.yaml")) {
    const Result<Choice> installed = choose(std::nullopt, make_environment({}));
    ASSERT_TRUE(installed);
    EXPECT_EQ(installed->source, Source::file);
    return;
  }
  const Result<Choice> url = choose(std::nullopt, make_environment({{"ADAPTER_URL", "https://h/x"}}));
  ASSERT_TRUE(url);
  EXPECT_EQ(url->source, Source::environment);
  const Result<Choice> none = choose(std::nullopt, make_environment({{"ADAPTER_CONFIG", ""}}));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->source, Source::none);
  EXPECT_EQ(none->file, "/etc/adapter/config.yaml");
}

}  // namespace
}  // namespace adapter::config
