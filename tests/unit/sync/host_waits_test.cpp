// SPDX-License-Identifier: Apache-2.0
#include "host_waits.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "values.hpp"

namespace adapter::sync {
namespace {

using namespace std::chrono_literals;

class HostWaitsTest : public ::testing::Test {
protected:
  static http::Url url(const std::string& text) { return *http::Url::parse(text); }
  static config::Credential credential(const std::string& prefix, const std::string& user) {
    config::Credential credential;
    credential.url = url(prefix);
    config::BasicCredential basic;
    basic.username = user;
    credential.secret = std::move(basic);
    return credential;
  }
  void configure(std::vector<config::Credential> credentials, const std::vector<http::Url>& urls) {
    config::Config config;
    config.credentials = std::move(credentials);
    for (const http::Url& each : urls) {
      config.repositories.emplace_back().url = each;
    }
    waits_.configure(config, now_);
  }

  const http::Url one_a_{url("https://one.example.com/a/x.git")};
  const http::Url one_b_{url("https://one.example.com/b/x.git")};
  const http::Url one_open_{url("https://one.example.com/open.git")};
  const http::Url other_{url("https://other.example.com/x.git")};
  const std::vector<http::Url> all_{one_a_, one_b_, one_open_, other_};
  const HostWaits::TimePoint now_{200h};
  const HostWaits::TimePoint later_{now_ + 10min};
  HostWaits waits_;
};

TEST_F(HostWaitsTest, KeepsTheLatestTimeOfEachHost) {
  EXPECT_EQ(waits_.until(one_a_), HostWaits::TimePoint());
  waits_.note_asked(one_a_, later_, now_);
  waits_.note_asked(one_a_, later_ - 1min, now_);
  EXPECT_EQ(waits_.until(one_a_), later_);
  EXPECT_EQ(waits_.until(one_b_), later_) << "without credentials one origin is one host";
  EXPECT_EQ(waits_.until(other_), HostWaits::TimePoint());
  EXPECT_EQ(waits_.until(url("https://one.example.com:8443/a/x.git")), HostWaits::TimePoint());
}

TEST_F(HostWaitsTest, AThrottledCredentialHoldsUpNoOther) {
  configure({credential("https://one.example.com/a/", "a"), credential("https://one.example.com/b/", "b")}, all_);
  waits_.note_asked(one_a_, later_, now_);
  EXPECT_EQ(waits_.until(url("https://one.example.com/a/y.git")), later_);
  EXPECT_EQ(waits_.until(one_b_), HostWaits::TimePoint());
  EXPECT_EQ(waits_.until(one_open_), HostWaits::TimePoint());
  waits_.note_asked(one_open_, later_ + 1min, now_);
  EXPECT_EQ(waits_.until(url("https://one.example.com/c/y.git")), later_ + 1min);
  EXPECT_EQ(waits_.until(one_b_), HostWaits::TimePoint());
  waits_.note_answered(one_b_, later_);
  EXPECT_EQ(waits_.until(one_a_), later_);
}

TEST_F(HostWaitsTest, AWaitHoldsUpOthersForAQuarterOfAnHourAtMost) {
  waits_.note_asked(one_a_, now_ + 24h, now_);
  EXPECT_EQ(waits_.until(one_b_), now_ + 15min);
}

TEST_F(HostWaitsTest, AnAnswerOfTheHostEndsItsWait) {
  waits_.note_asked(one_a_, later_, now_);
  waits_.note_asked(other_, later_, now_);
  waits_.note_answered(one_a_, now_ + 1s);
  EXPECT_EQ(waits_.until(one_a_), HostWaits::TimePoint());
  EXPECT_EQ(waits_.until(other_), later_);
}

TEST_F(HostWaitsTest, AnAnswerToAQuestionFromBeforeTheWaitEndsNone) {
  waits_.note_asked(one_a_, later_, now_);
  waits_.note_answered(one_a_, now_ - 1s);
  EXPECT_EQ(waits_.until(one_a_), later_);
}

TEST_F(HostWaitsTest, AnotherCredentialEndsTheWaitOfItsHostOnly) {
  const config::Credential b = credential("https://one.example.com/b/", "b");
  configure({credential("https://one.example.com/a/", "a"), b}, all_);
  for (const http::Url& each : all_) {
    waits_.note_asked(each, later_, now_);
  }
  configure({b, credential("https://one.example.com/a/", "a")}, all_);
  EXPECT_EQ(waits_.until(one_a_), later_);
  EXPECT_TRUE(waits_.is_same_host(one_a_, one_a_));
  EXPECT_FALSE(waits_.is_same_host(one_a_, one_b_));
  configure({b, credential("https://one.example.com/a/", "c")}, all_);
  EXPECT_EQ(waits_.until(one_a_), HostWaits::TimePoint());
  EXPECT_FALSE(waits_.is_same_host(one_a_, one_a_));
  for (const http::Url& each : {one_b_, one_open_, other_}) {
    EXPECT_EQ(waits_.until(each), later_) << each.display();
    EXPECT_TRUE(waits_.is_same_host(each, each)) << each.display();
  }
}

TEST_F(HostWaitsTest, AReloadForgetsWhatIsOverAndHostsThatLeft) {
  waits_.note_asked(one_a_, now_, now_ - 1min);
  waits_.note_asked(other_, later_, now_ - 1min);
  configure({}, {one_a_});
  EXPECT_EQ(waits_.until(one_a_), HostWaits::TimePoint());
  EXPECT_EQ(waits_.until(other_), HostWaits::TimePoint());
}

}  // namespace
}  // namespace adapter::sync
