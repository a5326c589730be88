// SPDX-License-Identifier: Apache-2.0
#include "made_directories.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "adapter/base/file.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/volume_layout.hpp"
#include "folder.hpp"

namespace adapter::publish {
namespace {

const std::string notes_directory = volume::own_path(volume::made_directories);

/// A path may be longer than a name: FNV-1a, 64 bits. The note holds the path itself.
std::string note_name(const std::string& path) {
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  for (const char byte : path) {
    sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  }
  std::array<char, 17> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(sum)));
  return text.data();
}

std::string note_of(const std::string& path, const struct stat& info) {
  return std::to_string(info.st_ino) + " " + path + "\n";
}

}  // namespace

void note_made_directory(int data, const std::string& path, const struct stat& info) {
  ensure_directory_at(data, volume::own_directory, 0755);
  if (ensure_directory_at(data, notes_directory, S_IRWXU)) {
    try {
      fsync_folder(open_directory_at(data, volume::own_directory).get(), volume::own_directory);
    } catch (...) {
      unlinkat(data, notes_directory.c_str(), AT_REMOVEDIR);  // a second sync of the same name would prove nothing
      throw;
    }
  }
  const UniqueFd notes = open_directory_at(data, notes_directory);
  replace_file_at(notes.get(), note_name(path), note_of(path, info), 0600);
}

bool is_made_directory(int data, const std::string& path, const struct stat& info) {
  const UniqueFd notes = try_open_beneath(data, notes_directory);
  if (!notes) {
    return false;
  }
  try {
    return read_file_at(notes.get(), note_name(path), max_path_bytes + 64) == note_of(path, info);
  } catch (const Error&) {
    return false;  // an empty directory that stays harms less than one that goes
  }
}

void forget_made_directory(int data, const std::string& path) {
  if (const UniqueFd notes = try_open_beneath(data, notes_directory)) {
    unlinkat(notes.get(), note_name(path).c_str(), 0);
    fsync_folder(notes.get(), notes_directory);
  }
}

}  // namespace adapter::publish
