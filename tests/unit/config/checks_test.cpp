// SPDX-License-Identifier: Apache-2.0
#include "adapter/config/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "../../../src/config/values.hpp"
#include "support.hpp"

namespace adapter::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::string warnings_of(const Variables& variables, const std::set<std::string>& used = {}) {
  return all_text(check_variables(variables, used));
}

TEST(CheckVariables, NamesTheNearestOfAVariableThatNothingReads) {
  EXPECT_EQ(warnings_of({{"ADAPTER_ULR", "https://bot:canary-5ecret@h/x"}}),
            "environment: warning: ADAPTER_ULR: nothing reads this variable; did you mean ADAPTER_URL?\n");
  EXPECT_THAT(warnings_of({{"ADAPTER_BRANCH", "main"}}), HasSubstr("did you mean ADAPTER_REF?"));
  EXPECT_THAT(warnings_of({{"ADAPTER_INTERVAL", "5m"}}), HasSubstr("did you mean ADAPTER_EVERY?"));
  EXPECT_THAT(warnings_of({{"ADAPTER_SOMETHING_ELSE", ""}}), HasSubstr("known are ADAPTER_URL, ADAPTER_REF, "));
  EXPECT_THAT(warnings_of({{"ADAPTER_ADMIN_PORT", "8080"}}), HasSubstr("nothing reads this variable"));
}

TEST(CheckVariables, IsSilentAboutWhatIsRead) {
  EXPECT_THAT(warnings_of({{"ADAPTER_URL", "x"}, {"ADAPTER_ADMIN_TOKEN_FILE", "x"}, {"HOME", "'/root'"}}), IsEmpty());
  EXPECT_THAT(warnings_of({{"ADAPTER_TEAM", "x"}}, {"ADAPTER_TEAM"}), IsEmpty()) << "the file says ${ADAPTER_TEAM}";
}

TEST(CheckVariables, NamesThoseThatAreReadOnlyWithoutAFile) {
  const Variables variables{{"ADAPTER_REF", "main"}, {"ADAPTER_DATA_DIR", "/data"}, {"ADAPTER_CONFIG", "x"}};
  EXPECT_THAT(all_text(check_variables(variables, {}, false)), IsEmpty());
  EXPECT_EQ(all_text(check_variables(variables, {}, true)),
            "environment: warning: ADAPTER_REF: a file is configured, and beside one this variable is not read; write "
            "it there\n");
  EXPECT_THAT(all_text(check_variables({{"ADAPTER_REF", ""}}, {}, true)), IsEmpty()) << "an empty one is not set";
  EXPECT_THAT(all_text(check_variables(variables, {"ADAPTER_REF"}, true)), IsEmpty()) << "the file says ${ADAPTER_REF}";
}

TEST(CheckVariables, IsSilentAboutTheVariablesOfKubernetesServices) {
  EXPECT_THAT(warnings_of({{"ADAPTER_SERVICE_HOST", "10.0.0.1"},
                           {"ADAPTER_SERVICE_PORT", "8080"},
                           {"ADAPTER_SERVICE_PORT_HTTP", "8080"},
                           {"ADAPTER_PORT", "tcp://10.0.0.1:8080"},
                           {"ADAPTER_PORT_8080_TCP", "tcp://10.0.0.1:8080"},
                           {"ADAPTER_PORT_8080_TCP_ADDR", "10.0.0.1"},
                           {"ADAPTER_METRICS_SERVICE_HOST", "10.0.0.2"},
                           {"ADAPTER_METRICS_PORT", "tcp://10.0.0.2:80"},
                           {"ADAPTER_METRICS_PORT_53_UDP_PROTO", "udp"}}),
              IsEmpty());
}

TEST(CheckVariables, NamesQuotesThatAnEnvFileKept) {
  const std::string text = warnings_of({{"ADAPTER_REF", "\"main\""}, {"BRANCH", "'v1'"}, {"OTHER", "'x'"}}, {"BRANCH"});
  EXPECT_THAT(text, HasSubstr("ADAPTER_REF: the value is in quotes"));
  EXPECT_THAT(text, HasSubstr("BRANCH: the value is in quotes"));
  EXPECT_THAT(text, Not(HasSubstr("OTHER")));
  EXPECT_THAT(text, Not(HasSubstr("v1")));
}

