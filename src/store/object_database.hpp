// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

#include "git_handles.hpp"
#include "large_objects.hpp"
#include "objects.hpp"

namespace adapter::store {

/// Objects of the packs below some "objects" folders; loose objects and alternates are not looked at. One thread at a
/// time.
class ObjectDatabase final : public ObjectSource {
public:
  /// Opens the packs in `folder`/pack of each folder. A folder without packs is fine. Throws corrupt when a
  /// pack's index does not lead into its pack.
  explicit ObjectDatabase(std::span<const std::filesystem::path> objects_folders);

  std::optional<ObjectHeader> header(const ObjectId& id) override;
  std::optional<std::string_view> read(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes) override;

  /// Frees what read() gave out last.
  void forget() noexcept;

  [[nodiscard]] git_odb* handle() const noexcept { return odb_.get(); }

private:
  git::Odb odb_;
  LargeObjectTurn turn_;  ///< had while last_ is a large one
  git::OdbObject last_;
};

}  // namespace adapter::store
