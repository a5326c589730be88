// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/error.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace adapter {
namespace {

TEST(ErrorClass, HasANameOfItsOwnForEach) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < error_class_count; ++i) {
    names.insert(to_string(static_cast<ErrorClass>(i)));
  }
  EXPECT_EQ(names,
            (std::set<std::string_view>{"config", "auth", "not_found", "rate_limited", "network", "tls", "protocol",
                                        "corrupt", "limit", "policy", "storage", "timeout", "cancelled"}));
  EXPECT_EQ(to_string(static_cast<ErrorClass>(error_class_count)), "unknown");
}

TEST(Error, PutsTheOuterContextFirst) {
  Error error(ErrorClass::tls, "the certificate has expired");
  error.add_context("https://host").add_context("repository docs");
  EXPECT_EQ(error.text(), "repository docs: https://host: the certificate has expired");
  EXPECT_STREQ(error.what(), error.text().c_str());
  EXPECT_EQ(Error(ErrorClass::auth, "no").with_context("here").text(), "here: no");
}

TEST(Error, SaysByItsClassWhetherARetryCanHelp) {
  const std::set<ErrorClass> final{ErrorClass::config, ErrorClass::limit, ErrorClass::policy, ErrorClass::cancelled};
  for (std::size_t i = 0; i < error_class_count; ++i) {
    const auto error_class = static_cast<ErrorClass>(i);
    EXPECT_EQ(Error(error_class, "x").retryable(), !final.contains(error_class)) << to_string(error_class);
  }
}

TEST(Error, MaySayOtherwise) {
  Error malformed(ErrorClass::corrupt, "x");
  EXPECT_FALSE(malformed.set_retryable(false).retryable());
  Error held(ErrorClass::policy, "x");
  EXPECT_TRUE(held.set_retryable(true).retryable());
}

TEST(Error, KeepsHowLongToWaitWhenItIsCopied) {
  Error error(ErrorClass::rate_limited, "x");
  EXPECT_EQ(error.retry_after(), std::nullopt);
  error.set_retry_after(std::chrono::seconds{30});
  const Error copy = Error(error).with_context("y");
  EXPECT_EQ(copy.retry_after(), std::chrono::seconds{30});
}

TEST(Result, HoldsAValueOrThrowsItsError) {
  Result<std::unique_ptr<int>> good(std::make_unique<int>(7));
  ASSERT_TRUE(good);
  EXPECT_EQ(**good, 7);
  EXPECT_EQ(*std::move(good).value(), 7);
  const Result<int> bad(Error(ErrorClass::limit, "too many"));
  EXPECT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().text(), "too many");
  try {
    static_cast<void>(bad.value());
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::limit);
  }
}

}  // namespace
}  // namespace adapter
