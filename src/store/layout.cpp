// SPDX-License-Identifier: Apache-2.0
#include "layout.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <set>

#include "adapter/base/file.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "names.hpp"
#include "pack_format.hpp"

namespace adapter::store {
namespace {

constexpr mode_t private_folder = 0700;
constexpr mode_t shared_folder = 0755;
constexpr mode_t plain_file = 0644;
constexpr std::uint64_t max_record_bytes = 16 * mib;

constexpr std::string_view config_text =
    "[core]\n"
    "\trepositoryformatversion = 0\n"
    "\tfilemode = true\n"
    "\tbare = true\n"
    "[gc]\n"
    "\tauto = 0\n"
    "[maintenance]\n"
    "\tauto = false\n";

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator it(folder, error);
  while (!error && it != std::filesystem::directory_iterator()) {
    names.push_back(it->path().filename().string());
    it.increment(error);
  }
  if (error) {
    throw storage_error(error.value(), "list", folder.native());
  }
  return names;
}

/// Empty for what is absent, no file, or too large. A file that cannot be read now is class storage: taken for an empty
/// one it would be overwritten.
std::string read_or_empty(int directory, const std::string& name) {
  struct stat info{};
  if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) {
      return {};
    }
    throw storage_error(errno, "read", name);
  }
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) > max_record_bytes) {
    return {};
  }
  return read_file_at(directory, name, max_record_bytes);
}

void sweep_packs(const std::filesystem::path& folder) {
  const UniqueFd directory = open_directory(folder);
  const auto names = names_in(folder);
  const std::set<std::string> present(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::filesystem::path path(name);
    const std::string stem = path.stem().string();
    const bool pair = present.contains(stem + ".pack") && present.contains(stem + ".idx");
    const std::string extension = path.extension().string();
    // A reverse index, bitmap or multi-pack index that a user's git left would outlive the packs it describes.
    if (!pair || (extension != ".pack" && extension != ".idx")) {
      remove_tree_at(directory.get(), name);
    }
  }
}

/// True when it was made.
bool ensure_file(int directory, const std::string& name, std::string_view text) {
  const bool absent = faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0;
  if (absent) {
    replace_file_at(directory, name, text, plain_file);
  }
  return absent;
}

std::array<std::uint8_t, trailer_bytes> read_bytes_at(int fd, off_t offset, const std::string& path) {
  std::array<std::uint8_t, trailer_bytes> bytes{};
  const ssize_t count = pread(fd, bytes.data(), bytes.size(), offset);
  if (count != static_cast<ssize_t>(bytes.size())) {
    throw storage_error(count < 0 ? errno : EIO, "read", path);
  }
  return bytes;
}

UniqueFd open_for_reading(const std::filesystem::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    throw storage_error(errno, "open", path.native());
  }
  return fd;
}

off_t size_of(int fd, const std::filesystem::path& path) {
  struct stat info{};
  if (fstat(fd, &info) != 0) {
    throw storage_error(errno, "read", path.native());
  }
  return info.st_size;
}

void rename_or_throw(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    throw storage_error(errno, "move", to.native());
  }
}

std::optional<ObjectId> id_of(const std::vector<StoredRefs::Ref>& refs, std::string_view name,
                              std::optional<ObjectId>& peeled) {
  for (const auto& ref : refs) {
    if (ref.name == name) {
      peeled = ref.peeled ? ref.peeled : ref.id;
      return ref.id;
    }
  }
  return std::nullopt;
}

std::string ids_as_lines(const std::vector<ObjectId>& ids) {
  std::string text;
  for (const ObjectId& id : ids) {
    text += id.to_hex() + "\n";
  }
  return text;
}

void forget_source(const Layout& layout, int git) {
  if (unlinkat(git, volume::source_file, 0) == 0) {
    fsync_folder(git, layout.git.native());
  } else if (errno != ENOENT) {
    throw storage_error(errno, "remove", (layout.git / volume::source_file).native());
  }
}

/// Folders that nothing was put in are synced too: a process before this one may have been killed between the two. On a
/// volume that the kernel has made read-only that fails, and what lies there can still be read.
void fsync_provided(int folder, bool changed, std::string_view path) {
  if (changed) {
    fsync_folder(folder, path);
  } else {
    static_cast<void>(fsync_folder_unless_read_only(folder, path));
  }
}

/// A chmod of the whole volume must not lock the daemon out. `made` becomes true when the folder was not there.
UniqueFd provide_private(int parent, const std::string& name, bool& made) {
  made = ensure_directory_at(parent, name, private_folder) || made;
  UniqueFd folder = open_directory_at(parent, name);
  correct_mode(folder.get(), private_folder, name);
  return folder;
}

