// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/file_version.hpp"

#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/base/secret.hpp"

namespace adapter {
namespace {

std::optional<std::size_t> hash_of_file(const std::filesystem::path& path) {
  try {
    const Secret bytes(read_file(path, FileVersion::max_hashed_bytes));
    return std::hash<std::string_view>()(bytes.reveal());
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

FileVersion FileVersion::of(const std::filesystem::path& path, const FileVersion& before) {
  const Clock::time_point now = Clock::now();
  return at(FileStamp::of(path), [&] { return hash_of_file(path); }, before, now);
}

FileVersion FileVersion::at(const std::optional<FileStamp>& stamp, const ReadHash& read_hash, const FileVersion& before,
                            Clock::time_point now) {
  FileVersion seen;
  if (!stamp) {
    return seen;
  }
  const bool known = before.stamp_ == stamp;
  seen.stamp_ = stamp;
  seen.first_seen_ = known ? before.first_seen_ : now;
  if (known && before.hashed_ > before.first_seen_ + longest_tick) {
    seen.hash_ = before.hash_;
    seen.hashed_ = before.hashed_;
  } else {
    seen.hash_ = read_hash();
    seen.hashed_ = now;
  }
  return seen;
}

}  // namespace adapter
