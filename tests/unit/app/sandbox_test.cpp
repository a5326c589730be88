// SPDX-License-Identifier: Apache-2.0
#include "process/sandbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace adapter::app {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

config::Environment environment(std::map<std::string, std::string> variables = {}) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

/// A folder that no list of system folders covers.
class SandboxRules : public testing::Test {
protected:
  SandboxRules() {
    std::string name = "/var/tmp/adapter-rules-XXXXXX";
    root = fs::canonical(mkdtemp(name.data()));
    config.data_dir = root / "data";
  }
  ~SandboxRules() override { fs::remove_all(root); }

  fs::path file(const fs::path& name) const {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << "x";
    return root / name;
  }
  [[nodiscard]] std::vector<fs::path> readable(config::Environment variables = environment()) const {
    return sandbox_rules(config, sources, variables).readable;
  }

  fs::path root;
  config::Config config;
  config::Sources sources;
};

TEST_F(SandboxRules, LetTheDataDirectoryBeWrittenAndNothingElse) {
  const landlock::Rules rules = sandbox_rules(config, sources, environment());
  EXPECT_THAT(rules.writable, ElementsAre(root / "data"));
  EXPECT_THAT(rules.listenable, IsEmpty());
}

TEST_F(SandboxRules, LetTheFoldersOfNamedFilesBeRead) {
  sources.files = {file("config/config.yaml")};
  sources.patterns = {{root / "config", "../more/*.yaml"}, {root / "config", "other/*/x.yaml"}};
  fs::create_directory(root / "more");
  fs::create_directories(root / "config/other");
  config.ca_file = file("ca/top.pem");
  config.admin.token_file = file("admin/token");
  config::Credential basic;
  basic.ca_file = file("credential-ca/ca.pem");
  basic.secret = config::BasicCredential{"bot", {config::SecretSource::Kind::file, file("password/file")}};
  config::Credential bearer;
  bearer.secret = config::BearerCredential{{config::SecretSource::Kind::environment, "TOKEN"}};
  config.credentials = {basic, bearer};
  config::Repository repository;
  repository.ca_file = file("repository-ca/ca.pem");
  repository.webhook = config::Webhook{{file("hook/one"), file("hook/two")}, ""};
  config.repositories = {repository};
  for (const char* folder : {"config", "more", "ca", "admin", "credential-ca", "password", "repository-ca", "hook"}) {
    EXPECT_THAT(readable(), Contains(root / folder));
  }
  EXPECT_THAT(readable(), Not(Contains(root)));
}

TEST_F(SandboxRules, FollowALinkToItsFile) {
  const fs::path real = file("real/token");
  fs::create_directory(root / "named");
  fs::create_symlink(real, root / "named/token");
  config.admin.token_file = root / "named/token";
  EXPECT_THAT(readable(), Contains(root / "named"));
  EXPECT_THAT(readable(), Contains(root / "real"));
}

TEST_F(SandboxRules, TakeTheNearestFolderThatIsThere) {
  config.admin.token_file = root / "not/there/yet/token";
  EXPECT_THAT(readable(), Contains(root));
}

TEST_F(SandboxRules, NeverOpenEverything) {
  config.admin.token_file = "/token";
  EXPECT_THAT(readable(), Not(Contains(fs::path("/"))));
  EXPECT_THAT(readable(), Contains(fs::path("/token")));
  config.admin.token_file = "/no-such-folder/token";
  EXPECT_THAT(readable(), Not(Contains(fs::path("/"))));
}

TEST_F(SandboxRules, LookWhereTheLibrariesAreToldToLook) {
  const auto places = readable(
      environment({{"SSL_CERT_FILE", file("certificates/a.pem")}, {"SSL_CERT_DIR", root}, {"TZDIR", "relative"}}));
  EXPECT_THAT(places, Contains(root));
  EXPECT_THAT(readable(environment({{"SSL_CERT_FILE", file("certificates/a.pem")}})), Contains(root / "certificates"));
}

TEST_F(SandboxRules, LeaveOutWhatAnotherFolderCovers) {
  config.ca_file = "/etc/ssl/private-ca/ca.pem";
  for (const fs::path& place : readable()) {
    EXPECT_FALSE(place.native().starts_with("/etc/")) << place;
  }
}

TEST_F(SandboxRules, NameThePortOfTheAdminPort) {
  for (const auto& [listen, port] :
       std::map<std::string, std::uint16_t>{{"127.0.0.1:8080", 8080}, {"[::1]:9", 9}, {"127.0.0.1:0", 0}}) {
    config.admin.listen = listen;
    EXPECT_THAT(sandbox_rules(config, sources, environment()).listenable, ElementsAre(port)) << listen;
  }
}

TEST_F(SandboxRules, LetALinkOnTheWayBeSwapped) {
  file("versions/v1/token");
  fs::create_directory_symlink("v1", root / "versions/current");
  config.admin.token_file = root / "versions/current/token";
  EXPECT_THAT(readable(), Contains(root / "versions")) << "current may lead to v2 tomorrow";
}

TEST_F(SandboxRules, FollowALinkToWhatIsNotThereYet) {
  fs::create_directory(root / "named");
  fs::create_directory(root / "later");
  fs::create_symlink("../later/secrets/token", root / "named/token");
  config.admin.token_file = root / "named/token";
  EXPECT_THAT(readable(), Contains(root / "later"));
}

TEST_F(SandboxRules, EndWithLinksThatGoRound) {
  fs::create_symlink("b", root / "a");
  fs::create_symlink("a", root / "b");
  config.admin.token_file = root / "a/token";
  EXPECT_THAT(readable(), Contains(root));
}

TEST(LandlockSupport, SaysWhatIsMissing) {
  EXPECT_EQ(landlock::support_from(7, 0).abi, 7);
  EXPECT_THAT(landlock::support_from(7, 0).reason, IsEmpty());
  EXPECT_THAT(landlock::support_from(2, 0).reason, IsEmpty());
  EXPECT_EQ(landlock::support_from(1, 0).abi, 1);
  EXPECT_THAT(landlock::support_from(1, 0).reason, HasSubstr("too old"));
  EXPECT_THAT(landlock::support_from(-1, ENOSYS).reason, HasSubstr("no Landlock"));
  EXPECT_THAT(landlock::support_from(-1, EOPNOTSUPP).reason, HasSubstr("lsm="));
  EXPECT_THAT(landlock::support_from(-1, EPERM).reason, HasSubstr("filter"));
  EXPECT_THAT(landlock::support_from(-1, EIO).reason, HasSubstr("EIO"));
  EXPECT_EQ(landlock::support_from(-1, EIO).abi, 0);
}

}  // namespace
}  // namespace adapter::app
