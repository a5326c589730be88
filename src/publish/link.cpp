// SPDX-License-Identifier: Apache-2.0
#include "link.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <vector>

#include "adapter/base/limits.hpp"
#include "adapter/base/stop.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "folder.hpp"
#include "made_directories.hpp"

namespace adapter::publish {
namespace {

std::string last_component(const std::string& link) {
  return link.substr(link.rfind('/') + 1);
}

std::string describe(const struct stat& info, const std::string& target) {
  if (S_ISLNK(info.st_mode)) {
    return "a symbolic link to " + escape(target);
  }
  if (S_ISDIR(info.st_mode)) {
    return "a folder";
  }
  return S_ISREG(info.st_mode) ? "a file" : "a special file";
}

/// The repository whose commit's tree the target of the link "a/b" is, "../.adapter/<name>/trees/<commit>"; empty for
/// any other target.
std::string_view owner_of_target(std::string_view link, std::string_view target) {
  const std::vector<std::string_view> parts = split(target, '/');
  const bool is_tree = parts.size() >= 4 && is_component(parts[parts.size() - 3]) && ObjectId::from_hex(parts.back()) &&
                       target == link_prefix(link, parts[parts.size() - 3]) + std::string(parts.back());
  return is_tree ? parts[parts.size() - 3] : std::string_view();
}

/// Following links.
bool is_folder(const std::filesystem::path& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// So long after a change that another one has another time, on every file system.
bool is_settled(const FileStamp& stamp) {
  constexpr std::time_t coarsest_time_s = 2;
  return std::time(nullptr) > stamp.changed.tv_sec + coarsest_time_s;
}

}  // namespace

std::string link_prefix(std::string_view link, std::string_view name) {
  std::string prefix;
  for (auto slashes = std::count(link.begin(), link.end(), '/'); slashes > 0; --slashes) {
    prefix += "../";
  }
  return prefix + volume::trees_path(name) + "/";
}

UniqueFd open_data_dir(const std::filesystem::path& data_dir) {
  UniqueFd fd(open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    throw storage_error(errno, "open folder", data_dir.native());
  }
  return fd;
}

Link::Link(std::filesystem::path data_dir, const std::string& name, std::string link, Doubts& doubts)
    : data_dir_(std::move(data_dir)),
      link_(std::move(link)),
      path_(data_dir_ / link_),
      prefix_(link_prefix(link_, name)),
      doubts_(&doubts) {}

LinkView Link::look() const {
  const UniqueFd parent = open_parent(false, false);
  return parent ? look_at(parent.get()) : LinkView{};
}

LinkView Link::look_for_ours() const {
  LinkView view = look();
  if (view.state == LinkView::State::foreign) {
    throw foreign_error(view);
  }
  return view;
}

/// Absent too where something else than a folder is on the way.
LinkView Link::look_on_plain_way() const {
  const UniqueFd data = open_data_dir(data_dir_);
  const std::size_t slash = link_.rfind('/');
  const UniqueFd parent = try_open_beneath(data.get(), slash == std::string::npos ? "" : link_.substr(0, slash));
  if (!parent && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
    throw storage_error(errno, "look at", path());
  }
  return parent ? look_at(parent.get()) : LinkView{};
}

bool Link::is_ours() const {
  return look_on_plain_way().state == LinkView::State::ours;
}

std::optional<ObjectId> Link::shows() const {
  return look_on_plain_way().commit;
}

/// The directory the link lies in; empty when it is missing and `make` is false. `sync` makes the names on the way
/// durable, also of directories that were there already.
UniqueFd Link::open_parent(bool make, bool sync) const {
  const UniqueFd data = open_data_dir(data_dir_);
  UniqueFd folder = open_directory_at(data.get(), ".");
  const auto parts = split(link_, '/');
  std::string way;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const std::string name(parts[i]);
    way = join(way, name);
    struct stat info{};
    bool made = false;
    if (fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      if (!S_ISDIR(info.st_mode)) {
        throw Error(ErrorClass::storage, "cannot publish at " + escape(path()) + ": " + escape(name) +
                                             " on the way is not a folder; move it away or choose another link");
      }
    } else if (errno != ENOENT) {
      throw storage_error(errno, "look at", path());
    } else if (!make) {
      return {};
    } else {
      const bool is_ours = mkdirat(folder.get(), name.c_str(), 0755) == 0;
      if (!is_ours && errno != EEXIST) {
        throw volume_error(errno, "make the folder of", path());
      }
      if (is_ours) {
        const UniqueFd directory = open_directory_at(folder.get(), name);
        try {
          note_made_directory(data.get(), way, finish_with_mode(directory.get(), 0755, way, ""));
        } catch (...) {
          unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR);
          throw;
        }
      }
      made = is_ours;
    }
    if (made || sync) {
      try {
        fsync_folder(folder.get(), path());
      } catch (...) {
        if (made) {
          unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR);  // a second sync of the same name would prove nothing
        }
        throw;
      }
    }
    folder = open_directory_at(folder.get(), name);
  }
  return folder;
}

