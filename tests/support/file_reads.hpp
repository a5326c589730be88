// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace adapter::testing {

/// The pread() calls of this program, its libraries' too; tests/support/file_reads.cpp replaces the C library's
/// function in every program it is linked into. Any thread.
class FileReads {
public:
  /// Asked before each call with the path of its file, the first byte and how many bytes. Returns the errno that the
  /// call shall fail with, without being made, or 0. It must not call pread() itself.
  using Answer = std::function<int(const std::string& path, long place, std::size_t size)>;

  static void watch(Answer answer);
  static void ignore() { watch({}); }
};

}  // namespace adapter::testing
