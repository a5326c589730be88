// SPDX-License-Identifier: Apache-2.0
#include "repository_jobs.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "history.hpp"
#include "housekeeping.hpp"
#include "names.hpp"
#include "verify.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t max_told_shallow = 10'000;
constexpr std::uint32_t max_traced_depth = 1'000;
constexpr std::size_t check_slice_bytes = 256 * kib;

ObjectDatabase open_kept(const Layout& layout) {
  const std::array<std::filesystem::path, 1> folders{layout.objects};
  return ObjectDatabase(folders);
}

/// Errors that say something about the objects and not about this machine or this moment.
bool is_about_objects(const Error& error) noexcept {
  return error.error_class() != ErrorClass::storage && error.error_class() != ErrorClass::cancelled;
}

/// Bytes that could not be read, and that a look through all stored packs found readable: the moment's fault.
void throw_if_passed(const Error& error) {
  if (dynamic_cast<const UnreadableBytes*>(&error) != nullptr) {
    throw Error(ErrorClass::storage, error.text());
  }
}

/// Not where the object's bytes are what its id says and it was written so: looking through all stored packs for each
/// commit that its author malforms would be work without a bound.
bool may_be_damage(const Error& error) noexcept {
  return error.error_class() == ErrorClass::corrupt && error.retryable();
}

State state_of(const Layout& layout, const StoredRefs& stored) {
  State state;
  state.haves.tips = kept_tips(stored);
  state.haves.shallow = stored.shallow;
  if (state.haves.shallow.size() > max_told_shallow) {
    state.haves.shallow.resize(max_told_shallow);
  }
  state.haves.depth = stored.depth;
  state.haves.ref = stored.ref;
  state.haves.current = stored.current;
  state.haves.current_commit = stored.current_commit;
  state.haves.source = stored.source;
  state.disk_bytes = total_bytes(list_packs(layout.packs));
  return state;
}

