// SPDX-License-Identifier: Apache-2.0
#include "reach.hpp"

#include <string_view>

#include "adapter/base/limits.hpp"
#include "verify.hpp"

namespace adapter::store {

void Reach::add_tip(const std::optional<ObjectId>& tip) {
  for (std::optional<ObjectId> at = tip; at;) {
    const auto header = source_.header(*at);
    if (!header || header->type != ObjectType::tag) {
      return;
    }
    note(*at);
    const auto bytes = source_.read(*at, ObjectType::tag, max_commit_or_tag_bytes);
    const auto target = bytes ? parse_tag(*bytes) : std::nullopt;
    at = target ? std::optional(target->id) : std::nullopt;
  }
}

void Reach::add_commits(std::span<const ObjectId> commits) {
  for (const ObjectId& commit : commits) {
    note(commit);
  }
  for (const ObjectId& commit : commits) {
    throw_if_stopped(stop_, "house-keeping");
    add_tree(peel_to_commit(source_, commit).links.tree);
  }
}

bool Reach::note(const ObjectId& id) {
  const bool fresh = seen_.insert(id).second;
  if (fresh) {
    ids_.push_back(id);
  }
  return fresh;
}

void Reach::add_tree(const ObjectId& root) {
  std::vector<ObjectId> open;
  if (note(root)) {
    open.push_back(root);
  }
  while (!open.empty()) {
    throw_if_stopped(stop_, "house-keeping");
    const ObjectId id = open.back();
    open.pop_back();
    const auto note_entries = [&](std::string_view bytes) {
      TreeCursor cursor(bytes);
      RawEntry entry;
      while (cursor.next(entry) == TreeCursor::Step::entry) {
        look_at_stop(stop_, steps_++, "house-keeping");
        const auto kind = kind_of_mode(entry.mode);
        if (kind != EntryKind::submodule && note(entry.id) && kind == EntryKind::folder) {
          open.push_back(entry.id);
        }
      }
    };
    if (!source_.visit(id, ObjectType::tree, UINT64_MAX, stop_, note_entries)) {
      throw MissingObject(ErrorClass::corrupt, "the tree " + id.to_hex() + " is missing");
    }
  }
}

}  // namespace adapter::store
