// SPDX-License-Identifier: Apache-2.0
#include "server/access.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

http::RequestHead request(const std::string& host, std::initializer_list<std::pair<const char*, std::string>> fields) {
  http::RequestHead head;
  head.host = host;
  for (const auto& [name, value] : fields) {
    head.fields.add(name, value);
  }
  return head;
}

class AccessTest : public ::testing::Test {
protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("access-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write_token(const std::string& token) {
    std::ofstream(folder_ / "new") << token << "\n";
    std::filesystem::rename(folder_ / "new", folder_ / "token");
  }
  config::Admin with_token() {
    config::Admin admin;
    admin.token_file = folder_ / "token";
    return admin;
  }
  bool authorized(const std::string& value) { return access_.has_token(request("h", {{"Authorization", value}})); }

  std::filesystem::path folder_;
  Access access_;
};

TEST_F(AccessTest, WithoutATokenNobodyNeedsOne) {
  access_.apply(config::Admin(), "127.0.0.1:8080");
  EXPECT_FALSE(access_.needs_token());
  EXPECT_TRUE(access_.has_token(request("localhost", {})));
}

TEST_F(AccessTest, TheTokenComesAsBearerOrAsAPassword) {
  write_token("open sesame");
  access_.apply(with_token(), "0.0.0.0:8080");
  EXPECT_TRUE(access_.needs_token());
  EXPECT_TRUE(authorized("Bearer open sesame"));
  EXPECT_TRUE(authorized("bearer open sesame"));
  EXPECT_TRUE(authorized("Basic " + base64("anybody:open sesame")));
  EXPECT_TRUE(authorized("basic " + base64(":open sesame")));
  for (const std::string& wrong :
       {std::string(), std::string("Bearer"), std::string("Bearer "), std::string("Bearer open"),
        std::string("Bearer open sesame!"), std::string("Token open sesame"), std::string("open sesame"),
        std::string("Basic open sesame"), "Basic " + base64("open sesame"), "Basic " + base64("x:open sesame\n"),
        "Basic " + base64("open sesame:"), std::string("Basic ===="), "Bearer " + base64("open sesame")}) {
    EXPECT_FALSE(authorized(wrong)) << wrong;
  }
  EXPECT_FALSE(access_.has_token(request("h", {})));
  EXPECT_FALSE(
      access_.has_token(request("h", {{"Authorization", "Bearer open sesame"}, {"Authorization", "Bearer x"}})));
}

TEST_F(AccessTest, ATokenThatIsReplacedCountsAtOnce) {
  write_token("first");
  access_.apply(with_token(), "0.0.0.0:8080");
  EXPECT_TRUE(authorized("Bearer first"));
  write_token("second");
  EXPECT_TRUE(authorized("Bearer second"));
  EXPECT_FALSE(authorized("Bearer first"));
}

TEST_F(AccessTest, ATokenThatCannotBeReadLetsNobodyIn) {
  access_.apply(with_token(), "0.0.0.0:8080");
  EXPECT_TRUE(access_.check_token());
  EXPECT_TRUE(access_.needs_token());
  EXPECT_FALSE(authorized("Bearer "));
  write_token("there");
  EXPECT_TRUE(authorized("Bearer there"));
  std::filesystem::remove(folder_ / "token");
  EXPECT_FALSE(authorized("Bearer there"));
}

TEST_F(AccessTest, WithoutATokenOnlyOurNamesAreAnswered) {
  config::Admin admin;
  admin.allowed_hosts = {"adapter.example.org", "other.example.org:8443"};
  access_.apply(admin, "127.0.0.1:8080");
  for (const char* const host :
       {"localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:8080", "127.1.2.3:1", "[::1]", "[::1]:8080",
        "adapter.example.org", "adapter.example.org:99", "other.example.org:8443"}) {
    EXPECT_TRUE(access_.host_is_allowed(request(host, {}))) << host;
  }
  for (const char* const host : {"", "example.org", "localhost.example.org", "other.example.org", "[::2]:8080",
                                 "127.0.0.1.example.org", "10.0.0.1:8080", "adapter.example.org.evil.org"}) {
    EXPECT_FALSE(access_.host_is_allowed(request(host, {}))) << host;
  }
}

TEST_F(AccessTest, WithATokenEveryNameIs) {
  write_token("t");
  access_.apply(with_token(), "0.0.0.0:8080");
  EXPECT_TRUE(access_.host_is_allowed(request("anything.example.org", {})));
}

TEST_F(AccessTest, PagesOfOtherSitesAreForeign) {
  EXPECT_FALSE(Access::is_foreign(request("localhost:8080", {})));
  EXPECT_FALSE(Access::is_foreign(request("localhost:8080", {{"Origin", "http://localhost:8080"}})));
  EXPECT_FALSE(Access::is_foreign(request("localhost:8080", {{"Origin", "HTTP://LocalHost:8080"}})));
  EXPECT_FALSE(Access::is_foreign(request("localhost:8080", {{"Sec-Fetch-Site", "same-origin"}})));
  EXPECT_FALSE(Access::is_foreign(request("localhost:8080", {{"Sec-Fetch-Site", "none"}})));
  for (const char* const origin : {"null", "http://localhost:8081", "http://evil.example", "https://localhost", "",
                                   "http://localhost:8080/", "localhost:8080"}) {
    EXPECT_TRUE(Access::is_foreign(request("localhost:8080", {{"Origin", origin}}))) << origin;
  }
  for (const char* const site : {"cross-site", "same-site", ""}) {
    EXPECT_TRUE(Access::is_foreign(request("localhost:8080", {{"Sec-Fetch-Site", site}}))) << site;
  }
}

}  // namespace
}  // namespace adapter::admin
