// SPDX-License-Identifier: Apache-2.0
#include "stored_refs.hpp"

#include <algorithm>
#include <initializer_list>

#include "adapter/base/text.hpp"

namespace adapter::store {
namespace {

constexpr std::string_view packed_refs_header = "# pack-refs with: peeled fully-peeled sorted \n";

using TipIds = std::initializer_list<std::optional<ObjectId>>;

std::vector<ObjectId> each_once(TipIds kept) {
  std::vector<ObjectId> ids;
  for (const std::optional<ObjectId>& id : kept) {
    if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) {
      ids.push_back(*id);
    }
  }
  return ids;
}

}  // namespace

std::vector<ObjectId> kept_commits(const StoredRefs& stored) {
  return each_once({stored.current_commit, stored.previous_commit, stored.published});
}

std::vector<ObjectId> kept_tips(const StoredRefs& stored) {
  return each_once({stored.current, stored.current_commit, stored.previous, stored.previous_commit, stored.published});
}

std::vector<StoredRefs::Ref> parse_packed_refs(std::string_view text) {
  std::vector<StoredRefs::Ref> refs;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with('^')) {
      const auto id = ObjectId::from_hex(line.substr(1));
      if (id && !refs.empty()) {
        refs.back().peeled = id;
      }
      continue;
    }
    if (line.size() <= ObjectId::hex_size + 1 || line[ObjectId::hex_size] != ' ') {
      continue;
    }
    const auto id = ObjectId::from_hex(line.substr(0, ObjectId::hex_size));
    if (id) {
      refs.push_back({std::string(line.substr(ObjectId::hex_size + 1)), *id, std::nullopt});
    }
  }
  return refs;
}

std::string format_packed_refs(const StoredRefs& stored) {
  std::vector<StoredRefs::Ref> refs;
  if (stored.current) {
    refs.push_back({std::string(current_ref), *stored.current, stored.current_commit});
    if (!stored.ref.empty()) {
      refs.push_back({stored.ref, *stored.current, stored.current_commit});
    }
  }
  if (stored.previous) {
    refs.push_back({std::string(previous_ref), *stored.previous, stored.previous_commit});
  }
  if (stored.published) {
    refs.push_back({std::string(published_ref), *stored.published, std::nullopt});
  }
  std::sort(refs.begin(), refs.end(), [](const auto& left, const auto& right) { return left.name < right.name; });
  std::string text(packed_refs_header);
  for (const auto& ref : refs) {
    text += ref.id.to_hex() + " " + ref.name + "\n";
    if (ref.peeled && *ref.peeled != ref.id) {
      text += '^';
      text += ref.peeled->to_hex() + "\n";
    }
  }
  return text;
}

}  // namespace adapter::store
