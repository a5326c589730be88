// SPDX-License-Identifier: Apache-2.0
#include "verify.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <vector>

#include "adapter/base/limits.hpp"
#include "adapter/base/stop.hpp"
#include "adapter/base/text.hpp"
#include "blob_hash.hpp"
#include "folder.hpp"
#include "manifest_file.hpp"

namespace adapter::publish {
namespace {

/// Folders a member takes at once.
constexpr std::uint32_t folders_at_once = 32;

/// Errors of this machine, this moment or this place of the disk. All others say that the tree is not as it was
/// written: a consumer's chmod, a file where a folder was.
bool is_no_answer(int error_number) noexcept {
  return is_shortage(error_number) || is_unreadable_place(error_number);
}

std::string read_target(int folder, const std::string& name) {
  std::array<char, max_symlink_bytes + 1> buffer{};
  const ssize_t size = readlinkat(folder, name.c_str(), buffer.data(), buffer.size());
  return size < 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(size));
}

class Comparison {
public:
  Comparison(int tree, Manifest& manifest, const std::stop_token& stop)
      : tree_(tree),
        manifest_(manifest),
        stop_(stop),
        first_entry_(manifest.folders.size() + 1),
        names_(manifest.folders.size()) {
    for (std::size_t i = 1; i < manifest.folders.size(); ++i) {
      ++names_[manifest.folders[i].parent];
    }
    for (const ManifestEntry& entry : manifest.entries) {
      ++names_[entry.folder];
      ++first_entry_[entry.folder + 1];
    }
    for (std::size_t i = 1; i < first_entry_.size(); ++i) {
      first_entry_[i] += first_entry_[i - 1];
    }
  }

  Differences run(Crew& crew) {
    crew.run([this] { work(); });
    return std::move(total_);
  }

private:
  void work() {
    Differences found;
    while (true) {
      const std::uint64_t begin = next_.fetch_add(folders_at_once);
      if (begin >= manifest_.folders.size()) {
        break;
      }
      const std::uint64_t end = std::min<std::uint64_t>(begin + folders_at_once, manifest_.folders.size());
      for (std::uint64_t i = begin; i < end; ++i) {
        compare_folder(static_cast<std::uint32_t>(i), found);
      }
    }
    const std::lock_guard lock(mutex_);
    total_.changed += found.changed;
    total_.missing += found.missing;
    total_.extra += found.extra;
    total_.refreshed += found.refreshed;
    if (total_.first.empty()) {
      total_.first = std::move(found.first);
    }
  }

  void check_running() const { throw_if_stopped(stop_, "looking at the tree"); }

  void compare_folder(std::uint32_t index, Differences& found) {
    check_running();
    const std::string path = folder_path(manifest_.folders, index);
    const UniqueFd folder = try_open_beneath(tree_, path);
    if (!folder) {
      if (is_no_answer(errno)) {
        throw_read_error(errno, "open folder", path);
      }
      note(found.missing, found, path);
      return;
    }
    struct stat info{};
    if (fstat(folder.get(), &info) != 0) {
      throw_read_error(errno, "look at", path);
    }
    const std::uint64_t before = found.changed + found.missing + found.extra;
    for (std::size_t i = first_entry_[index]; i < first_entry_[index + 1]; ++i) {
      check_running();
      compare_entry(folder.get(), path, manifest_.entries[i], found);
    }
    if (count_names(folder.get(), names_[index]) > names_[index]) {
      note(found.extra, found, path);
    }
    const Facts facts = index == 0 ? root_facts_of(info) : facts_of(info);
    Facts& recorded = manifest_.folder_facts[index];
    if (before != found.changed + found.missing + found.extra || facts == recorded) {
      return;
    }
    if (is_touched_for_the_group(info, facts, recorded)) {
      recorded = facts;
      ++found.refreshed;
    } else {
      note(found.changed, found, path);
    }
  }

  void compare_entry(int folder, const std::string& path, ManifestEntry& entry, Differences& found) const {
    const std::string name(entry.name);
    struct stat info{};
    if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (is_no_answer(errno)) {
        throw_read_error(errno, "look at", join(path, name));
      }
      note(found.missing, found, join(path, name));
      return;
    }
    const Facts facts = facts_of(info);
    const bool same_target = !S_ISLNK(info.st_mode) || read_target(folder, name) == entry.target;
    if (same_target && facts == entry.facts) {
      return;
    }
    if (same_target && is_touched_for_the_group(info, facts, entry.facts) &&
        (S_ISLNK(info.st_mode) || has_same_bytes(folder, path, name, entry, facts))) {
      entry.facts = facts;
      ++found.refreshed;
    } else {
      note(found.changed, found, join(path, name));
    }
  }

  /// As a kubelet leaves it after `fsGroup`: nothing but the change time differs, and maybe the group may do more.
  static bool is_touched_for_the_group(const struct stat& info, const Facts& now, const Facts& recorded) {
    constexpr std::uint32_t of_group = S_IRWXG | S_ISGID;
    return info.st_uid == geteuid() && now.size_bytes == recorded.size_bytes && now.mtime_ns == recorded.mtime_ns &&
           (now.mode & ~of_group) == (recorded.mode & ~of_group) &&
           (now.mode & recorded.mode & S_IRWXG) == (recorded.mode & S_IRWXG);
  }

  bool has_same_bytes(int folder, const std::string& path, const std::string& name, const ManifestEntry& entry,
                      const Facts& facts) const {
    if (entry.id.is_zero()) {
      return false;  // a record of version 1
    }
    const UniqueFd file(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file && is_no_answer(errno)) {
      throw_read_error(errno, "open", join(path, name));
    }
    if (!file || blob_id_of(file.get(), facts.size_bytes, stop_) != entry.id) {
      return false;
    }
    struct stat after{};
    return fstat(file.get(), &after) == 0 && facts_of(after) == facts;
  }

  static void note(std::uint64_t& count, Differences& found, const std::string& path) {
    ++count;
    if (found.first.empty()) {
      found.first = path.empty() ? "." : path;
    }
  }

  int tree_;
  Manifest& manifest_;  ///< members write to entries of different folders
  const std::stop_token& stop_;
  std::vector<std::size_t> first_entry_;  ///< of each folder in manifest_.entries, and the end
  std::vector<std::uint64_t> names_;      ///< how many each folder holds, folders included
  std::atomic<std::uint64_t> next_{0};
  std::mutex mutex_;
  Differences total_;
};

}  // namespace

std::string Differences::text() const {
  std::string text;
  const auto add = [&text](std::uint64_t count, std::string_view what) {
    if (count > 0) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(what);
    }
  };
  add(changed, "changed");
  add(missing, "missing");
  add(extra, "added");
  return "the tree was edited (entries: " + text + "; first: " + escape(first) + ")";
}

Differences compare_tree(int tree, Manifest& manifest, Crew& crew, const std::stop_token& stop) {
  return Comparison(tree, manifest, stop).run(crew);
}

}  // namespace adapter::publish
