// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapter/async/semaphore.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/config/config.hpp"
#include "adapter/publish/doubts.hpp"
#include "adapter/publish/publisher.hpp"
#include "adapter/sync/engine.hpp"
#include "leftovers.hpp"
#include "old_trees.hpp"
#include "prune_schedule.hpp"

namespace adapter::sync {

/// The only owner of deletion: of repositories that left the configuration, and of links of earlier configurations.
/// Loop thread; files on a worker. A reload does not wait for it; a stop cancels run(), which looks at its stop token
/// between two files. What was taken out of use `old_trees` deletes,
/// which runs beside it. `workers`, `old_trees` and `doubts` outlive it, and it outlives every call.
class Pruner {
public:
  Pruner(const asio::any_io_executor& executor, async::Workers& workers, OldTrees& old_trees, publish::Doubts& doubts);

  /// A configuration is in force. Before the tasks of its repositories start: what it names is not deleted from here
  /// on.
  void configure(const config::Config& config);

  /// Deletes what is due by `prune`, until cancelled.
  asio::awaitable<void> run();

  /// A reload ended the task of a repository, whose last work on the volume may go on for as long as it likes: until
  /// note_ended() nothing of that name is deleted. Counted: several of one name may be ending.
  void note_ending(const std::string& name) { ++ending_[name]; }
  void note_ended(const std::string& name);

  /// A repository has published, or its link was restored: what waited for that may go.
  void note_published() noexcept;
  /// Counts configurations.
  [[nodiscard]] std::uint64_t generation() const noexcept { return *generation_; }
  [[nodiscard]] bool is_claimed(const std::string& link) const { return configured_.is_claimed(link); }

  /// The configured links of all other repositories.
  [[nodiscard]] std::vector<std::string> links_of_others(const std::string& name) const;

  /// Waits for a deletion of this name that has begun: to be called before anything is written into its folder. Short:
  /// the folder is renamed first and deleted later.
  asio::awaitable<void> wait_until_free(std::string name);

  /// Removes those former links of `name` that no configured repository claims. Returns the links that need no look any
  /// more: removed, or no longer into this repository's trees. What fails is logged and stays.
  asio::awaitable<std::vector<std::string>> remove_former_links(publish::Publisher& publisher, std::string name,
                                                                std::vector<std::string> links);

  /// Asks for the deletion of what was taken out of use here, or by a run that was killed.
  void request_deletion();

  /// For `adapter prune`.
  asio::awaitable<std::vector<PruneCandidate>> candidates();
  /// Deletes now, whatever the delay: comes back when it is done, or has to be tried again. The results are in the
  /// order of `names`.
  asio::awaitable<std::vector<PruneResult>> prune_now(std::vector<std::string> names);

private:
  asio::awaitable<std::vector<Leftover>> look();
  asio::awaitable<void> remove_due(std::string name);
  asio::awaitable<std::optional<Error>> remove(std::string name, bool by_schedule);
  asio::awaitable<Leftover> find_removable(std::string name);
  asio::awaitable<bool> retire(Leftover leftover, std::uint64_t generation);
  [[nodiscard]] std::optional<std::string> next_due(const std::set<std::string>& tried) const;
  /// To be asked on a worker: whether no configuration came meanwhile.
  [[nodiscard]] std::function<bool()> is_generation(std::uint64_t generation) const;

  async::Workers& workers_;
  OldTrees& old_trees_;
  publish::Doubts& doubts_;
  async::Wakeup wakeup_;
  async::Semaphore retiring_permit_;
  std::string retiring_;  ///< the name whose files are just taken out of use
  ConfiguredLinks configured_;
  /// Of the configurations; read by a job right before it changes anything.
  std::shared_ptr<std::atomic<std::uint64_t>> generation_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  PruneSchedule schedule_;
  std::map<std::string, std::size_t> ending_;  ///< tasks that have not ended, by name
  std::map<std::string, std::string> told_;    ///< why one that is due is not gone, by its name
};

}  // namespace adapter::sync