ContentFault no_fault(const std::filesystem::path& /*file*/) {
  return {};
}
const Looks no_faults{no_fault, no_fault};

class NamedFiles : public testing::Test {
protected:
  NamedFiles() { std::filesystem::create_directories(folder_ / "made-by-docker"); }
  ~NamedFiles() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("adapter-named-" + std::to_string(::getpid()));
};

TEST_F(NamedFiles, AreLookedForWhenAConfigurationIsExamined) {
  write("there", "secret");
  write("config.yaml",
        "ca_file: no-ca.pem\nadmin: {listen: '127.0.0.1:1', token_file: made-by-docker}\ncredentials:\n"
        "  - {url: https://git.example.com/, token_file: there}\n"
        "repositories:\n  - name: docs\n    url: https://git.example.com/docs\n    webhook: {secret_file: no-hook}\n");
  EXPECT_THAT(load_file(folder_ / "config.yaml", corpus_environment()).findings, IsEmpty());
  const Loaded loaded = examine_file(folder_ / "config.yaml", corpus_environment(), no_faults);
  EXPECT_TRUE(loaded.config);
  std::vector<std::string> keys;
  for (const Finding& finding : loaded.findings) {
    EXPECT_TRUE(finding.warning);
    EXPECT_NE(finding.line, 0U);
    keys.push_back(finding.key);
  }
  EXPECT_THAT(keys,
              testing::UnorderedElementsAre("ca_file", "admin.token_file", "repositories[0].webhook.secret_file"));
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("No such file or directory (ENOENT); make the file"));
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("and empty: Docker creates such a directory"));
}

TEST_F(NamedFiles, OfSecretsAndCertificatesAreLookedInto) {
  for (const std::string name : {"ca.pem", "password", "hook", "admin"}) {
    write(name, "x");
  }
  write("config.yaml",
        "ca_file: ca.pem\nadmin: {listen: '127.0.0.1:1', token_file: admin}\ncredentials:\n"
        "  - {url: https://git.example.com/, username: bot, password_file: password}\n"
        "repositories:\n  - name: docs\n    url: https://git.example.com/docs\n    webhook: {secret_files: [hook]}\n");
  const auto look = [](const std::filesystem::path& file) { return ContentFault{file.filename().native() + "!"}; };
  const Loaded loaded = examine_file(folder_ / "config.yaml", corpus_environment(), Looks{look, no_fault});
  EXPECT_TRUE(loaded.config);
  std::vector<std::string> found;
  for (const Finding& finding : loaded.findings) {
    EXPECT_TRUE(finding.warning);
    EXPECT_NE(finding.line, 0U);
    EXPECT_EQ(finding.rule, "odd-secret");
    found.push_back(finding.key + " " + finding.message);
  }
  EXPECT_THAT(found, testing::UnorderedElementsAre("admin.token_file admin!", "credentials[0].password_file password!",
                                                   "repositories[0].webhook.secret_files[0] hook!"));
}

TEST_F(NamedFiles, AndVariablesOfSecretsHaveTheirPlaceBesideOtherFaults) {
  write("config.yaml",
        "credentials:\n  - {url: https://git.example.com/, token_env: NO_TOKEN}\n"
        "repositories:\n  - name: docs\n    url: https://git.example.com/docs\n    evry: 1m\n");
  Looks looks = no_faults;
  looks.secret_variable = [](const std::string& variable) { return ContentFault{variable + " is not set", true}; };
  const Loaded loaded = examine_file(folder_ / "config.yaml", corpus_environment(), looks);
  const std::string file = (folder_ / "config.yaml").native();
  EXPECT_EQ(all_text(loaded.findings), file + ":6:5: error: repositories[0].evry: unknown key; did you mean every?\n" +
                                           file + ":2:48: warning: credentials[0].token_env: NO_TOKEN is not set\n");
}