LinkView Link::look_at(int parent) const {
  LinkView view;
  const std::string name = last_component(link_);
  std::array<char, max_symlink_bytes + 1> buffer{};
  const ssize_t size = readlinkat(parent, name.c_str(), buffer.data(), buffer.size());
  if (size < 0 && errno == ENOENT) {
    return view;
  }
  if (size < 0 && errno != EINVAL) {
    throw storage_error(errno, "read link", path());
  }
  const std::string target(buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  if (size >= 0 && target.starts_with(prefix_) && is_component(std::string_view(target).substr(prefix_.size()))) {
    view.commit = ObjectId::from_hex(std::string_view(target).substr(prefix_.size()));
    view.state = LinkView::State::ours;
    return view;
  }
  if (size >= 0 && !owner_of_target(link_, target).empty()) {
    view.state = LinkView::State::former;
    return view;
  }
  struct stat info{};
  if (fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) {
      return view;
    }
    throw storage_error(errno, "look at", path());
  }
  view.state = LinkView::State::foreign;
  view.what = describe(info, target);
  return view;
}

Error Link::foreign_error(const LinkView& view) const {
  return Error(ErrorClass::storage, "cannot publish at " + escape(path()) + ": there is " + view.what +
                                        " that the adapter did not make; move it away or choose another link");
}

void Link::point_at(int own_folder, const ObjectId& commit, const std::stop_token& stop) {
  const UniqueFd parent = open_parent(true, !way_synced_);
  way_synced_ = true;
  const std::string temporary = unique_name(volume::temporary_link_prefix);
  const std::string target = prefix_ + commit.to_hex();
  if (symlinkat(target.c_str(), own_folder, temporary.c_str()) != 0) {
    throw volume_error(errno, "make link", path());
  }
  try {
    const Doubts::Turn turn = doubts_->turn_at(link_, stop);
    throw_if_stopped(stop, "pointing the link at the tree");  // a reload may have given it away
    move_over(own_folder, temporary, parent.get());
  } catch (...) {
    unlinkat(own_folder, temporary.c_str(), 0);
    throw;
  }
  sync_names(parent.get(), own_folder);
}

void Link::sync_names(int parent, int own_folder) {
  doubts_->add(link_);
  fsync_folder(parent, path());
  fsync_folder(own_folder, path());
  doubts_->remove(link_);
}

/// Where nothing was, nothing may be replaced: what came there in between is somebody else's.
void Link::move_over(int own_folder, const std::string& temporary, int parent) const {
  const LinkView view = look_at(parent);
  if (view.state == LinkView::State::foreign) {
    throw foreign_error(view);
  }
  const std::string name = last_component(link_);
  if (view.state == LinkView::State::absent) {
    if (rename_to_free_name(own_folder, temporary, parent, name)) {
      return;
    }
    if (errno == EINVAL || errno == ENOSYS) {
      // A file system without that flag; a second name for the link does not replace anything either.
      if (linkat(own_folder, temporary.c_str(), parent, name.c_str(), 0) == 0) {
        unlinkat(own_folder, temporary.c_str(), 0);
        return;
      }
    }
    if (errno == EEXIST) {
      throw foreign_error(LinkView{LinkView::State::foreign, std::nullopt, "something new"});
    }
  }
  if (renameat(own_folder, temporary.c_str(), parent, name.c_str()) != 0) {
    if (errno == EXDEV) {
      throw Error(ErrorClass::storage,
                  "cannot publish at " + escape(path()) +
                      ": its folder is another file system than data_dir; one volume must hold both");
    }
    throw volume_error(errno, "replace link", path());
  }
}

void Link::make_durable(int own_folder, const ObjectId& commit, const std::stop_token& stop) {
  const UniqueFd parent = open_parent(false, false);
  if (doubts_->has(link_) || !parent) {
    point_at(own_folder, commit, stop);
    return;
  }
  sync_names(parent.get(), own_folder);
}

