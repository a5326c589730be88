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
  /// pack's index does not lead into its pack. What is read has one UnfoldingBudget: beyond it reading throws limit.
  explicit ObjectDatabase(std::span<const std::filesystem::path> objects_folders,
                          std::uint64_t allowance_bytes = UnfoldingBudget::usual_allowance_bytes);

  std::optional<ObjectHeader> header(const ObjectId& id) override;
  std::optional<std::string_view> read(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes) override;
  bool visit(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes, const std::stop_token& stop,
             const BytesVisitor& visitor) override;

  /// Reads the bytes that libgit2 needs for the object, so that what the volume does not deliver is an error and no
  /// SIGBUS: before the handle is used. Throws UnreadableBytes (pack_index.hpp), storage. A missing object is fine.
  void require(const ObjectId& id);
  [[nodiscard]] git_odb* handle() const noexcept { return odb_.get(); }

private:
  [[nodiscard]] std::optional<ObjectHeader> checked_header(const ObjectId& id, ObjectType type,
                                                           std::uint64_t limit_bytes);
  [[nodiscard]] git::OdbObject load(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes);

  git::Odb odb_;
  std::vector<std::vector<PackHeaders>> packs_;  ///< by folder
  git::OdbObject last_;                          ///< what read() gave out
  UnfoldingBudget unfolding_;
};

}  // namespace adapter::store
