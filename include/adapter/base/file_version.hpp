// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>

#include "adapter/base/file.hpp"

namespace adapter {

/// What a file was when it was looked at: its stamp, and a hash of its bytes. The hash tells apart two writes within
/// one tick of the volume's clock, which give the file the same stamp. Equal versions mean that the file need not be
/// read again. Not synchronised.
class FileVersion {
public:
  using Clock = std::chrono::steady_clock;
  using ReadHash = std::function<std::optional<std::size_t>()>;  ///< nullopt: the file cannot be read

  /// The longest tick of a file system's clock: that of FAT.
  static constexpr std::chrono::seconds longest_tick{2};
  /// The hash of a larger file is that of one that cannot be read.
  static constexpr std::uint64_t max_hashed_bytes = 8ULL * 1024 * 1024;

  /// Of a file that is not there.
  FileVersion() = default;

  /// Looks at `path`; follows links. `before` is what the look before this one saw. The file is read until its stamp
  /// has been seen for longer than `longest_tick`; from then on a look is one system call. When the file cannot be
  /// reached stamp() is nullopt and errno says why. Blocks; never throws for the file's sake.
  [[nodiscard]] static FileVersion of(const std::filesystem::path& path, const FileVersion& before = {});
  /// The same for a stamp that was taken at `now`. Pure, except for `read_hash`.
  [[nodiscard]] static FileVersion at(const std::optional<FileStamp>& stamp, const ReadHash& read_hash,
                                      const FileVersion& before, Clock::time_point now);

  [[nodiscard]] const std::optional<FileStamp>& stamp() const noexcept { return stamp_; }

  friend bool operator==(const FileVersion& left, const FileVersion& right) noexcept {
    return left.stamp_ == right.stamp_ && left.hash_ == right.hash_;
  }

private:
  std::optional<FileStamp> stamp_;
  std::optional<std::size_t> hash_;
  Clock::time_point first_seen_;  ///< with that stamp
  Clock::time_point hashed_;
};

}  // namespace adapter
