// SPDX-License-Identifier: Apache-2.0
#include "materialise.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <tuple>

#include "adapter/base/stop.hpp"
#include "adapter/base/text.hpp"
#include "folder.hpp"
#include "materialise_links.hpp"
#include "unfit_name.hpp"

namespace adapter::publish {
namespace {

constexpr std::size_t write_chunk_bytes = 8 * mib;
/// Below this a file is simply written; above it the free space is looked at first.
constexpr std::uint64_t large_file_bytes = 1 * mib;
/// Entries of one member between two looks at the free space.
constexpr std::uint64_t entries_between_space_checks = 1024;

struct Task {
  std::uint32_t folder = 0;
  std::uint32_t depth = 0;
  ObjectId tree;
  bool submodule = false;  ///< stays empty
};

/// What processing one folder brought, handed in at its end under the lock.
struct FolderResult {
  Facts facts;
  std::vector<ManifestEntry> files;
  std::vector<FoundLink> links;
  std::vector<Task> folders;  ///< `folder` is not known yet
  std::vector<std::string_view> folder_names;
  std::uint64_t bytes = 0;
};

class Materialiser {
public:
  Materialiser(int staging, const ReaderFactory& readers, const PublishOptions& options, const std::stop_token& stop)
      : staging_(staging), readers_(readers), options_(options), modes_(modes_of(options.share)), stop_(stop) {}

  Manifest run(const ObjectId& commit, Crew& crew) {
    manifest_.symlinks = options_.symlinks;
    manifest_.share = options_.share;
    manifest_.folders.emplace_back();
    manifest_.folder_facts.emplace_back();
    queue_.push_back(Task{.tree = readers_()->commit_tree(commit)});
    outstanding_ = 1;
    crew.run([this] { work(); });
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    if (!links_.empty()) {
      write_links(staging_, std::move(links_), string_bytes_, *readers_(), manifest_, stop_);
    }
    manifest_.folder_facts[0] = root_facts_of(finish_with_mode(staging_, modes_.folder, "", ""));
    std::sort(manifest_.entries.begin(), manifest_.entries.end(), [](const ManifestEntry& a, const ManifestEntry& b) {
      return std::tie(a.folder, a.name) < std::tie(b.folder, b.name);
    });
    manifest_.files = manifest_.entries.size();
    return std::move(manifest_);
  }

private:
  // ---- one member of the crew ----

  void work() {
    StringArena strings;
    try {
      const std::unique_ptr<store::ObjectReader> reader = readers_();
      std::uint64_t until_space_check = 0;
      Task task;
      std::string path;
      while (take(task, path)) {
        FolderResult result = write_folder(*reader, task, path, strings, until_space_check);
        hand_in(task, std::move(result));
      }
      const std::lock_guard lock(mutex_);
      manifest_.strings.absorb(std::move(strings));
    } catch (...) {
      const std::lock_guard lock(mutex_);
      manifest_.strings.absorb(std::move(strings));
      if (!failure_) {
        failure_ = std::current_exception();
      }
      failed_ = true;
      changed_.notify_all();
    }
  }

