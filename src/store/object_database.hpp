// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "git_handles.hpp"
#include "objects.hpp"
#include "pack_headers.hpp"

namespace adapter::store {

/// Objects of the packs below some "objects" folders; loose objects and alternates are not looked at. One thread at a
/// time.
class ObjectDatabase final : public ObjectSource {
public:
  /// Opens the packs in `folder`/pack of each folder. A folder without packs is fine. Throws corrupt when a
  /// pack's index does not lead into its pack. All that is read unfolds to at most max_unfolding times (its bytes and
  /// the allowance), else reading throws limit.
  explicit ObjectDatabase(std::span<const std::filesystem::path> objects_folders,
                          std::uint64_t allowance_bytes = unfolding_allowance);

  std::optional<ObjectHeader> header(const ObjectId& id) override;
  std::optional<std::string_view> read(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes) override;
  bool visit(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes, const std::stop_token& stop,
             const BytesVisitor& visitor) override;

  [[nodiscard]] git_odb* handle() const noexcept { return odb_.get(); }

private:
  [[nodiscard]] std::optional<ObjectHeader> checked_header(const ObjectId& id, ObjectType type,
                                                           std::uint64_t limit_bytes);
  /// Whatever is read unfolds its chain of deltas: all of it together is bounded.
  void note_unfolding(const ObjectHeader& object);
  [[nodiscard]] git::OdbObject load(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes);

  git::Odb odb_;
  std::vector<PackHeaders> packs_;
  git::OdbObject last_;  ///< what read() gave out
  const std::uint64_t allowance_bytes_;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t unfolded_bytes_ = 0;
};

}  // namespace adapter::store
