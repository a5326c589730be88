// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "retry.hpp"

namespace adapter {
namespace {

constexpr std::size_t max_names_at_once = 1024;
/// One descriptor is open a level. Folders below are moved up and removed from there.
constexpr int max_depth = 64;

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, DirectoryCloser>;

/// The first entries of a directory, without "." and "..".
std::vector<std::string> some_names(int directory, const std::string& path) {
  UniqueFd copy(retry_interrupted([&] { return openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!copy) {
    throw storage_error(errno, "open", path);
  }
  const DirectoryStream stream(fdopendir(copy.get()));
  if (!stream) {
    throw storage_error(errno, "list", path);
  }
  static_cast<void>(copy.release());
  std::vector<std::string> names;
  while (names.size() < max_names_at_once) {
    errno = 0;
    const dirent* entry = readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
    if (entry == nullptr) {
      if (errno != 0) {
        throw storage_error(errno, "list", path);
      }
      break;
    }
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  return names;
}

/// Removes what one call of remove_tree_at names.
class Removal {
public:
  explicit Removal(const std::function<bool()>& give_up) : give_up_(give_up) {}

  void remove(int directory, const std::string& name, const std::string& path, int depth) {
    if (give_up_ && give_up_()) {
      throw Error(ErrorClass::cancelled, "removing " + escape(path) + " was interrupted");
    }
    if (unlink_at(directory, name, 0) || errno == ENOENT) {
      return;
    }
    const int failure = errno;
    if (failure != EISDIR && failure != EPERM) {
      throw storage_error(failure, "remove", path);
    }
    const UniqueFd folder = open_folder(directory, name);
    if (!folder) {
      if (errno == ENOENT) {
        return;
      }
      const bool is_folder = errno != ENOTDIR && errno != ELOOP;
      throw storage_error(is_folder ? errno : failure, "remove", path);
    }
    if (depth == 0) {
      top_ = folder.get();
    }
    if (depth >= max_depth) {
      move_up(directory, name, path);
      return;
    }
    empty(folder.get(), path, depth);
    if (!unlink_at(directory, name, AT_REMOVEDIR) && errno != ENOENT) {
      throw storage_error(errno, "remove", path);
    }
  }

private:
  static bool unlink_at(int directory, const std::string& name, int flags) {
    return retry_interrupted([&] { return unlinkat(directory, name.c_str(), flags); }) == 0;
  }

  static UniqueFd open_folder(int directory, const std::string& name) {
    const auto open = [&] {
      return UniqueFd(retry_interrupted(
          [&] { return openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }));
    };
    UniqueFd folder = open();
    // Never through a link that somebody put there meanwhile.
    if (!folder && errno == EACCES && fchmodat(directory, name.c_str(), S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0) {
      folder = open();
    }
    struct stat info{};
    if (folder && fstat(folder.get(), &info) == 0 && (info.st_mode & S_IRWXU) != S_IRWXU) {
      static_cast<void>(fchmod(folder.get(), S_IRWXU));  // where it fails the next call says so
    }
    return folder;
  }

  void empty(int folder, const std::string& path, int depth) {
    bool more = true;
    while (more) {
      if (depth == 0) {
        moved_ = false;
      }
      const std::vector<std::string> names = some_names(folder, path);
      for (const std::string& name : names) {
        std::string below = path;
        below += '/';
        below += name;
        remove(folder, name, below, depth + 1);
      }
      more = names.size() == max_names_at_once || (depth == 0 && moved_);
    }
  }

  void move_up(int directory, const std::string& name, const std::string& path) {
    const std::string upper = unique_name(".tmp-");
    if (retry_interrupted([&] { return renameat(directory, name.c_str(), top_, upper.c_str()); }) != 0) {
      throw storage_error(errno, "remove", path);
    }
    moved_ = true;
  }

  const std::function<bool()>& give_up_;
  int top_ = -1;        ///< the folder that is to go
  bool moved_ = false;  ///< something was moved into it
};

}  // namespace

void remove_tree_at(int directory, const std::string& name, const std::function<bool()>& give_up) {
  Removal(give_up).remove(directory, name, name, 0);
}

}  // namespace adapter
