// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "leftovers.hpp"
#include "repository_journal.hpp"

namespace adapter::sync {

inline const std::string any_commit(40, 'a');

/// A directory that is gone with all in it at the end.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "adapter-leftovers-XXXXXX").native();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
  std::filesystem::path path_;
};

/// A data directory with repositories that were published.
class VolumeTest : public ::testing::Test {
protected:
  VolumeTest() { configured.data_dir = directory.path(); }

  void publish(const std::string& name, const std::string& link, const std::vector<FormerLink>& former = {}) {
    const std::filesystem::path own = directory.path() / ".adapter" / name;
    std::filesystem::create_directories(own / "trees" / any_commit);
    std::filesystem::create_directories(own / "manifests");
    SavedState state;
    state.link = link;
    state.former_links = former;
    save_state(own, state);
    point(link, name);
  }
  void point(const std::string& link, const std::string& name) {
    std::filesystem::remove(directory.path() / link);
    std::filesystem::create_directory_symlink(".adapter/" + name + "/trees/" + any_commit, directory.path() / link);
  }

  TemporaryDirectory directory;
  ConfiguredLinks configured;
};

}  // namespace adapter::sync
