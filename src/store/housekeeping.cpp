// SPDX-License-Identifier: Apache-2.0
#include "housekeeping.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "adapter/base/limits.hpp"
#include "adapter/log/log.hpp"
#include "history.hpp"
#include "object_database.hpp"
#include "pack_merge.hpp"
#include "quarantine.hpp"
#include "reach.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t min_small_packs = 4;

/// The objects to keep, after the boundary was narrowed to the tips that are left.
std::vector<ObjectId> live_objects(const Layout& layout, const StoredRefs& stored, const std::stop_token& stop) {
  const std::array<std::filesystem::path, 1> folders{layout.objects};
  ObjectDatabase objects(folders);
  const History history = walk_history(objects, kept_commits(stored), stored.depth, stored.shallow, {}, stop);
  Reach reach(objects, stop);
  reach.add_tip(stored.current);
  reach.add_tip(stored.previous);
  reach.add_commits(history.commits);
  write_shallow(layout, history.shallow);
  return reach.ids();
}

std::vector<ObjectId> all_objects(std::span<const StoredPack* const> packs, const std::stop_token& stop) {
  std::vector<ObjectId> ids;
  for (const StoredPack* pack : packs) {
    for (std::uint32_t entry = 0; entry < pack->count(); ++entry) {
      look_at_stop(stop, entry, "house-keeping");
      ids.push_back(pack->id(entry));
    }
  }
  return ids;
}

/// Writes the plan's pack and moves it into place; its stem.
std::string write_pack(const Layout& layout, const MergePlan& plan, const std::stop_token& stop) {
  Quarantine quarantine(layout);
  plan.write([&](std::string_view bytes) { quarantine.append(bytes, stop); }, stop);
  const auto stem = quarantine.finish(stop);
  if (!stem) {
    throw Error(ErrorClass::corrupt, "a merged pack came out empty");
  }
  return install_pack(quarantine.pack_folder(), *stem, layout.packs);
}

}  // namespace

bool needs_merge(const std::vector<PackFile>& packs) noexcept {
  if (packs.size() <= min_small_packs) {
    return false;
  }
  const std::uint64_t largest = packs.front().pack_bytes + packs.front().index_bytes;
  return packs.size() - 1 > max_small_packs || total_bytes(packs) - largest > largest / 2;
}

bool merge_packs(const Layout& layout, const std::function<bool()>& may_remove, const std::stop_token& stop) {
  const auto files = list_packs(layout.packs);
  if (!needs_merge(files) || !may_remove()) {
    return false;
  }
  std::vector<std::unique_ptr<StoredPack>> opened;
  std::vector<const StoredPack*> packs;
  for (const PackFile& file : files) {
    opened.push_back(std::make_unique<StoredPack>(layout.packs, file.stem));
    packs.push_back(opened.back().get());
  }
  const StoredRefs stored = read_stored_refs(layout);
  const std::span<const StoredPack* const> small(packs.begin() + 1, packs.end());
  const auto wanted =
      stored.depth == 0 || !stored.current ? all_objects(packs, stop) : live_objects(layout, stored, stop);
  MergePlan whole(packs);
  MergePlan part(small);
  std::size_t steps = 0;
  for (const ObjectId& id : wanted) {
    look_at_stop(stop, steps++, "house-keeping");
    if (!whole.add(id)) {
      throw Error(ErrorClass::corrupt, "the object " + id.to_hex() + " is in none of the stored packs");
    }
    if (!packs.front()->find(id)) {
      part.add(id);
    }
  }
  const std::uint64_t after_part = files.front().pack_bytes + part.size_bytes();
  const bool everything = whole.size_bytes() + whole.size_bytes() / 2 < after_part;
  const MergePlan& plan = everything ? whole : part;
  std::vector<std::string> obsolete;
  for (std::size_t at = everything ? 0 : 1; at < files.size(); ++at) {
    obsolete.push_back(files[at].stem);
  }
  if (!plan.items().empty()) {
    const std::string stem = write_pack(layout, plan, stop);
    std::erase(obsolete, stem);
  }
  opened.clear();
  if (may_remove()) {
    remove_packs(layout.packs, obsolete);
  }
  return true;
}

}  // namespace adapter::store
