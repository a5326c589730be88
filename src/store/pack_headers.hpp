// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "objects.hpp"
#include "pack_index.hpp"

namespace adapter::store {

/// Types and sizes of the objects of one pack. Each entry is looked at once, however many objects stand on it: what is
/// found out about a delta is remembered. Blocking; one thread at a time. Errors: corrupt, limit, storage.
class PackHeaders {
public:
  /// The files are opened at the first look-up.
  PackHeaders(std::filesystem::path folder, std::string stem);
  ~PackHeaders();
  PackHeaders(PackHeaders&&) noexcept;
  PackHeaders& operator=(PackHeaders&&) = delete;

  /// Nullopt when the pack has no such object. Throws limit when it stands on more than max_delta_chain deltas.
  [[nodiscard]] std::optional<ObjectHeader> header(const ObjectId& id);

  /// Reads the bytes of the object's entry and of the entries that it stands on, each part of the pack once, so that a
  /// sector that cannot be read is an error here and no SIGBUS in libgit2. False when the pack has no such object.
  /// Throws UnreadableBytes (pack_index.hpp), and limit as header() does.
  bool require(const ObjectId& id);

private:
  struct Files;
  [[nodiscard]] Files& files();
  [[nodiscard]] ObjectHeader resolve(std::uint64_t offset);

  std::filesystem::path folder_;
  std::string stem_;
  std::unique_ptr<Files> files_;
  std::unordered_map<std::uint64_t, ObjectHeader> deltas_;  ///< by offset: what is known of them
  std::unordered_set<std::uint64_t> delivered_;             ///< by offset: deltas that were read, and all below them
};

/// Throws limit when an object of the pack stands on more than max_delta_chain deltas, by distance or by id; corrupt
/// when deltas stand on each other in a circle or on an object that the pack lacks; cancelled. Looks at each entry
/// once.
void check_delta_chains(const std::filesystem::path& folder, const std::string& stem, const std::stop_token& stop);

}  // namespace adapter::store