TEST_F(NamedFiles, WarnOfADataDirectoryThatThisUserCannotWrite) {
  const std::filesystem::path data = folder_ / "data";
  std::filesystem::create_directories(data);
  std::filesystem::permissions(data, std::filesystem::perms(0555));
  write("config.yaml", "data_dir: data\n" + one_repository());
  write("below.yaml", "data_dir: data/below\n" + one_repository());
  const bool is_root = ::geteuid() == 0;
  ASSERT_TRUE(!is_root || ::seteuid(65534) == 0);
  const Loaded loaded = examine_file(folder_ / "config.yaml", corpus_environment(), no_faults);
  const Loaded below = examine_file(folder_ / "below.yaml", corpus_environment(), no_faults);
  ASSERT_TRUE(!is_root || ::seteuid(0) == 0);
  EXPECT_TRUE(loaded.config);
  EXPECT_THAT(all_text(loaded.findings),
              HasSubstr(":1:11: warning: data_dir: cannot write to " + data.native() + ": "));
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("; let the user that runs adapter write there"));
  EXPECT_THAT(all_text(below.findings),
              HasSubstr("warning: data_dir: cannot make a folder in " + data.native() + ": "));
}

TEST_F(NamedFiles, ThatCanDoOnNoMachineAreErrors) {
  for (const std::string name : {"ca.pem", "password", "admin", "data"}) {
    write(name, "x");
  }
  write("config.yaml",
        "data_dir: data/below\nca_file: ca.pem\nadmin: {listen: '127.0.0.1:1', token_file: admin}\ncredentials:\n"
        "  - {url: https://git.example.com/, username: bot, password_file: password}\n"
        "repositories:\n  - name: docs\n    url: https://git.example.com/docs\n");
  const auto unusable = [](const std::filesystem::path&) { return ContentFault{"is unusable", true}; };
  const Loaded loaded = examine_file(folder_ / "config.yaml", corpus_environment(), Looks{unusable, unusable});
  EXPECT_FALSE(loaded.config);
  std::vector<std::string> found;
  for (const Finding& finding : loaded.findings) {
    found.push_back(finding.key + (finding.warning ? " warning " : " error ") + finding.rule);
  }
  EXPECT_THAT(found, testing::UnorderedElementsAre("data_dir error not-a-folder", "ca_file error no-certificate",
                                                   "admin.token_file error odd-secret",
                                                   "credentials[0].password_file warning odd-secret"));
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("data is not a folder; correct the path"));
}

TEST_F(NamedFiles, TheAdminTokenIsNeededAtTheStartWhileThePortIsOpen) {
  const auto text_of = [this](const std::string& listen) {
    write("config.yaml", "admin: {listen: '" + listen + "', token_file: none}\n" + one_repository());
    const Loaded loaded = examine_file(folder_ / "config.yaml", corpus_environment(), no_faults);
    EXPECT_TRUE(loaded.config) << "the file may be made elsewhere than here";
    return all_text(loaded.findings);
  };
  EXPECT_THAT(text_of("127.0.0.1:1"), HasSubstr("or correct the path; without it the daemon does not start"));
  EXPECT_THAT(text_of(""), Not(HasSubstr("does not start")));
}

TEST_F(NamedFiles, ADataDirectoryThatIsNotThereYetIsFine) {
  write("config.yaml", "data_dir: data/below\n" + one_repository());
  EXPECT_THAT(examine_file(folder_ / "config.yaml", corpus_environment(), no_faults).findings, IsEmpty());
  write("data", "x");
  const auto environment = make_environment(
      {{"ADAPTER_URL", "https://git.example.com/docs"}, {"ADAPTER_DATA_DIR", (folder_ / "data").native()}});
  const Loaded loaded = examine_environment(environment, no_faults);
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("environment: error: ADAPTER_DATA_DIR: cannot use "));
}

TEST(Hooks, AreNamedOnceWhereNoPortIsOpenForThem) {
  const std::string hook = one_repository("webhook: {secret_file: hook}");
  EXPECT_THAT(all_text(load(hook).findings),
              HasSubstr("repositories[0].webhook: no delivery can arrive, since no admin port is open; write "
                        "admin.listen, or set ADAPTER_ADMIN_LISTEN where the daemon runs"));
  EXPECT_THAT(load("admin: {listen: '127.0.0.1:1'}\n" + hook).findings, IsEmpty());
  EXPECT_THAT(load(hook, {}, make_environment({{"ADAPTER_ADMIN_LISTEN", "127.0.0.1:1"}})).findings, IsEmpty());
  EXPECT_THAT(load("defaults: {webhook: {secret_file: hook}}\n" + one_repository()).findings, SizeIs(1));
}