bool is_read_only(const std::filesystem::path& folder) noexcept {
  struct statvfs info{};
  return statvfs(folder.c_str(), &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

/// Whether commit and root tree of a tip can be read; with `deep` everything below too.
bool tip_is_held(ObjectSource& source, const std::optional<ObjectId>& id, std::optional<ObjectId>& commit, bool deep,
                 const std::stop_token& stop) {
  if (!id) {
    return false;
  }
  try {
    const Limits limits = without_limits();
    const Peeled peeled = peel_to_commit(source, *id);
    commit = peeled.commit;
    if (deep) {
      static_cast<void>(verify_commit(source, *id, limits, NamePolicy::git, stop));
      return true;
    }
    return source.visit(peeled.links.tree, ObjectType::tree, limits.max_object_bytes, stop, [](std::string_view) {});
  } catch (const UnreadableBytes&) {
    throw;  // the pack is to be set aside
  } catch (const Error& error) {
    if (!is_about_objects(error)) {
      throw;
    }
    return error.error_class() != ErrorClass::corrupt && commit.has_value();
  }
}

/// Forgets tips whose objects are not there, and mends the boundary for the others.
StoredRefs reconcile(const Layout& layout, bool deep, const std::stop_token& stop) {
  StoredRefs stored = read_stored_refs(layout);
  const std::string before = format_packed_refs(stored);
  ObjectDatabase objects = open_kept(layout);
  if (!tip_is_held(objects, stored.current, stored.current_commit, deep, stop)) {
    stored.current.reset();
    stored.current_commit.reset();
    stored.ref.clear();
    stored.source.clear();
  }
  if (!tip_is_held(objects, stored.previous, stored.previous_commit, deep, stop)) {
    stored.previous.reset();
    stored.previous_commit.reset();
  }
  std::optional<ObjectId> published_commit;
  if (!tip_is_held(objects, stored.published, published_commit, deep, stop)) {
    stored.published.reset();
  }
  const auto tips = kept_commits(stored);
  std::vector<ObjectId> shallow = stored.shallow;
  if (tips.empty()) {
    shallow.clear();
  } else if (stored.depth != 0 && stored.depth <= max_traced_depth) {
    shallow = walk_history(objects, tips, stored.depth, stored.shallow, {}, stop).shallow;
  }
  const bool boundary_lacks =
      !std::includes(stored.shallow.begin(), stored.shallow.end(), shallow.begin(), shallow.end());
  const auto write = [&layout](const auto& attempt) {
    try {
      attempt();
    } catch (const Error& error) {
      if (error.error_class() != ErrorClass::storage || !is_read_only(layout.git)) {
        throw;
      }
      log::warning("records_not_written",
                   "the volume is read-only: what was found out about the stored objects is not noted",
                   {{"folder", layout.git.native()}, {"error", error.text()}});
    }
  };
  if (format_packed_refs(stored) != before) {
    log::warning("tips_dropped", "objects of a kept commit are missing or damaged; it will be fetched again",
                 {{"folder", layout.git.native()}});
    stored.shallow = shallow;
    write([&] { write_stored_refs(layout, stored); });
  } else if (packed_refs_are_damaged(layout, stored)) {
    stored.shallow = shallow;
    write([&] { write_stored_refs(layout, stored); });
  } else if (boundary_lacks) {
    stored.shallow = shallow;
    write([&] { write_shallow(layout, stored.shallow); });
  }
  return stored;
}

void quarantine_unsound_packs(const Layout& layout, const std::stop_token& stop) {
  for (const PackFile& pack : list_packs(layout.packs)) {
    throw_if_stopped(stop, "opening the repository");
    if (!looks_sound(layout.packs, pack, true)) {
      log::warning("pack_damaged", "a stored pack is damaged and was set aside",
                   {{"folder", layout.git.native()}, {"pack", pack.stem}});
      quarantine_pack(layout, pack.stem);
    }
  }
}

bool same_bytes(const std::filesystem::path& left, const std::filesystem::path& right) {
  return read_file(left, 2 * gib) == read_file(right, 2 * gib);
}

bool indexes_to_the_same(const Layout& layout, const PackFile& pack, const std::stop_token& stop) {
  Quarantine quarantine(layout);
  const std::filesystem::path path = layout.packs / (pack.stem + ".pack");
  // What cannot be read now is not damaged for that.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    throw storage_error(errno, "open", path.native());
  }
  std::uint64_t done = 0;
  try {
    for (std::string slice; !(slice = read_stored(file.get(), done, check_slice_bytes, path.native())).empty();) {
      done += slice.size();
      quarantine.append(slice, stop);
    }
    const auto stem = quarantine.finish(stop);
    return stem && same_bytes(quarantine.pack_folder() / (*stem + ".idx"), layout.packs / (pack.stem + ".idx"));
  } catch (const Error& error) {
    if (!is_about_objects(error)) {
      throw;
    }
    return false;
  }
}

void remove_damaged(const Layout& layout) {
  const UniqueFd git = open_directory(layout.git);
  remove_tree_at(git.get(), volume::damaged_packs_directory);
}

/// The records after `tip` was verified as `commit`: what was current becomes previous.
StoredRefs advanced(const StoredRefs& before, const Tip& tip, const ObjectId& commit) {
  StoredRefs after = before;
  const bool nameable =
      is_valid_ref_name(tip.ref) && tip.ref != "refs/adapter" && !tip.ref.starts_with("refs/adapter/");
  after.ref = nameable ? tip.ref : "";
  after.current = tip.id;
  after.current_commit = commit;
  if (before.current && before.current != tip.id) {
    after.previous = before.current;
    after.previous_commit = before.current_commit;
  }
  const std::vector<ObjectId> held = kept_commits(before);
  if (tip.published && std::find(held.begin(), held.end(), *tip.published) != held.end()) {
    after.published = tip.published;
  }
  after.depth = tip.depth;
  after.source = tip.source;
  return after;
}

/// The boundary that a remote's answer makes of what was recorded.
std::vector<ObjectId> told_boundary(const StoredRefs& before, const Tip& tip) {
  std::set<ObjectId> told(before.shallow.begin(), before.shallow.end());
  told.insert(tip.shallow.begin(), tip.shallow.end());
  for (const ObjectId& id : tip.unshallow) {
    told.erase(id);
  }
  return {told.begin(), told.end()};
}

/// Where the history of what is kept now ends, and that of `all`, which is kept with what was kept before. A start
/// walks the first alone and would else have to write the difference, which a read-only volume does not let it.
std::vector<ObjectId> boundary_of_both(ObjectSource& source, const std::vector<ObjectId>& kept,
                                       const std::vector<ObjectId>& all, const std::vector<ObjectId>& known,
                                       const std::vector<ObjectId>& told, std::uint32_t depth,
                                       const std::stop_token& stop) {
  std::vector<ObjectId> boundary = walk_history(source, all, depth, told, known, stop).shallow;
  if (depth == 0) {
    return boundary;
  }
  const std::vector<ObjectId> own = walk_history(source, kept, depth, told, known, stop).shallow;
  std::set<ObjectId> both(boundary.begin(), boundary.end());
  both.insert(own.begin(), own.end());
  return {both.begin(), both.end()};
}

}  // namespace

