// SPDX-License-Identifier: Apache-2.0
#include "objects.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <unordered_set>

#include "adapter/base/error.hpp"
#include "adapter/base/units.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t max_mode_digits = 7;
constexpr std::uint32_t special_bits = 07000;
constexpr std::uint32_t type_bits = ~07777U;
constexpr std::uint32_t owner_executes = 0100;

bool skip(std::string_view& rest, std::string_view prefix) noexcept {
  if (!rest.starts_with(prefix)) {
    return false;
  }
  rest.remove_prefix(prefix.size());
  return true;
}

/// "<keyword> <40 hexadecimal digits>\n"
std::optional<ObjectId> id_line(std::string_view& rest, std::string_view keyword) {
  std::string_view line = rest;
  if (!skip(line, keyword) || line.size() < ObjectId::hex_size + 1 || line[ObjectId::hex_size] != '\n') {
    return std::nullopt;
  }
  const auto id = ObjectId::from_hex(line.substr(0, ObjectId::hex_size));
  if (id) {
    rest = line.substr(ObjectId::hex_size + 1);
  }
  return id;
}

/// git's base_name_compare: bytes, then the end of the name, which is '/' for a folder.
int compare_entries(std::string_view left, bool left_folder, std::string_view right, bool right_folder) noexcept {
  const std::size_t common = std::min(left.size(), right.size());
  const int order = common == 0 ? 0 : std::memcmp(left.data(), right.data(), common);
  if (order != 0) {
    return order;
  }
  const auto next = [common](std::string_view name, bool folder) -> int {
    if (common < name.size()) {
      return static_cast<unsigned char>(name[common]);
    }
    return folder ? '/' : 0;
  };
  return next(left, left_folder) - next(right, right_folder);
}

}  // namespace

void UnfoldingBudget::add(std::uint64_t bytes, std::uint64_t chain_bytes) {
  bytes_ = add_saturating(bytes_, bytes);
  chain_bytes_ = add_saturating(chain_bytes_, chain_bytes);
  if (chain_bytes_ / max_unfolding > add_saturating(bytes_, allowance_bytes_)) {
    throw Error(ErrorClass::limit, std::string(subject_) + " deltas that unfold to more than " +
                                       std::to_string(max_unfolding) + " times their " + format_size(bytes_) + " and " +
                                       format_size(allowance_bytes_) +
                                       ", far more than git's own do; repack the repository (git repack -a -d -f)");
  }
}

std::string_view to_string(ObjectType type) noexcept {
  switch (type) {
    case ObjectType::commit:
      return "commit";
    case ObjectType::tree:
      return "tree";
    case ObjectType::blob:
      return "blob";
    case ObjectType::tag:
      return "tag";
  }
  return "object";
}

std::optional<CommitLinks> parse_commit(std::string_view bytes) {
  CommitLinks links;
  const auto tree = id_line(bytes, "tree ");
  if (!tree) {
    return std::nullopt;
  }
  links.tree = *tree;
  while (bytes.starts_with("parent ")) {
    const auto parent = id_line(bytes, "parent ");
    if (!parent) {
      return std::nullopt;
    }
    links.parents.push_back(*parent);
  }
  if (!bytes.starts_with("author ")) {
    return std::nullopt;
  }
  return links;
}

std::optional<TagTarget> parse_tag(std::string_view bytes) {
  const auto id = id_line(bytes, "object ");
  if (!id || !skip(bytes, "type ")) {
    return std::nullopt;
  }
  for (const auto type : {ObjectType::commit, ObjectType::tree, ObjectType::blob, ObjectType::tag}) {
    const std::string_view name = to_string(type);
    if (bytes.starts_with(name) && bytes.substr(name.size()).starts_with('\n')) {
      return TagTarget{*id, type};
    }
  }
  return std::nullopt;
}

TreeCursor::Step TreeCursor::next(RawEntry& entry) {
  if (rest_.empty()) {
    return Step::end;
  }
  std::uint32_t mode = 0;
  std::size_t at = 0;
  while (at < rest_.size() && at < max_mode_digits && rest_[at] >= '0' && rest_[at] <= '7') {
    mode = mode * 8 + static_cast<std::uint32_t>(rest_[at] - '0');
    ++at;
  }
  if (at == 0 || at >= rest_.size() || rest_[at] != ' ') {
    return Step::malformed;
  }
  rest_.remove_prefix(at + 1);
  const std::size_t end = rest_.find('\0');
  if (end == std::string_view::npos || rest_.size() - end - 1 < ObjectId::size_bytes) {
    return Step::malformed;
  }
  entry.name = rest_.substr(0, end);
  entry.mode = mode;
  std::array<std::uint8_t, ObjectId::size_bytes> id{};
  std::memcpy(id.data(), rest_.data() + end + 1, id.size());
  entry.id = ObjectId(std::span<const std::uint8_t, ObjectId::size_bytes>(id));
  rest_.remove_prefix(end + 1 + ObjectId::size_bytes);
  return Step::entry;
}

std::optional<EntryKind> kind_of_mode(std::uint32_t mode) noexcept {
  if ((mode & special_bits) != 0) {
    return std::nullopt;
  }
  switch (mode & type_bits) {
    case 0100000:
      return (mode & owner_executes) != 0 ? EntryKind::executable : EntryKind::file;
    case 0120000:
      return EntryKind::symlink;
    case 0040000:
      return EntryKind::folder;
    case 0160000:
      return EntryKind::submodule;
    default:
      return std::nullopt;
  }
}

Error malformed_object(std::string text) {
  Error error(ErrorClass::corrupt, std::move(text));
  error.set_retryable(false);
  return error;
}

std::optional<std::string_view> find_duplicate(std::string_view tree, const std::stop_token& stop) {
  std::unordered_set<std::string_view> names;
  TreeCursor cursor(tree);
  RawEntry entry;
  while (cursor.next(entry) == TreeCursor::Step::entry) {
    look_at_stop(stop, names.size(), "the verification");
    if (!names.insert(entry.name).second) {
      return entry.name;
    }
  }
  return std::nullopt;
}

EntryOrder::Verdict EntryOrder::next(std::string_view name, bool folder) {
  if (!first_) {
    if (name == last_) {
      return Verdict::duplicate;
    }
    if (compare_entries(last_, last_folder_, name, folder) >= 0) {
      return Verdict::unsorted;
    }
  }
  // A file "a" and a folder "a" are neighbours only when nothing like "a-b" stands between them.
  while (!files_.empty() && !name.starts_with(files_.back())) {
    files_.pop_back();
  }
  if (folder && !files_.empty() && files_.back() == name) {
    return Verdict::duplicate;
  }
  if (!folder) {
    files_.push_back(name);
  }
  first_ = false;
  last_ = name;
  last_folder_ = folder;
  return Verdict::fine;
}

}  // namespace adapter::store
