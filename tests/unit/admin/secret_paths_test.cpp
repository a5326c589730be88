// SPDX-License-Identifier: Apache-2.0
#include "secret_paths.hpp"

#include <gtest/gtest.h>

namespace adapter::admin {
namespace {

SecretPaths paths(std::initializer_list<const char*> files) {
  config::Config config;
  config::Repository& repository = config.repositories.emplace_back();
  repository.webhook.emplace();
  for (const char* const file : files) {
    repository.webhook->secret_files.emplace_back(file);
  }
  return SecretPaths(config);
}

TEST(SecretPaths, CutsEachPathDownToItsLastComponent) {
  const SecretPaths secret = paths({"/run/secrets/hook", "/etc/a/b"});
  EXPECT_EQ(secret.hidden_in("cannot read /run/secrets/hook: gone; cannot read /etc/a/b"),
            "cannot read …/hook: gone; cannot read …/b");
  EXPECT_EQ(secret.hidden_in("https://git.example.com/run/secrets: 403"), "https://git.example.com/run/secrets: 403");
  EXPECT_EQ(secret.hidden_in(""), "");
  EXPECT_EQ(SecretPaths().hidden_in("/run/secrets/hook"), "/run/secrets/hook");
}

TEST(SecretPaths, TheLongestOfThoseThatBeginAlikeCounts) {
  const SecretPaths secret = paths({"/s/a", "/s/a/key", "/s/a/kez", "/s/b", "/s/a/k"});
  EXPECT_EQ(secret.hidden_in("/s/a/key"), "…/key");
  EXPECT_EQ(secret.hidden_in("/s/a/kex"), "…/kex") << "what is told is the rest of a shorter one";
  EXPECT_EQ(secret.hidden_in("/s/a/x"), "…/a/x");
  EXPECT_EQ(secret.hidden_in("/s/a/kez/s/b"), "…/kez…/b");
  EXPECT_EQ(secret.hidden_in("/s/c"), "/s/c");
}

}  // namespace
}  // namespace adapter::admin
