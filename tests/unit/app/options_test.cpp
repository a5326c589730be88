// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::app {
namespace {

using testing::HasSubstr;

std::variant<Options, int> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "adapter");
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

Options parsed(std::vector<std::string> words) {
  return std::get<Options>(parse(std::move(words)));
}
int code(std::vector<std::string> words) {
  return std::get<int>(parse(std::move(words)));
}

TEST(Options, NoCommandMeansRun) {
  EXPECT_EQ(parsed({}).command, Command::run);
}

TEST(Options, TakesGeneralOptionsBeforeAndAfterTheCommand) {
  for (const auto& words : {std::vector<std::string>{"--config", "a.yaml", "--log-level", "debug", "once"},
                            std::vector<std::string>{"once", "--config", "a.yaml", "--log-level", "debug"}}) {
    const Options options = parsed(words);
    EXPECT_EQ(options.command, Command::once);
    EXPECT_EQ(options.config_file, "a.yaml");
    EXPECT_EQ(options.log_level, log::Level::debug);
  }
}

TEST(Options, TakesFilesToValidateOrTheConfigurationThatCounts) {
  EXPECT_EQ(parsed({"validate", "a.yaml", "b.yaml"}).names, (std::vector<std::string>{"a.yaml", "b.yaml"}));
  EXPECT_TRUE(parsed({"validate", "--config", "a.yaml"}).names.empty());
  EXPECT_EQ(code({"validate", "--config", "a.yaml", "b.yaml"}), exit_usage);
  EXPECT_EQ(code({"validate", ""}), exit_usage);
}

TEST(Options, ReadsNamesAndRetryOfOnce) {
  const Options options = parsed({"once", "docs", "site", "--retry", "2m"});
  EXPECT_EQ(options.names, (std::vector<std::string>{"docs", "site"}));
  EXPECT_EQ(options.retry, std::chrono::minutes(2));
}

TEST(Options, ReadsThoseOfTheCommandsThatAskADaemon) {
  const Options status = parsed({"status", "--json", "--watch", "--admin", "http://localhost:1"});
  EXPECT_EQ(status.command, Command::status);
  EXPECT_TRUE(status.json);
  EXPECT_TRUE(status.watch);
  EXPECT_EQ(status.admin_url, "http://localhost:1");
  EXPECT_FALSE(status.admin_token_file);
  const Options sync = parsed({"sync", "docs", "site", "--admin-token-file", "token", "--config", "a.yaml"});
  EXPECT_EQ(sync.command, Command::sync);
  EXPECT_EQ(sync.names, (std::vector<std::string>{"docs", "site"}));
  EXPECT_EQ(sync.admin_token_file, "token");
  EXPECT_EQ(sync.config_file, "a.yaml");
  EXPECT_EQ(parsed({"health"}).command, Command::health);
  const Options prune = parsed({"prune", "--now", "--yes"});
  EXPECT_EQ(prune.command, Command::prune);
  EXPECT_TRUE(prune.now && prune.yes);
}

TEST(Options, WrongUseIsExitTwo) {
  EXPECT_EQ(code({"sync"}), exit_usage);
  EXPECT_EQ(code({"status", "docs"}), exit_usage);
  EXPECT_EQ(code({"status", "--admin", ""}), exit_usage);
  EXPECT_EQ(code({"health", "--admin-token-file", ""}), exit_usage);
  EXPECT_EQ(code({"run", "--admin", "http://localhost:1"}), exit_usage);
  EXPECT_EQ(code({"frobnicate"}), exit_usage);
  EXPECT_EQ(code({"--no-such-option"}), exit_usage);
  EXPECT_EQ(code({"once", "--retry", "soon"}), exit_usage);
  EXPECT_EQ(code({"validate", "--format", "xml"}), exit_usage);
  EXPECT_EQ(code({"ls-remote"}), exit_usage);
  EXPECT_EQ(code({"--config", ""}), exit_usage);
}

std::string errors_of(std::vector<std::string> words) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(code(std::move(words)), exit_usage);
  return testing::internal::GetCapturedStderr();
}
std::string help_of(const std::string& command) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(code({command, "--help"}), exit_ok);
  return testing::internal::GetCapturedStdout();
}

TEST(Options, SyncWithoutANameSaysWhereNamesAre) {
  EXPECT_THAT(errors_of({"sync"}), HasSubstr("sync needs the NAME of a repository, or several; adapter status lists"));
  EXPECT_THAT(errors_of({"sync", "--everything"}), HasSubstr("sync has no option --everything"));
  EXPECT_THAT(errors_of({"ls-remote"}), HasSubstr("URL is required"));
}

TEST(Options, TheHelpOfEachCommandMentionsTheGeneralOptions) {
  for (const std::string command :
       {"run", "once", "validate", "status", "sync", "prune", "health", "ls-remote", "info"}) {
    const std::string help = help_of(command);
    for (const std::string_view option : {"--config FILE", "--log-level", "--log-format"}) {
      EXPECT_THAT(help, HasSubstr(option)) << command;
    }
    EXPECT_EQ(help.find("3 no daemon answers") == std::string::npos, command == "health");
  }
}

TEST(Options, HelpAndVersionAreExitZero) {
  EXPECT_EQ(code({"--help"}), exit_ok);
  EXPECT_EQ(code({"--version"}), exit_ok);
  EXPECT_EQ(code({"once", "--help"}), exit_ok);
}

}  // namespace
}  // namespace adapter::app