void Link::make_durable_at_start(int own_folder, const std::optional<ObjectId>& commit, const std::stop_token& stop) {
  if (doubts_->has(link_)) {
    if (commit) {
      point_at(own_folder, *commit, stop);
    }
    return;  // without a commit the next publish makes the link anew
  }
  if (const UniqueFd parent = open_parent(false, false)) {
    doubts_->add(link_);
    static_cast<void>(fsync_folder_unless_read_only(parent.get(), path()));
    doubts_->remove(link_);
  }
}

bool Link::leads_to(const ObjectId& commit) {
  const std::optional<FileStamp> stamp = FileStamp::of_link(path_);
  if (read_ && read_->stamp == stamp && read_->commit == commit) {
    return is_folder(read_->tree);
  }
  read_.reset();
  const std::string wanted = prefix_ + commit.to_hex();
  if (!stamp || !reads(wanted) || !is_folder(path_)) {
    return false;
  }
  // Folders on the way may be moved without a trace in the link, and a link that is brand-new may be replaced by one
  // with the same stamp: those are read every time.
  if (link_.find('/') == std::string::npos && is_settled(*stamp)) {
    read_ = Read{*stamp, commit, data_dir_ / wanted};
  }
  return true;
}

/// Whether it is a link to exactly this.
bool Link::reads(const std::string& wanted) const {
  std::string target(wanted.size() + 1, '\0');  // one more, to see that it is not longer
  const ssize_t size = readlink(path_.c_str(), target.data(), target.size());
  return size == static_cast<ssize_t>(wanted.size()) && target.compare(0, wanted.size(), wanted) == 0;
}

bool Link::remove(const std::function<bool()>& may_begin, const std::stop_token& stop) const {
  const UniqueFd data = open_data_dir(data_dir_);
  const std::size_t slash = link_.rfind('/');
  const UniqueFd parent = try_open_beneath(data.get(), slash == std::string::npos ? "" : link_.substr(0, slash));
  // Something else on the way, another repository's link for one: then this one is gone already.
  if (!parent && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
    throw storage_error(errno, "open the folder of", path());
  }
  {
    const Doubts::Turn turn = doubts_->turn_at(link_, stop);
    throw_if_stopped(stop, "removing the link");
    if (may_begin && !may_begin()) {
      return false;
    }
    if (parent && !unlink_ours(parent.get())) {
      return true;
    }
  }
  if (parent) {
    fsync_folder(parent.get(), path());  // also where it was absent: an attempt before may have failed just then
  }
  remove_empty_parents(data.get());
  return true;
}

/// False when something else is there.
bool Link::unlink_ours(int parent) const {
  const LinkView view = look_at(parent);
  if (view.state == LinkView::State::ours && unlinkat(parent, last_component(link_).c_str(), 0) != 0 &&
      errno != ENOENT) {
    throw volume_error(errno, "remove link", path());
  }
  return view.state == LinkView::State::ours || view.state == LinkView::State::absent;
}

void Link::remove_empty_parents(int data) const {
  for (std::size_t end = link_.rfind('/'); end != std::string::npos && end > 0; end = link_.rfind('/', end - 1)) {
    const std::string folder = link_.substr(0, end);
    const std::size_t slash = folder.rfind('/');
    const UniqueFd parent = try_open_beneath(data, slash == std::string::npos ? "" : folder.substr(0, slash));
    const std::string name = last_component(folder);
    struct stat info{};
    if (!parent || fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (!is_made_directory(data, folder, info)) {
      return;  // what a user made stays, and what is above it is not empty
    }
    if (unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return;  // it holds other things, or is a mount point
    }
    forget_made_directory(data, folder);
    fsync_folder(parent.get(), path());
  }
}

std::optional<std::string> owner_of_link(const std::filesystem::path& data_dir, const std::string& link) {
  const UniqueFd data = open_data_dir(data_dir);
  const std::size_t slash = link.rfind('/');
  const UniqueFd parent = try_open_beneath(data.get(), slash == std::string::npos ? "" : link.substr(0, slash));
  std::array<char, max_symlink_bytes + 1> buffer{};
  const ssize_t size =
      parent ? readlinkat(parent.get(), last_component(link).c_str(), buffer.data(), buffer.size()) : ssize_t{-1};
  if (size < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EINVAL) {
      return std::nullopt;
    }
    throw storage_error(errno, "look at", (data_dir / link).native());
  }
  const std::string_view owner = owner_of_target(link, {buffer.data(), static_cast<std::size_t>(size)});
  return owner.empty() ? std::nullopt : std::optional(std::string(owner));
}

}  // namespace adapter::publish