/// The published trees lie below it too: readers walk through.
UniqueFd provide_root(const std::filesystem::path& root) {
  std::error_code error;
  std::filesystem::create_directories(root.parent_path(), error);
  if (error) {
    throw storage_error(error.value(), "make folder", root.parent_path().native());
  }
  const UniqueFd parent = open_directory(root.parent_path());
  const bool made = ensure_directory_at(parent.get(), root.filename().native(), shared_folder);
  UniqueFd folder = open_directory(root);
  correct_mode(folder.get(), shared_folder, root.native());
  if (made) {
    fsync_folder(parent.get(), root.native());
  }
  return folder;
}

}  // namespace

Layout::Layout(std::filesystem::path directory)
    : root(std::move(directory)),
      incoming(root / volume::quarantine_directory),
      git(root / volume::git_directory),
      objects(git / "objects"),
      packs(objects / "pack"),
      damaged(git / volume::damaged_packs_directory) {}

void prepare_layout(const Layout& layout) {
  const UniqueFd root = provide_root(layout.root);
  bool root_changed = false;
  bool git_changed = false;
  bool objects_changed = false;
  const UniqueFd incoming = provide_private(root.get(), volume::quarantine_directory, root_changed);
  const UniqueFd git = provide_private(root.get(), volume::git_directory, root_changed);
  for (const std::string& name : names_in(layout.incoming)) {
    remove_tree_at(incoming.get(), name);
  }
  for (const std::string& name : names_in(layout.git)) {
    if (name.starts_with(volume::temporary_prefix)) {
      remove_tree_at(git.get(), name);
    }
  }
  const UniqueFd objects = provide_private(git.get(), "objects", git_changed);
  provide_private(git.get(), "refs", git_changed);
  provide_private(objects.get(), "pack", objects_changed);
  provide_private(objects.get(), "info", objects_changed);
  sweep_packs(layout.packs);
  git_changed = ensure_file(git.get(), "config", config_text) || git_changed;
  git_changed = ensure_file(git.get(), "HEAD", "ref: refs/heads/main\n") || git_changed;
  fsync_provided(objects.get(), objects_changed, layout.objects.native());
  fsync_provided(git.get(), git_changed, layout.git.native());
  fsync_provided(root.get(), root_changed, layout.root.native());
}

bool packed_refs_are_damaged(const Layout& layout, const StoredRefs& stored) {
  const UniqueFd git = open_directory(layout.git);
  const std::string text = read_or_empty(git.get(), "packed-refs");
  return !text.empty() && text != format_packed_refs(stored);
}

StoredRefs read_stored_refs(const Layout& layout) {
  const UniqueFd git = open_directory(layout.git);
  StoredRefs stored;
  const auto refs = parse_packed_refs(read_or_empty(git.get(), "packed-refs"));
  stored.current = id_of(refs, current_ref, stored.current_commit);
  stored.previous = id_of(refs, previous_ref, stored.previous_commit);
  for (const auto& ref : refs) {
    if (ref.name == published_ref) {
      stored.published = ref.id;
    } else if (ref.name != current_ref && ref.name != previous_ref) {
      stored.ref = ref.name;
    }
  }
  const std::string shallow = read_or_empty(git.get(), "shallow");
  for (const std::string_view line : split(shallow, '\n')) {
    if (const auto id = ObjectId::from_hex(line)) {
      stored.shallow.push_back(*id);
    }
  }
  const std::string depth = read_or_empty(git.get(), volume::depth_file);
  unsigned value = 0;
  if (std::sscanf(depth.c_str(), "%9u", &value) == 1) {
    stored.depth = value;
  }
  if (stored.current) {
    const std::string source = read_or_empty(git.get(), volume::source_file);
    stored.source = source.substr(0, source.find('\n'));
  }
  return stored;
}

void write_shallow(const Layout& layout, const std::vector<ObjectId>& shallow) {
  const UniqueFd git = open_directory(layout.git);
  const std::string text = ids_as_lines(shallow);
  if (text == read_or_empty(git.get(), "shallow")) {
    return;
  }
  if (!shallow.empty()) {
    replace_file_at(git.get(), "shallow", text, plain_file);
    return;
  }
  // git takes an empty file for "not shallow" too, but expects none.
  if (unlinkat(git.get(), "shallow", 0) != 0 && errno != ENOENT) {
    throw storage_error(errno, "remove", (layout.git / "shallow").native());
  }
  fsync_folder(git.get(), layout.git.native());
}

