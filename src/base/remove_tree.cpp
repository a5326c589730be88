// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "retry.hpp"

namespace adapter {
namespace {

/// One descriptor is open a level. Directories below are moved up and removed from there.
constexpr int max_depth = 64;
/// Passes over a directory that is not empty although all its names went.
constexpr int max_repeats = 16;

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, DirectoryCloser>;

/// The next name that is not "." or ".."; null at the end, and with errno set when the directory cannot be read on.
const char* next_name(DIR* stream) {
  while (true) {
    errno = 0;
    const dirent* const entry = readdir(stream);  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
    if (entry == nullptr) {
      return nullptr;
    }
    const char* const name = static_cast<const char*>(entry->d_name);
    if (std::string_view(name) != "." && std::string_view(name) != "..") {
      return name;
    }
  }
}

/// Whether an error number is about the entry, not about the volume or the machine. Where the disk does not deliver an
/// entry, what lies beside it can go.
bool is_about_the_entry(int error_number) noexcept {
  return error_number == EACCES || error_number == EPERM || error_number == EBUSY || error_number == EISDIR ||
         error_number == ENOTEMPTY || error_number == EEXIST || error_number == ETXTBSY ||
         is_unreadable_place(error_number);
}

/// Cleared once, when the kernel (before 5.6) or a filter of system calls does not let openat2 through.
std::atomic<bool> openat2_works{true};

/// The number that the kernel gives to the mount on which `descriptor` is; -1 where it does not tell.
int mount_of(int descriptor) noexcept {
  file_handle handle{};  // without room for the handle, which is not wanted
  int mount = -1;
  const bool told = name_to_handle_at(descriptor, "", &handle, &mount, AT_EMPTY_PATH) == 0 || errno == EOVERFLOW;
  return told ? mount : -1;
}

bool is_same_mount(int left, int right) noexcept {
  struct stat left_info{};
  struct stat right_info{};
  return fstat(left, &left_info) == 0 && fstat(right, &right_info) == 0 && left_info.st_dev == right_info.st_dev &&
         mount_of(left) == mount_of(right);
}

/// A folder of `directory`; EBUSY where something is mounted at that place. Follows no link.
UniqueFd open_unmounted(int directory, const std::string& name, int flags) noexcept {
  flags |= O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (openat2_works.load(std::memory_order_relaxed)) {
    open_how how{};
    how.flags = static_cast<decltype(how.flags)>(flags);
    how.resolve = RESOLVE_NO_XDEV;
    UniqueFd folder(static_cast<int>(
        retry_interrupted([&] { return syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how); })));
    if (!folder && errno == EXDEV) {
      errno = EBUSY;
    }
    if (folder || (errno != ENOSYS && errno != EPERM)) {
      return folder;
    }
    openat2_works.store(false, std::memory_order_relaxed);
  }
  UniqueFd folder(retry_interrupted([&] { return openat(directory, name.c_str(), flags); }));
  if (folder && !is_same_mount(directory, folder.get())) {
    folder.reset();
    errno = EBUSY;
  }
  return folder;
}

/// Removes what one call of remove_what_may_go_at names.
class Removal {
public:
  explicit Removal(const std::function<bool()>& give_up) : give_up_(give_up) {}

  Leftovers run(int directory, const std::string& name) {
    try {
      remove(directory, name, name, 0);
    } catch (const GaveUp&) {
      left_.interrupted = true;
    }
    left_.removed = removed_;
    return std::move(left_);
  }

private:
  struct GaveUp {};

  void remove(int directory, const std::string& name, const std::string& path, int depth) {
    if (give_up_ && give_up_()) {
      throw GaveUp();
    }
    if (unlink_at(directory, name, 0) || errno == ENOENT) {
      ++removed_;
      return;
    }
    const int failure = errno;
    if (!is_about_the_entry(failure)) {
      throw storage_error(failure, "remove", path);
    }
    // Linux says EISDIR of a directory, POSIX and some file systems EPERM, as of much else.
    UniqueFd folder = open_folder(directory, name);
    if (!folder) {
      if (errno != ENOENT) {
        leave(errno != ENOTDIR && errno != ELOOP ? errno : failure, directory, path);
      }
      return;
    }
    if (depth == 0) {
      top_ = folder.get();
    }
    if (depth >= max_depth) {
      move_up(directory, name, path);
      return;
    }
    remove_folder(directory, name, std::move(folder), path, depth);
  }

  static bool unlink_at(int directory, const std::string& name, int flags) {
    return retry_interrupted([&] { return unlinkat(directory, name.c_str(), flags); }) == 0;
  }

