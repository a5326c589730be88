// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/base/file.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/store/store.hpp"
#include "large_objects.hpp"
#include "layout.hpp"
#include "object_database.hpp"
#include "pack_scan.hpp"
#include "resolving_budget.hpp"

namespace adapter::store {

/// For what was accepted under the limits of its time: whether it is held, or can be merged, does not depend on the
/// present ones.
[[nodiscard]] Limits without_limits() noexcept;

/// Counts that any thread may read while a worker writes them.
class ProgressCounts {
public:
  [[nodiscard]] Progress snapshot() const noexcept;
  void record(const git_indexer_progress& stats) noexcept;

private:
  std::atomic<std::uint64_t> received_bytes_{0};
  std::atomic<std::uint32_t> received_objects_{0};
  std::atomic<std::uint32_t> total_objects_{0};
  std::atomic<std::uint32_t> indexed_deltas_{0};
  std::atomic<std::uint32_t> total_deltas_{0};
};

/// One pack on its way in: a folder of its own below incoming/, and the indexer that writes into it. Blocking; used by
/// one job at a time. The destructor removes the folder with all in it.
class Quarantine {
public:
  /// A transfer: bases may be taken from the kept packs. `counts` is filled as the work goes on.
  Quarantine(const Layout& layout, const Limits& limits, std::shared_ptr<ProgressCounts> counts)
      : Quarantine(layout, limits, std::move(counts), true) {}
  /// What was kept before: without_limits(), and without bases.
  explicit Quarantine(const Layout& layout);
  ~Quarantine();
  Quarantine(const Quarantine&) = delete;
  Quarantine& operator=(const Quarantine&) = delete;

  /// Indexes the next bytes of the pack. Errors: corrupt, limit, storage; cancelled after `stop`.
  void append(std::string_view bytes, const std::stop_token& stop);
  /// Before finish(); of kept packs there is none.
  void set_budget(const ResolvingBudget& budget) { budget_ = budget; }

  /// Resolves deltas, completes a thin pack from the kept packs and writes the index. The stem of the pack in folder();
  /// nothing when the transfer had no objects. Errors as append(); limit when deltas stand on each other in longer
  /// chains than max_delta_chain, when resolving them would unfold more than unfolding_refusal() allows, or when it
  /// takes more CPU time than resolving_time() gives.
  [[nodiscard]] std::optional<std::string> finish(const std::stop_token& stop);

  /// The "objects" folder whose pack/ holds the new pack.
  [[nodiscard]] const std::filesystem::path& objects_folder() const noexcept { return folder_; }
  [[nodiscard]] std::filesystem::path pack_folder() const { return folder_ / "pack"; }

private:
  Quarantine(const Layout& layout, const Limits& limits, std::shared_ptr<ProgressCounts> counts, bool thin);

  void start();
  void open_pack();
  void read_header(std::string_view bytes);
  void reserve_space(std::uint64_t bytes);
  void append_slice(std::string_view bytes, const std::stop_token& stop);
  void scan_received(const std::stop_token& stop);
  void reserve_for_bases(const std::stop_token& stop);
  void complete(const std::stop_token& stop);
  void begin_budget();
  void check_call(int code, std::string_view what, const std::stop_token& stop);
  static int on_progress(const git_indexer_progress* stats, void* payload) noexcept;

  const Layout layout_;
  const Limits limits_;
  std::string name_;
  std::filesystem::path folder_;
  std::unique_ptr<ObjectDatabase> bases_;  ///< outlives the indexer
  git::Indexer indexer_;
  git_indexer_progress stats_{};  ///< the library counts on from call to call
  UniqueFd pack_fd_;              ///< to reserve space before the indexer writes through a mapping
  PackScan scan_;
  std::string header_;
  std::uint64_t received_bytes_ = 0;
  std::uint32_t object_count_ = 0;
  bool started_ = false;
  bool failed_ = false;
  ResolvingBudget budget_;
  std::chrono::nanoseconds resolving_since_{0};  ///< CPU time of this thread when deltas began to be resolved
  std::chrono::nanoseconds resolving_budget_{0};
  bool over_budget_ = false;
  bool takes_kept_bases_ = false;
  const std::stop_token* stop_ = nullptr;  ///< of the call in progress
  LargeObjectPermit* permit_ = nullptr;    ///< of the call in progress, where it resolves large objects
  std::shared_ptr<ProgressCounts> counts_;
  const bool thin_;
};

}  // namespace adapter::store
