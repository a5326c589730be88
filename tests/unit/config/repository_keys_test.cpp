// SPDX-License-Identifier: Apache-2.0
#include "../../../src/config/repository_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support.hpp"

namespace adapter::config {
namespace {

using testing::ElementsAre;

/// Two values of a key that are not its default.
std::pair<std::string, std::string> other_values(const DescribedKey& key) {
  switch (key.shape.type) {
    case Shape::Type::boolean:
      return {"true", "true"};
    case Shape::Type::integer:
      return {"2", "3"};
    case Shape::Type::size:
      return {"5MiB", "6MiB"};
    case Shape::Type::duration:
      return {"2h", "3h"};
    case Shape::Type::percent:
      return {"20%", "30%"};
    case Shape::Type::choice: {
      std::vector<std::string_view> words = key.shape.words;
      std::erase(words, key.shape.default_value);
      return {std::string(words.front()), std::string(words.back())};
    }
    case Shape::Type::path:
      return {"/ca/one.pem", "/ca/two.pem"};
    case Shape::Type::mapping:
      return {"{secret_file: /run/one}", "{secret_file: /run/two}"};
    case Shape::Type::text:
      break;
  }
  if (key.name == "cron") {
    return {"5 4 * * *", "6 4 * * *"};
  }
  return key.name == "timezone" ? std::pair<std::string, std::string>("Europe/Berlin", "Asia/Tokyo")
                                : std::pair<std::string, std::string>("main", "dev");
}

/// What another key needs to have a meaning.
std::string needed_by(std::string_view name) {
  if (name == "timezone") {
    return "cron: 5 4 * * *\n";
  }
  return name == "every_when_hooked" ? "webhook: {secret_file: /run/secret}\n" : "";
}

std::string line_of(const DescribedKey& key, bool is_limit, const std::string& value) {
  const std::string pair = std::string(key.name) + ": " + value;
  return is_limit ? "limits: {" + pair + "}\n" : pair + "\n";
}

Repository repository_of(const std::string& defaults, const std::string& own) {
  const Loaded loaded = load((defaults.empty() ? "" : "defaults:\n  " + defaults) +
                             "admin: {listen: \"127.0.0.1:0\"}\n" + one_repository(own));
  EXPECT_TRUE(loaded.config) << all_text(loaded.findings);
  return loaded.config ? loaded.config->repositories.at(0) : Repository();
}

/// visit(key, is_limit)
template <class Visit>
void for_each_key(Visit visit) {
  for (const DescribedKey& key : describe_repository_keys()) {
    visit(key, false);
  }
  for (const DescribedKey& key : describe_limit_keys()) {
    visit(key, true);
  }
}

TEST(RepositoryKeys, CountInARepositoryAndAsDefaults) {
  for_each_key([](const DescribedKey& key, bool is_limit) {
    const auto [one, other] = other_values(key);
    const std::string needed = needed_by(key.name);
    const Repository plain = repository_of("", needed);
    const Repository own = repository_of("", needed + line_of(key, is_limit, one));
    EXPECT_FALSE(own == plain) << key.name << " has no effect in a repository";
    EXPECT_TRUE(repository_of(line_of(key, is_limit, one), needed) == own) << key.name << " among the defaults";
    EXPECT_TRUE(repository_of(line_of(key, is_limit, other), needed + line_of(key, is_limit, one)) == own)
        << key.name << " of a repository gives way to the defaults";
  });
}

TEST(RepositoryKeys, HaveTheDefaultsThatTheyDescribe) {
  for_each_key([](const DescribedKey& key, bool is_limit) {
    if (!key.shape.default_value.empty() && key.name != "timezone") {
      const std::string line = line_of(key, is_limit, key.shape.default_value);
      EXPECT_TRUE(repository_of("", line) == repository_of("", "")) << key.name;
    }
  });
}

TEST(SettingsFingerprint, ChangesWithTheKeysThatAffectTheTreeAndWithNoOther) {
  const std::string usual = settings_fingerprint(repository_of("", ""));
  std::vector<std::string> in_it;
  for_each_key([&](const DescribedKey& key, bool is_limit) {
    const std::string text = needed_by(key.name) + line_of(key, is_limit, other_values(key).first);
    if (settings_fingerprint(repository_of("", text)) != usual) {
      in_it.emplace_back(key.name);
    }
  });
  EXPECT_THAT(in_it, ElementsAre("depth", "symlinks", "names", "share", "max_pack_bytes", "max_objects",
                                 "max_object_bytes", "max_paths", "max_tree_bytes", "max_depth"));
}

/// It lies on volumes: another text makes each repository look at its commit again after an upgrade.
TEST(SettingsFingerprint, IsTheTextOfVersion010) {
  EXPECT_EQ(settings_fingerprint(Repository()), "v1-1-0-0-0-2147483648-5000000-268435456-1000000-4294967296-128");
}

}  // namespace
}  // namespace adapter::config