  static UniqueFd open_folder(int directory, const std::string& name) {
    UniqueFd folder = open_unmounted(directory, name, O_RDONLY);
    if (!folder && errno == EACCES) {
      // Never the mode of what is mounted there, nor of what a link leads to that came meanwhile.
      if (!open_unmounted(directory, name, O_PATH)) {
        return {};
      }
      if (fchmodat(directory, name.c_str(), S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0) {
        folder = open_unmounted(directory, name, O_RDONLY);
      } else {
        errno = EACCES;
      }
    }
    struct stat info{};
    if (folder && fstat(folder.get(), &info) == 0 && (info.st_mode & S_IRWXU) != S_IRWXU) {
      static_cast<void>(fchmod(folder.get(), S_IRWXU));  // where it fails the next call says so
    }
    return folder;
  }

  void remove_folder(int directory, const std::string& name, UniqueFd folder, const std::string& path, int depth) {
    const DirectoryStream stream(fdopendir(folder.get()));
    if (!stream) {
      throw storage_error(errno, "list", path);
    }
    const int opened = folder.release();  // the stream's now
    const Leftovers before = left_;
    for (int repeats = 0;;) {
      moved_ = depth == 0 ? false : moved_;
      const bool any_gone = empty(stream.get(), opened, path, depth);
      if (unlink_at(directory, name, AT_REMOVEDIR) || errno == ENOENT) {
        ++removed_;
        return;
      }
      const bool all_gone = left_.entries == before.entries;
      const bool skipped = all_gone && any_gone && repeats++ < max_repeats;
      const bool again = (errno == ENOTEMPTY || errno == EEXIST) && (skipped || (depth == 0 && moved_));
      if (!again) {
        leave_folder(errno, directory, path, all_gone);
        return;
      }
      // Some file systems skip names while others are removed, and what was deep waits at the top.
      left_ = before;
      rewinddir(stream.get());
    }
  }

  /// One pass over all names; whether anything went.
  bool empty(DIR* stream, int folder, const std::string& path, int depth) {
    bool any_gone = false;
    while (const char* const next = next_name(stream)) {
      const std::string name(next);
      const std::uint64_t left = left_.entries;
      std::string below = path;
      below += '/';
      below += name;
      remove(folder, name, below, depth + 1);
      any_gone = any_gone || left == left_.entries;
    }
    if (errno != 0) {
      leave(errno, folder, path);
    }
    return any_gone;
  }

  /// A parent of what stays is counted, but is not the cause.
  void leave_folder(int error_number, int directory, const std::string& path, bool is_cause) {
    if (is_cause || !is_about_the_entry(error_number)) {
      leave(error_number, directory, path);
    } else {
      ++left_.entries;
    }
  }

  void leave(int error_number, int directory, const std::string& path) {
    if (!is_about_the_entry(error_number)) {
      throw storage_error(error_number, "remove", path);
    }
    if (left_.entries++ == 0 || left_.path.empty()) {
      struct stat info{};
      left_.path = path;
      left_.error_number = error_number;
      left_.owner = fstat(directory, &info) == 0 ? info.st_uid : 0;
    }
  }

  void move_up(int directory, const std::string& name, const std::string& path) {
    const std::string upper = unique_name(volume::temporary_prefix);
    if (retry_interrupted([&] { return renameat(directory, name.c_str(), top_, upper.c_str()); }) != 0) {
      leave(errno, directory, path);
      return;
    }
    moved_ = true;
  }

  const std::function<bool()>& give_up_;
  int top_ = -1;        ///< the directory that is to go
  bool moved_ = false;  ///< something was moved into it in this pass
  std::uint64_t removed_ = 0;
  Leftovers left_;
};

}  // namespace

void Leftovers::add(const Leftovers& other) {
  if (entries == 0) {
    path = other.path;
    error_number = other.error_number;
    owner = other.owner;
  }
  entries += other.entries;
  removed += other.removed;
  interrupted = interrupted || other.interrupted;
}

Leftovers remove_what_may_go_at(int directory, const std::string& name, const std::function<bool()>& give_up) {
  return Removal(give_up).run(directory, name);
}

void remove_tree_at(int directory, const std::string& name, const std::function<bool()>& give_up) {
  const Leftovers left = remove_what_may_go_at(directory, name, give_up);
  if (left.interrupted) {
    throw Error(ErrorClass::cancelled, "removing " + escape(name) + " was interrupted");
  }
  if (left.entries > 0) {
    throw storage_error(left.error_number, "remove", left.path);
  }
}

}  // namespace adapter
