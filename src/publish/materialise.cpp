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
  ObjectId id;  ///< of the folder in the source
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

/// The folder that one member writes.
struct OpenFolder {
  std::uint32_t index = 0;  ///< in Manifest::folders
  const std::string& path;
  UniqueFd fd;
  FolderResult result{};
};

Error not_made(int error_number, const OpenFolder& folder, std::string_view name, std::string_view verb) {
  std::vector<std::string_view> others = folder.result.folder_names;
  for (const ManifestEntry& file : folder.result.files) {
    others.push_back(file.name);
  }
  return unmade_error(
      error_number,
      Unmade{.folder = folder.fd.get(), .path = folder.path, .name = name, .verb = verb, .others = others});
}

class Materialiser {
public:
  Materialiser(int staging, const TreeSource& source, const PublishOptions& options, const std::stop_token& stop)
      : staging_(staging), source_(source), modes_(modes_of(options.share)), stop_(stop) {
    manifest_.symlinks = options.symlinks;
    manifest_.share = options.share;
  }

  Manifest run(Crew& crew) {
    manifest_.folders.emplace_back();
    manifest_.folder_facts.emplace_back();
    queue_.push_back(Task{.id = source_.reader()->root()});
    outstanding_ = 1;
    crew.run([this] { work(); });
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    if (!links_.empty()) {
      write_links(staging_, std::move(links_), string_bytes_, *source_.reader(), manifest_, stop_);
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
      const std::unique_ptr<TreeReader> reader = source_.reader();
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
  FolderResult write_folder(TreeReader& reader, const Task& task, const std::string& path, StringArena& strings,
                            std::uint64_t& until_space_check) {
    OpenFolder folder{.index = task.folder, .path = path, .fd = open_beneath(staging_, path)};
    reader.list(path, task.id, stop_, [&](const TreeEntry& entry) {
      check_running();
      if (until_space_check == 0) {
        require_space(folder.fd.get(), 0);
        until_space_check = entries_between_space_checks;
      }
      --until_space_check;
      write_entry(reader, folder, keep_name(path, entry.name, strings), entry);
    });
    if (task.folder != 0) {
      folder.result.facts = facts_of(finish_with_mode(folder.fd.get(), modes_.folder, path, ""));
    }
    return std::move(folder.result);
  }

  void check_running() const {
    throw_if_stopped(stop_, "writing the tree");
    if (failed_) {
      // Never seen outside: the failure that came first is reported.
      throw Error(ErrorClass::cancelled, "writing the tree failed elsewhere");
    }
  }

  /// `name` is the entry's, for as long as the manifest lives.
  void write_entry(TreeReader& reader, OpenFolder& folder, std::string_view name, const TreeEntry& entry) const {
    switch (entry.kind) {
      case EntryKind::file:
      case EntryKind::executable:
        write_file(reader, folder, name, entry);
        break;
      case EntryKind::symlink:
        folder.result.links.push_back(FoundLink{.folder = folder.index, .id = entry.id, .name = name});
        break;
      case EntryKind::folder:
        make_folder(folder, name, entry);
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

  void make_folder(OpenFolder& folder, std::string_view name, const TreeEntry& entry) const {
    if (mkdirat(folder.fd.get(), entry.name.c_str(), static_cast<mode_t>(modes_.folder)) != 0) {
      throw not_made(errno, folder, name, "make folder");
    }
    folder.result.folders.push_back(Task{.id = entry.id});
    folder.result.folder_names.push_back(name);
  }

  void write_file(TreeReader& reader, OpenFolder& folder, std::string_view name, const TreeEntry& entry) const {
    NewFile file(*this, folder, entry.name, entry.kind == EntryKind::executable ? modes_.executable : modes_.file);
    reader.read(entry.id, entry.kind, stop_, file);
    const Facts facts = file.finish();
    folder.result.bytes += facts.size_bytes;
    folder.result.files.push_back(ManifestEntry{
        .folder = folder.index, .id = entry.id, .name = name, .target = std::string_view(), .facts = facts});
  }

  /// A file that is made when its content begins to arrive.
  class NewFile final : public ContentSink {
  public:
    NewFile(const Materialiser& owner, const OpenFolder& folder, const std::string& name, std::uint32_t mode)
        : owner_(owner), folder_(folder), name_(name), mode_(mode) {}

    void begin(std::uint64_t size_bytes) override {
      if (size_bytes >= large_file_bytes) {
        require_space(folder_.fd.get(), size_bytes);
      }
      fd_ = UniqueFd(openat(folder_.fd.get(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                            static_cast<mode_t>(mode_)));
      if (!fd_) {
        throw not_made(errno, folder_, name_, "write");
      }
    }

    void write(std::string_view bytes) override {
      while (!bytes.empty()) {
        const ssize_t count = ::write(fd_.get(), bytes.data(), std::min(bytes.size(), write_chunk_bytes));
        if (count < 0 && errno != EINTR) {
          throw volume_error(errno, "write", join(folder_.path, name_));
        }
        if (count > 0) {
          bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        if (!bytes.empty()) {
          owner_.check_running();
        }
      }
    }

    /// Sets the mode where it came out otherwise; answers what the file system says about the file then.
    [[nodiscard]] Facts finish() const {
      struct stat info = look();
      if ((info.st_mode & 07777U) != mode_) {
        set_mode(fd_.get(), info.st_mode, mode_, name_);
        info = look();
      }
      return facts_of(info);
    }

  private:
    [[nodiscard]] struct stat look() const {
      struct stat info{};
      if (fstat(fd_.get(), &info) != 0) {
        throw storage_error(errno, "look at", join(folder_.path, name_));
      }
      return info;
    }

    const Materialiser& owner_;
    const OpenFolder& folder_;
    const std::string& name_;
    std::uint32_t mode_;
    UniqueFd fd_;
  };

  int staging_;
  const TreeSource& source_;
  Modes modes_;
  const std::stop_token& stop_;

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

Manifest materialise(int staging, const TreeSource& source, const PublishOptions& options, Crew& crew,
                     const std::stop_token& stop) {
  return Materialiser(staging, source, options, stop).run(crew);
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
