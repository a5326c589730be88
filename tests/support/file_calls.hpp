// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace adapter::testing {

/// One system call that changes files or makes them durable.
struct FileCall {
  /// "open" (also openat), "write" (also pwrite, ftruncate), "fsync", "fdatasync", "syncfs", "rename", "exchange",
  /// "link", "symlink", "unlink", "rmdir", "mkdir". Asked about only, not noted: "flock".
  std::string name;
  std::string path;      ///< absolute; of a descriptor the path that its file has at the time of the call
  std::string to;        ///< rename, exchange and link: the other path; symlink: the target as it was given
  int flags = 0;         ///< open: O_…; rename and exchange: RENAME_…
  int error = 0;         ///< errno of the call, 0 when it succeeded
  bool creates = false;  ///< open: with O_CREAT, of a path that was free

  [[nodiscard]] bool opens_for_writing() const noexcept;
};

/// The calls of this program, all of its threads and libraries included; tests/support/file_calls.cpp replaces the C
/// library's functions in every program it is linked into. Not seen: what the C library calls inside itself (stdio).
/// Nothing is noted and nothing fails before watch(). Any thread.
class FileCalls {
public:
  /// Asked before each call, and before opens for reading too; not for calls that it makes itself. Returns the errno
  /// that the call shall fail with, without being made, or 0.
  using Answer = std::function<int(const FileCall&)>;

  /// Forgets all calls and notes from now on, asking `answer` where there is one.
  static void watch(Answer answer = {});
  /// Ends noting and failing; keeps what was noted.
  static void ignore();
  /// The calls so far, in the order they were made.
  [[nodiscard]] static std::vector<FileCall> seen();
  /// The paths of the calls of this name that succeeded.
  [[nodiscard]] static std::vector<std::string> paths_of(std::string_view name);
};

/// An answer: the first call of this name whose path ends so (rename: its new path) fails, once.
[[nodiscard]] FileCalls::Answer fail_once(std::string name, std::string path_end, int error);

}  // namespace adapter::testing