TEST(Staleness, BelowTheLongestGapOfCronIsAWarning) {
  const auto text_of = [](const std::string& staleness) {
    const Loaded loaded = load(one_repository("cron: 0 2 * * *\nmax_staleness: " + staleness));
    EXPECT_TRUE(loaded.config);
    return all_text(loaded.findings);
  };
  EXPECT_THAT(text_of("1d"), HasSubstr("warning: repositories[0].max_staleness: is not longer than the longest time "
                                       "between two checks by cron, which is 1d: the repository is not ready"));
  EXPECT_THAT(text_of("1d1m"), IsEmpty());
}

TEST_F(NamedFiles, OfVariablesAreCalledByTheVariable) {
  const Loaded loaded = examine_environment(make_environment({{"ADAPTER_URL", "https://git.example.com/docs"},
                                                              {"ADAPTER_USERNAME", "bot"},
                                                              {"ADAPTER_PASSWORD_FILE", "/nonexistent/password"},
                                                              {"ADAPTER_ADMIN_LISTEN", "0.0.0.0:8080"},
                                                              {"ADAPTER_ADMIN_TOKEN_FILE", "/nonexistent/token"}}),
                                            no_faults);
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  EXPECT_EQ(loaded.config->admin.token_file, "/nonexistent/token");
  ASSERT_THAT(loaded.findings, SizeIs(2));
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("environment: warning: ADAPTER_PASSWORD_FILE: cannot read"));
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("environment: warning: ADAPTER_ADMIN_TOKEN_FILE: cannot read"));
}

TEST(AdminToken, OfTheVariableIsADefaultThatTheFileOverrides) {
  const Environment environment = make_environment({{"ADAPTER_ADMIN_TOKEN_FILE", "/run/a"}});
  const Loaded from_variable = load("admin: {listen: '0.0.0.0:1'}\n" + one_repository(), {}, environment);
  ASSERT_TRUE(from_variable.config) << all_text(from_variable.findings);
  EXPECT_EQ(from_variable.config->admin.token_file, "/run/a");
  const Loaded from_file =
      load("admin: {listen: '0.0.0.0:1', token_file: /run/b}\n" + one_repository(), {}, environment);
  EXPECT_EQ(from_file.config.value().admin.token_file, "/run/b");
  EXPECT_THAT(all_text(load("admin: {listen: '0.0.0.0:1'}\n" + one_repository()).findings),
              HasSubstr("write admin.token_file, or set ADAPTER_ADMIN_TOKEN_FILE"));
}

TEST(ForgePage, IsRecognisedOnEachForge) {
  const auto page = [](std::string_view url) {
    const auto read = read_forge_page(http::Url::parse(url).value());
    return read ? read->url + " " + read->ref : "";
  };
  EXPECT_EQ(page("https://github.com/o/r/tree/main"), "https://github.com/o/r.git main");
  EXPECT_EQ(page("https://github.com/o/r/tree/main/docs"), "https://github.com/o/r.git main");
  EXPECT_EQ(page("https://github.com/o/r/blob/v1/README.md"), "https://github.com/o/r.git v1");
  EXPECT_EQ(page("https://gitlab.com/g/s/p/-/tree/main"), "https://gitlab.com/g/s/p.git main");
  EXPECT_EQ(page("https://codeberg.org/o/r/src/branch/main"), "https://codeberg.org/o/r.git main");
  for (const std::string_view good : {"https://github.com/o/r", "https://github.com/o/r.git", "https://h/a/tree",
                                      "https://h/a/b/c/d.git", "https://h/tree/a/b.git", "https://h/a/b.git/src/x"}) {
    EXPECT_EQ(page(good), "") << good;
  }
}

TEST(CredentialCase, IsNamedWithBothUrlsWhenItKeepsACredentialFromARepository) {
  const std::string text = all_text(
      load("credentials:\n  - {url: https://git.example.com/Team/, token_file: a}\n" + one_repository()).findings);
  EXPECT_THAT(text, HasSubstr("credentials[0].url: https://git.example.com/Team/ is not used for "
                              "https://git.example.com/team/docs.git (repository docs): upper and lower case differ"));
  EXPECT_THAT(text, Not(HasSubstr("begins with this one")));
  EXPECT_THAT(
      all_text(
          load("credentials:\n  - {url: https://git.example.com/tea/, token_file: a}\n" + one_repository()).findings),
      HasSubstr("no repository's URL begins with this one"));
}

}  // namespace
}  // namespace adapter::config