State open_repository(const Layout& layout, const std::stop_token& stop) {
  prepare_layout(layout);
  quarantine_unsound_packs(layout, stop);
  try {
    return state_of(layout, reconcile(layout, false, stop));
  } catch (const UnreadableBytes& error) {
    if (check_packs(layout, stop) == 0) {
      throw_if_passed(error);
    }
  }
  return state_of(layout, reconcile(layout, true, stop));
}

std::size_t check_packs(const Layout& layout, const std::stop_token& stop) {
  std::size_t damaged = 0;
  for (const PackFile& pack : list_packs(layout.packs)) {
    throw_if_stopped(stop, "checking the stored packs");
    if (!looks_sound(layout.packs, pack, true) || !indexes_to_the_same(layout, pack, stop)) {
      log::warning("pack_damaged", "a stored pack is damaged and was set aside",
                   {{"folder", layout.git.native()}, {"pack", pack.stem}});
      quarantine_pack(layout, pack.stem);
      ++damaged;
    }
  }
  return damaged;
}

Verified verify_held(const Layout& layout, const ObjectId& id, const StoreOptions& options, bool suspect,
                     const std::stop_token& stop) {
  Verified result;
  if (suspect && check_packs(layout, stop) > 0) {
    result.state = state_of(layout, reconcile(layout, true, stop));
  }
  try {
    ObjectDatabase objects = open_kept(layout);
    result.facts = verify_commit(objects, id, options.limits, options.names, stop);
    return result;
  } catch (const MissingObject&) {
    const StoredRefs stored = read_stored_refs(layout);
    const std::vector<ObjectId> held = kept_tips(stored);
    if (std::find(held.begin(), held.end(), id) == held.end()) {
      return result;
    }
  } catch (const Error& error) {
    if (!may_be_damage(error)) {
      throw;
    }
    if (check_packs(layout, stop) == 0) {
      throw_if_passed(error);
      throw;
    }
  }
  result.state = state_of(layout, reconcile(layout, true, stop));
  return result;
}

std::optional<State> housekeep_repository(const Layout& layout, const std::function<bool()>& may_remove,
                                          const std::stop_token& stop) {
  try {
    if (!merge_packs(layout, may_remove, stop)) {
      return std::nullopt;
    }
    return state_of(layout, read_stored_refs(layout));
  } catch (const Error& error) {
    if (error.error_class() != ErrorClass::corrupt) {
      throw;
    }
    check_packs(layout, stop);
    return state_of(layout, reconcile(layout, true, stop));
  }
}

Accepted accept_transfer(const Layout& layout, std::shared_ptr<Quarantine> quarantine, std::string_view tail,
                         const Tip& tip, const StoreOptions& options, const std::stop_token& stop) {
  try {
    std::optional<std::string> stem;
    std::vector<std::filesystem::path> folders{layout.objects};
    if (quarantine) {
      if (!tail.empty()) {
        quarantine->append(tail, stop);
      }
      stem = quarantine->finish(stop);
      if (stem) {
        folders.insert(folders.begin(), quarantine->objects_folder());
      }
    }
    Accepted kept;
    const StoredRefs before = read_stored_refs(layout);
    StoredRefs after;
    {
      ObjectDatabase objects(folders);
      kept.facts = verify_commit(objects, tip.id, options.limits, options.names, stop);
      after = advanced(before, tip, kept.facts.commit);
      // What was kept before too: until packed-refs is replaced its history must end somewhere.
      std::vector<ObjectId> tips = kept_commits(after);
      const auto known = kept_commits(before);
      tips.insert(tips.end(), known.begin(), known.end());
      after.shallow =
          boundary_of_both(objects, kept_commits(after), tips, known, told_boundary(before, tip), after.depth, stop);
    }
    if (stem) {
      install_pack(quarantine->pack_folder(), *stem, layout.packs);
    }
    write_stored_refs(layout, after);
    quarantine.reset();
    remove_damaged(layout);
    kept.state = state_of(layout, after);
    return kept;
  } catch (const Error& error) {
    quarantine.reset();
    if (may_be_damage(error)) {
      const bool damaged = check_packs(layout, stop) > 0;
      const std::string before = format_packed_refs(read_stored_refs(layout));
      const StoredRefs left = reconcile(layout, true, stop);
      if (damaged || format_packed_refs(left) != before) {
        throw DamageQuarantined(
            "a stored pack was damaged and is set aside; what it held has to be fetched again (" + error.text() + ")",
            state_of(layout, left));
      }
      throw_if_passed(error);
    }
    throw;
  }
}

}  // namespace adapter::store
