// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "adapter/base/file.hpp"

namespace adapter::test {

/// Rewrites a file under the stamp that it has, as a second write within one tick of a coarse clock does: through a
/// mapping, whose pages are dirty already.
class MappedFile {
public:
  explicit MappedFile(const std::filesystem::path& path) : path_(path), size_(std::filesystem::file_size(path)) {
    const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    bytes_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (bytes_ == MAP_FAILED) {
      throw std::runtime_error("cannot map " + path.native());
    }
    *static_cast<volatile char*>(bytes_) = *static_cast<volatile char*>(bytes_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() { munmap(bytes_, size_); }

  /// Puts `bytes` at the file's start.
  void rewrite(std::string_view bytes) {
    const std::optional<FileStamp> before = FileStamp::of(path_);
    std::memcpy(bytes_, bytes.data(), std::min(bytes.size(), size_));
    if (FileStamp::of(path_) != before) {
      throw std::runtime_error("the stamp of " + path_.native() + " changed");
    }
  }

private:
  std::filesystem::path path_;
  std::size_t size_;
  void* bytes_ = nullptr;
};

}  // namespace adapter::test