  /// The next folder to write; waits while others may still find some. False when there is none, or another member
  /// failed.
  bool take(Task& task, std::string& path) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failed_ || !queue_.empty() || outstanding_ == 0; });
    if (failed_ || queue_.empty()) {
      return false;
    }
    task = queue_.back();
    queue_.pop_back();
    path = folder_path(manifest_.folders, task.folder);
    return true;
  }

  void hand_in(const Task& task, FolderResult result) {
    const std::lock_guard lock(mutex_);
    manifest_.folder_facts[task.folder] = result.facts;
    manifest_.bytes += result.bytes;
    std::move(result.files.begin(), result.files.end(), std::back_inserter(manifest_.entries));
    std::move(result.links.begin(), result.links.end(), std::back_inserter(links_));
    for (std::size_t i = 0; i < result.folders.size(); ++i) {
      Task& next = result.folders[i];
      next.folder = static_cast<std::uint32_t>(manifest_.folders.size());
      manifest_.folders.push_back(FolderNode{.parent = task.folder, .name = result.folder_names[i]});
      manifest_.folder_facts.emplace_back();
      queue_.push_back(next);
    }
    outstanding_ += result.folders.size();
    --outstanding_;
    if (outstanding_ == 0 || !result.folders.empty()) {
      changed_.notify_all();
    }
  }

  // ---- one folder ----

  /// Names go to `strings`.
  FolderResult write_folder(store::ObjectReader& reader, const Task& task, const std::string& path,
                            StringArena& strings, std::uint64_t& until_space_check) {
    const UniqueFd folder = open_beneath(staging_, path);
    FolderResult result;
    if (!task.submodule) {
      for (store::TreeEntry& entry : reader.tree(task.tree, stop_)) {
        check_running();
        if (until_space_check == 0) {
          require_space(folder.get(), 0);
          until_space_check = entries_between_space_checks;
        }
        --until_space_check;
        write_entry(reader, folder.get(), task, path, keep_name(path, entry.name, strings), entry, result);
        entry.name = std::string();
      }
    }
    if (task.folder != 0) {
      result.facts = facts_of(finish_with_mode(folder.get(), modes_.folder, path, ""));
    }
    return result;
  }

  void check_running() const {
    throw_if_stopped(stop_, "writing the tree");
    if (failed_) {
      // Never seen outside: the failure that came first is reported.
      throw Error(ErrorClass::cancelled, "writing the tree failed elsewhere");
    }
  }

  /// `name` is the entry's, for as long as the manifest lives.
  void write_entry(store::ObjectReader& reader, int folder, const Task& task, const std::string& path,
                   std::string_view name, const store::TreeEntry& entry, FolderResult& result) {
    if (paths_.fetch_add(1) >= options_.limits.max_paths) {
      throw Error(ErrorClass::limit,
                  "the tree has more than " + std::to_string(options_.limits.max_paths) + " paths (limits: max_paths)");
    }
    switch (entry.kind) {
      case store::EntryKind::file:
      case store::EntryKind::executable:
        write_file(reader, folder, task.folder, path, name, entry, result);
        break;
      case store::EntryKind::symlink:
        find_link(task.folder, path, name, entry, result);
        break;
      case store::EntryKind::folder:
      case store::EntryKind::submodule:
        make_folder(folder, task, path, name, entry, result);
        break;
    }
  }

  std::string_view keep_name(const std::string& path, const std::string& name, StringArena& strings) {
    if (!is_component(name)) {
      throw Error(ErrorClass::policy, "the name of " + escape(join(path, name)) + " is not a file name");
    }
    if (name.size() > max_name_bytes || path.size() + 1 + name.size() > max_path_bytes) {
      throw Error(ErrorClass::limit, "the path " + escape(join(path, name)) + " is too long for a file system");
    }
    if (string_bytes_.fetch_add(name.size()) + name.size() > max_tree_string_bytes) {
      throw too_many_string_bytes();
    }
    return strings.add(name);
  }

  static Error not_made(int error_number, int folder, const std::string& path, std::string_view name,
                        std::string_view verb, const FolderResult& before) {
    std::vector<std::string_view> others = before.folder_names;
    for (const ManifestEntry& file : before.files) {
      others.push_back(file.name);
    }
    return unmade_error(error_number,
                        Unmade{.folder = folder, .path = path, .name = name, .verb = verb, .others = others});
  }

  void make_folder(int folder, const Task& task, const std::string& path, std::string_view name,
                   const store::TreeEntry& entry, FolderResult& result) const {
    static const std::optional<ObjectId> empty_tree = ObjectId::from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    if (entry.kind == store::EntryKind::folder && entry.id == empty_tree) {
      return;  // a checkout by git has no folder for it either
    }
    if (task.depth >= options_.limits.max_depth) {
      throw Error(ErrorClass::limit, "folders are nested deeper than " + std::to_string(options_.limits.max_depth) +
                                         " at " + escape(join(path, entry.name)) + " (limits: max_depth)");
    }
    if (mkdirat(folder, entry.name.c_str(), static_cast<mode_t>(modes_.folder)) != 0) {
      throw not_made(errno, folder, path, name, "make folder", result);
    }
    result.folders.push_back(
        Task{.depth = task.depth + 1, .tree = entry.id, .submodule = entry.kind == store::EntryKind::submodule});
    result.folder_names.push_back(name);
  }

  void find_link(std::uint32_t folder, const std::string& path, std::string_view name, const store::TreeEntry& entry,
                 FolderResult& result) const {
    if (options_.symlinks == SymlinkPolicy::refuse) {
      throw Error(ErrorClass::policy, "the tree has a symbolic link, " + escape(join(path, entry.name)) +
                                          ", and symlinks: refuse does not allow any");
    }
    result.links.push_back(FoundLink{.folder = folder, .blob = entry.id, .name = name});
  }

  void write_file(store::ObjectReader& reader, int folder, std::uint32_t folder_index, const std::string& path,
                  std::string_view name, const store::TreeEntry& entry, FolderResult& result) {
    reader.read_blob(entry.id, stop_, [&](std::string_view bytes) {
      write_new_file(bytes, folder, folder_index, path, name, entry, result);
    });
  }

  /// Waits for nothing but the volume: other readers of large objects wait meanwhile.
  void write_new_file(std::string_view bytes, int folder, std::uint32_t folder_index, const std::string& path,
                      std::string_view name, const store::TreeEntry& entry, FolderResult& result) {
    if (bytes_.fetch_add(bytes.size()) + bytes.size() > options_.limits.max_tree_bytes) {
      throw Error(ErrorClass::limit, "the files of the tree have more than " +
                                         std::to_string(options_.limits.max_tree_bytes) +
                                         " bytes (limits: max_tree_bytes)");
    }
    if (bytes.size() >= large_file_bytes) {
      require_space(folder, bytes.size());
    }
    const std::uint32_t mode = entry.kind == store::EntryKind::executable ? modes_.executable : modes_.file;
    const UniqueFd file(openat(folder, entry.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                               static_cast<mode_t>(mode)));
    if (!file) {
      throw not_made(errno, folder, path, name, "write", result);
    }
    write_bytes(file.get(), bytes, path, entry.name);
    struct stat info{};
    if (fstat(file.get(), &info) != 0) {
      throw storage_error(errno, "look at", join(path, entry.name));
    }
    if ((info.st_mode & 07777U) != mode) {
      set_mode(file.get(), info.st_mode, mode, entry.name);
      if (fstat(file.get(), &info) != 0) {
        throw storage_error(errno, "look at", join(path, entry.name));
      }
    }
    result.bytes += bytes.size();
    result.files.push_back(ManifestEntry{
        .folder = folder_index, .id = entry.id, .name = name, .target = std::string_view(), .facts = facts_of(info)});
  }

  void write_bytes(int file, std::string_view bytes, const std::string& path, const std::string& name) const {
    while (!bytes.empty()) {
      const ssize_t count = write(file, bytes.data(), std::min(bytes.size(), write_chunk_bytes));
      if (count < 0 && errno != EINTR) {
        throw volume_error(errno, "write", join(path, name));
      }
      if (count > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
      }
      if (!bytes.empty()) {
        check_running();
      }
    }
  }

  int staging_;
  const ReaderFactory& readers_;
  const PublishOptions& options_;
  Modes modes_;
  const std::stop_token& stop_;

  std::atomic<std::uint64_t> paths_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> string_bytes_{0};  ///< of names
  std::atomic<bool> failed_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> queue_;        ///< taken from the end: depth first keeps it short
  std::uint64_t outstanding_ = 0;  ///< folders queued or being written
  std::exception_ptr failure_;
  Manifest manifest_;
  std::vector<FoundLink> links_;
};

}  // namespace

Manifest materialise(int staging, const ObjectId& commit, const ReaderFactory& readers, const PublishOptions& options,
                     Crew& crew, const std::stop_token& stop) {
  return Materialiser(staging, readers, options, stop).run(commit, crew);
}

Error too_many_string_bytes() {
  return Error(ErrorClass::limit, "the names and link targets of the tree have more than " +
                                      std::to_string(max_tree_string_bytes / mib) +
                                      " MiB together; use shorter names, or divide the repository");
}

Modes modes_of(Share share) noexcept {
  if (share == Share::group) {
    return Modes{.file = 0640, .executable = 0750, .folder = 0750};
  }
  return Modes{};
}

}  // namespace adapter::publish
