// SPDX-License-Identifier: Apache-2.0
#include "lock_holder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <thread>

#include "adapter/base/file.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"

namespace adapter::publish {
namespace {

constexpr std::uint64_t max_locks_bytes = 4 * mib;
constexpr std::uint64_t max_note_bytes = 4 * kib;
/// What a daemon of any version locks, relative to data_dir.
const std::array<std::string, 4> locked_names{".", volume::own_directory, volume::own_path(volume::owner_directory),
                                              volume::own_path(volume::lock_file)};

/// The whole file; empty when it cannot be read.
std::string text_of(int directory, const std::string& name, std::uint64_t limit_bytes) {
  try {
    return read_file_at(directory, name, limit_bytes);
  } catch (const Error&) {
    return {};
  }
}

std::string read_noted(int data) {
  const std::string note = text_of(data, volume::own_path(volume::lock_file), max_note_bytes);
  const std::string pid = note.substr(0, note.find('\n'));
  return pid.find_first_not_of("0123456789") == std::string::npos ? pid : std::string();
}

std::vector<std::string> locked_inodes(int data) {
  std::vector<std::string> inodes;
  for (const std::string& name : locked_names) {
    struct stat info{};
    if (fstatat(data, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      std::array<char, 64> text{};
      std::snprintf(text.data(), text.size(), "%02x:%02x:%llu", major(info.st_dev), minor(info.st_dev),
                    static_cast<unsigned long long>(info.st_ino));
      inodes.emplace_back(text.data());
    }
  }
  return inodes;
}

std::string command_of(const std::string& pid) {
  const std::string text = text_of(AT_FDCWD, "/proc/" + pid + "/comm", max_note_bytes);
  const std::string command = text.substr(0, text.find('\n'));
  return command.empty() ? "" : " (" + escape(command) + ")";
}

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

std::string lock_note(int own) {
  return text_of(own, volume::lock_file, max_note_bytes);
}

std::vector<std::string> flock_holders(std::string_view text, const std::vector<std::string>& inodes,
                                       std::string_view noted) {
  const auto is_inode_of = [](const std::string& one, const std::string& other) {
    return one.substr(one.rfind(':') + 1) == other.substr(other.rfind(':') + 1);
  };
  std::vector<std::string> holders;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number;
    std::string kind;
    std::string advice;
    std::string mode;
    std::string pid;
    std::string inode;
    words >> number >> kind >> advice >> mode >> pid >> inode;
    if (kind != "FLOCK" || contains(holders, pid)) {  // a waiting one has "->" before its kind
      continue;
    }
    const bool holds = std::any_of(inodes.begin(), inodes.end(), [&](const std::string& known) {
      return known == inode || (pid == noted && is_inode_of(known, inode));
    });
    if (holds) {
      holders.push_back(pid);
    }
  }
  return holders;
}

LockHolder find_lock_holder(int data) {
  constexpr std::chrono::milliseconds pause{20};
  constexpr int looks_for_a_number = 100;
  constexpr int looks_for_the_holder = 10;
  LockHolder holder;
  // A process that has just taken the lock may not have written its number yet, nor have made the folder for it.
  for (int look = 0; look < looks_for_a_number; ++look) {
    holder.noted = read_noted(data);
    holder.seen = flock_holders(text_of(AT_FDCWD, "/proc/locks", max_locks_bytes), locked_inodes(data), holder.noted);
    if (!holder.noted.empty() && (contains(holder.seen, holder.noted) || look >= looks_for_the_holder)) {
      break;
    }
    std::this_thread::sleep_for(pause);
  }
  return holder;
}

std::string describe(const LockHolder& holder, const std::filesystem::path& data_dir) {
  const std::string place = escape(data_dir.native());
  if (contains(holder.seen, holder.noted)) {
    return "process " + holder.noted + " works on " + place +
           " already; stop it, or give this one a data_dir of its own";
  }
  const std::string note = holder.noted.empty() ? std::string()
                                                : "; the adapter that noted itself there last was process " +
                                                      holder.noted + ", which may be of another container or host";
  if (!holder.seen.empty()) {
    const std::string& pid = holder.seen.front();
    return "process " + pid + command_of(pid) + " holds flock on " + place + " or on .adapter in it" + note +
           ". Stop that process; a consumer of the volume has to lock a file outside of it";
  }
  return "another process works on " + place + " already, or a consumer of the volume holds flock on it" + note +
         ". On the host `lslocks` or `fuser -v " + place + " " + place +
         "/.adapter` shows the holder: stop it, or give this one a data_dir of its own";
}

}  // namespace adapter::publish
