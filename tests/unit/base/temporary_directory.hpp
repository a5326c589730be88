// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "adapter/base/file.hpp"

namespace adapter::testing {

/// The user whom permissions bind: root, who may do anything, becomes nobody as long as this lives.
class Unprivileged {
public:
  Unprivileged() {
    if (geteuid() == 0 && seteuid(nobody) != 0) {
      throw std::runtime_error("cannot drop privileges");
    }
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;
  ~Unprivileged() {
    if (getuid() == 0 && seteuid(0) != 0) {
      abort();
    }
  }

private:
  static constexpr uid_t nobody = 65534;
};

/// A directory that is gone with this object, owned by the user whom permissions bind.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "adapter-test-XXXXXX").native();
    if (mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("cannot make " + name);
    }
    path_ = name;
    descriptor_ = open_directory(path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] int fd() const noexcept { return descriptor_.get(); }

  void write(const std::filesystem::path& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }
  [[nodiscard]] std::size_t count() const {
    std::size_t entries = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) {
      ++entries;
    }
    return entries;
  }

private:
  Unprivileged unprivileged_;
  std::filesystem::path path_;
  UniqueFd descriptor_;
};

}  // namespace adapter::testing