void write_stored_refs(const Layout& layout, const StoredRefs& stored) {
  write_shallow(layout, stored.shallow);
  const UniqueFd git = open_directory(layout.git);
  const std::string source = stored.source.empty() ? "" : stored.source + "\n";
  const bool other_source = source != read_or_empty(git.get(), volume::source_file);
  if (other_source) {
    forget_source(layout, git.get());
  }
  const std::string depth = std::to_string(stored.depth) + "\n";
  if (depth != read_or_empty(git.get(), volume::depth_file)) {
    replace_file_at(git.get(), volume::depth_file, depth, plain_file);
  }
  replace_file_at(git.get(), "packed-refs", format_packed_refs(stored), plain_file);
  std::string head = stored.current_commit ? stored.current_commit->to_hex() + "\n" : "ref: refs/heads/main\n";
  const bool names_commit = stored.current == stored.current_commit;
  if (stored.ref.starts_with("refs/heads/") && names_commit) {
    head = "ref: " + stored.ref + "\n";
  }
  if (head != read_or_empty(git.get(), "HEAD")) {
    replace_file_at(git.get(), "HEAD", head, plain_file);
  }
  if (other_source && !source.empty()) {
    replace_file_at(git.get(), volume::source_file, source, plain_file);
  }
}

std::vector<PackFile> list_packs(const std::filesystem::path& folder) {
  std::vector<PackFile> packs;
  for (const std::string& name : names_in(folder)) {
    if (!name.starts_with("pack-") || !name.ends_with(".idx")) {
      continue;
    }
    PackFile pack;
    pack.stem = name.substr(0, name.size() - 4);
    struct stat data{};
    struct stat index{};
    // Not through links: they are set aside with what else is no pack.
    if (lstat((folder / (pack.stem + ".pack")).c_str(), &data) == 0 && lstat((folder / name).c_str(), &index) == 0) {
      pack.pack_bytes = static_cast<std::uint64_t>(data.st_size);
      pack.index_bytes = static_cast<std::uint64_t>(index.st_size);
      packs.push_back(std::move(pack));
    }
  }
  std::sort(packs.begin(), packs.end(), [](const PackFile& left, const PackFile& right) {
    return left.pack_bytes != right.pack_bytes ? left.pack_bytes > right.pack_bytes : left.stem < right.stem;
  });
  return packs;
}

std::uint64_t total_bytes(const std::vector<PackFile>& packs) noexcept {
  std::uint64_t total = 0;
  for (const PackFile& pack : packs) {
    total += pack.pack_bytes + pack.index_bytes;
  }
  return total;
}

std::string install_pack(const std::filesystem::path& from, const std::string& stem, const std::filesystem::path& to) {
  const auto pack = from / (stem + ".pack");
  const auto index = from / (stem + ".idx");
  const UniqueFd pack_fd = open_for_reading(pack);
  const UniqueFd index_fd = open_for_reading(index);
  fsync_fd(pack_fd.get(), pack.native());
  fsync_fd(index_fd.get(), index.native());
  const auto checksum =
      read_bytes_at(pack_fd.get(), size_of(pack_fd.get(), pack) - static_cast<off_t>(trailer_bytes), pack.native());
  const std::string name = "pack-" + ObjectId(std::span<const std::uint8_t, ObjectId::size_bytes>(checksum)).to_hex();
  const UniqueFd folder = open_directory(to);
  rename_or_throw(pack, to / (name + ".pack"));
  rename_or_throw(index, to / (name + ".idx"));
  fsync_folder(folder.get(), to.native());
  return name;
}

void remove_packs(const std::filesystem::path& folder, const std::vector<std::string>& stems) {
  const UniqueFd directory = open_directory(folder);
  for (const std::string& stem : stems) {
    remove_tree_at(directory.get(), stem + ".idx");
  }
  for (const std::string& stem : stems) {
    remove_tree_at(directory.get(), stem + ".pack");
  }
  fsync_folder(directory.get(), folder.native());
}

void quarantine_pack(const Layout& layout, const std::string& stem) {
  const UniqueFd git = open_directory(layout.git);
  ensure_directory_at(git.get(), volume::damaged_packs_directory, private_folder);
  const UniqueFd damaged = open_directory_at(git.get(), volume::damaged_packs_directory);
  for (const std::string& name : {stem + ".idx", stem + ".pack"}) {
    remove_tree_at(damaged.get(), name);  // a file does not replace a folder, nor a folder a file
    rename_or_throw(layout.packs / name, layout.damaged / name);
  }
  fsync_folder(damaged.get(), layout.damaged.native());
  fsync_folder(open_directory(layout.packs).get(), layout.packs.native());
  fsync_folder(git.get(), layout.git.native());
}

}  // namespace adapter::store
