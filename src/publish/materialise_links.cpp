// SPDX-License-Identifier: Apache-2.0
#include "materialise_links.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <unordered_map>

#include "adapter/base/stop.hpp"
#include "adapter/base/text.hpp"
#include "folder.hpp"
#include "materialise.hpp"
#include "unfit_name.hpp"

namespace adapter::publish {
namespace {

/// Paths that were left out are gathered up to here before the first ones are picked.
constexpr std::size_t max_left_out_gathered = 64 * max_left_out_listed;

/// Asked of the folders that the staging tree lies in (`trees/.tmp-…`), since what a volume ignores is inherited.
NameLookup name_lookup(int staging) {
  return ::faccessat(staging, "../../TREES", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? NameLookup::caseless : NameLookup::exact;
}

gid_t group_of(int folder, gid_t otherwise) {
  struct stat info{};
  return fstat(folder, &info) == 0 ? info.st_gid : otherwise;
}

class LinkWriter {
public:
  LinkWriter(int staging, std::vector<FoundLink> links, std::uint64_t string_bytes, Manifest& manifest,
             const std::stop_token& stop)
      : staging_(staging), links_(std::move(links)), string_bytes_(string_bytes), manifest_(manifest), stop_(stop) {
    std::sort(links_.begin(), links_.end(), [](const FoundLink& a, const FoundLink& b) {
      return std::tie(a.folder, a.name) < std::tie(b.folder, b.name);
    });
  }

  void run(TreeReader& reader) {
    read_targets(reader);
    const std::vector<bool> inside =
        manifest_.symlinks == SymlinkPolicy::inside
            ? links_inside(manifest_.folders, nodes_, name_lookup(staging_), default_link_step_budget, stop_)
            : std::vector<bool>(nodes_.size(), true);
    for (std::size_t i = 0; i < nodes_.size();) {
      i = write_folder(i, inside);
    }
    pick_left_out();
  }

private:
  void check_running() const { throw_if_stopped(stop_, "writing the tree"); }

  void read_targets(TreeReader& reader) {
    nodes_.reserve(links_.size());
    for (const FoundLink& link : links_) {
      check_running();
      const auto [target, is_new] = targets_.try_emplace(link.id);
      if (is_new) {
        NewTarget content(*this, link);
        reader.read(link.id, EntryKind::symlink, stop_, content);
        target->second = manifest_.strings.add(content.bytes);
      }
      nodes_.push_back(LinkNode{.folder = link.folder, .name = link.name, .target = target->second});
    }
  }

  struct NewTarget final : ContentSink {
    NewTarget(LinkWriter& writer, const FoundLink& link) : owner(writer), found(link) {}
    void begin(std::uint64_t size_bytes) override { owner.require_room(found, size_bytes); }
    void write(std::string_view more) override { bytes += more; }

    LinkWriter& owner;
    const FoundLink& found;
    std::string bytes;
  };

  void require_room(const FoundLink& link, std::uint64_t target_bytes) {
    if (target_bytes > max_symlink_bytes) {
      throw Error(ErrorClass::limit, "the target of the symbolic link " +
                                         escape(join(folder_path(manifest_.folders, link.folder), link.name)) +
                                         " is too long");
    }
    string_bytes_ += target_bytes;
    if (string_bytes_ > max_tree_string_bytes) {
      throw too_many_string_bytes();
    }
  }

  /// The links of one folder, from the first; answers where the next folder's begin.
  std::size_t write_folder(std::size_t i, const std::vector<bool>& inside) {
    const std::uint32_t index = nodes_[i].folder;
    const std::string path = folder_path(manifest_.folders, index);
    const UniqueFd folder = open_beneath(staging_, path);
    for (; i < nodes_.size() && nodes_[i].folder == index; ++i) {
      check_running();
      if (inside[i] && is_possible(nodes_[i].target)) {
        write_link(folder.get(), path, i);
      } else {
        leave_out(join(path, nodes_[i].name));
      }
    }
    if (index != 0) {
      manifest_.folder_facts[index] =
          facts_of(finish_with_mode(folder.get(), modes_of(manifest_.share).folder, path, ""));
    }
    return i;
  }

  static bool is_possible(std::string_view target) {
    return !target.empty() && target.find('\0') == std::string_view::npos;
  }

  /// Looks through all entries for those of the folder: once, for an error.
  [[nodiscard]] Error not_made(int error_number, int folder, const std::string& path, std::size_t i) const {
    const LinkNode& link = nodes_[i];
    std::vector<std::string_view> others;
    for (std::size_t index = 1; index < manifest_.folders.size(); ++index) {
      if (manifest_.folders[index].parent == link.folder) {
        others.push_back(manifest_.folders[index].name);
      }
    }
    for (const ManifestEntry& entry : manifest_.entries) {
      if (entry.folder == link.folder) {
        others.push_back(entry.name);
      }
    }
    return unmade_error(error_number,
                        Unmade{.folder = folder, .path = path, .name = link.name, .verb = link_verb, .others = others});
  }

  void write_link(int folder, const std::string& path, std::size_t i) {
    const LinkNode& link = nodes_[i];
    const std::string name(link.name);
    const std::string target(link.target);
    struct stat info{};
    if (symlinkat(target.c_str(), folder, name.c_str()) != 0) {
      throw not_made(errno, folder, path, i);
    }
    // The directory has its final mode by now, and hands its group down no more.
    if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        (info.st_gid != group_of(folder, info.st_gid) &&
         fchownat(folder, name.c_str(), static_cast<uid_t>(-1), group_of(folder, info.st_gid), AT_SYMLINK_NOFOLLOW) ==
             0 &&
         fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)) {
      throw storage_error(errno, "look at", join(path, name));
    }
    manifest_.entries.push_back(ManifestEntry{
        .folder = link.folder, .id = links_[i].id, .name = link.name, .target = link.target, .facts = facts_of(info)});
  }

  void leave_out(std::string path) {
    ++manifest_.left_out_link_count;
    manifest_.left_out_links.push_back(std::move(path));
    if (manifest_.left_out_links.size() >= max_left_out_gathered) {
      pick_left_out();
    }
  }

  /// The first by name: the order of folders depends on which worker found them, what is logged should not.
  void pick_left_out() {
    std::vector<std::string>& paths = manifest_.left_out_links;
    std::sort(paths.begin(), paths.end());
    paths.resize(std::min(paths.size(), max_left_out_listed));
  }

  int staging_;
  std::vector<FoundLink> links_;
  std::uint64_t string_bytes_;
  Manifest& manifest_;
  const std::stop_token& stop_;
  std::unordered_map<ObjectId, std::string_view> targets_;
  std::vector<LinkNode> nodes_;  ///< of links_, in the same order
};

}  // namespace

void write_links(int staging, std::vector<FoundLink> links, std::uint64_t string_bytes, TreeReader& reader,
                 Manifest& manifest, const std::stop_token& stop) {
  LinkWriter(staging, std::move(links), string_bytes, manifest, stop).run(reader);
}

}  // namespace adapter::publish
