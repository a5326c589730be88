// SPDX-License-Identifier: Apache-2.0
#include "adapter/auth/shared_secret.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace adapter::auth {
namespace {

using namespace std::chrono_literals;

/// A variable whose look-up can be made to hang, as a file on a volume without a server does.
struct Source {
  std::promise<void> begun;
  std::promise<void> release;
  std::shared_future<void> released{release.get_future()};
  bool hangs = false;
  std::optional<std::string> value;

  config::Environment environment() {
    return [this](std::string_view) {
      if (hangs) {
        begun.set_value();
        released.wait();
      }
      return value;
    };
  }
};

config::SecretSource variable() {
  return {config::SecretSource::Kind::environment, "TOKEN"};
}

TEST(SharedSecret, OneThatHangsHoldsUpOneThreadOnly) {
  Source source;
  SharedSecret secret(variable(), source.environment(), 20ms);
  EXPECT_TRUE(secret.look().failure);  // the variable is not set: what was looked at last
  source.hangs = true;
  source.value = "0123456789abcdef";
  auto hanging = std::async(std::launch::async, [&] { return secret.look().value; });
  source.begun.get_future().wait();
  auto other = std::async(std::launch::async, [&] { return secret.look(); });
  ASSERT_EQ(other.wait_for(20s), std::future_status::ready);
  const SharedSecret::Look look = other.get();
  EXPECT_TRUE(look.failure);
  EXPECT_FALSE(look.is_news);
  source.release.set_value();
  EXPECT_EQ(hanging.get().reveal(), "0123456789abcdef");
  EXPECT_EQ(secret.look().value.reveal(), "0123456789abcdef");
}

TEST(SharedSecret, SaysOnceThatItCannotBeRead) {
  Source source;
  SharedSecret secret(variable(), source.environment());
  EXPECT_TRUE(secret.look().is_news);
  EXPECT_FALSE(secret.look().is_news);
  source.value = "0123456789abcdef";
  EXPECT_FALSE(secret.look().is_news);
  EXPECT_EQ(secret.look().value.reveal(), "0123456789abcdef");
}

TEST(SharedSecret, SaysItAgainWhenTheCauseChanges) {
  const std::filesystem::path file = std::filesystem::path(::testing::TempDir()) / "adapter-shared-secret";
  const auto write = [&](const char* bytes) { std::ofstream(file, std::ios::binary) << bytes; };
  std::filesystem::remove(file);
  SharedSecret secret({config::SecretSource::Kind::file, file.native()});
  for (const auto& [bytes, cause] : {std::pair{static_cast<const char*>(nullptr), "ENOENT"},
                                     {"one\ntwo\n", "it must be one line"},
                                     {"", "is empty"}}) {
    if (bytes != nullptr) {
      write(bytes);
    }
    const SharedSecret::Look look = secret.look();
    EXPECT_TRUE(look.is_news) << cause;
    EXPECT_NE(look.failure->text().find(cause), std::string::npos) << look.failure->text();
    EXPECT_FALSE(secret.look().is_news) << cause;
  }
  write("0123456789abcdef");
  EXPECT_FALSE(secret.look().failure);
  std::filesystem::remove(file);
  EXPECT_TRUE(secret.look().is_news);
}

}  // namespace
}  // namespace adapter::auth
