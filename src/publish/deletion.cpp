// SPDX-License-Identifier: Apache-2.0
// Deleting what was taken out of use: trees of one repository, and repositories that were retired.
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapter/log/log.hpp"
#include "adapter/publish/publisher.hpp"
#include "folder.hpp"
#include "link.hpp"
#include "residue.hpp"
#include "trees.hpp"

namespace adapter::publish {

namespace {

Deletion deletion(const Leftovers& left) {
  return {.complete = !left.interrupted, .mostly_looked = left.removed <= left.entries};
}

}  // namespace

void delete_retired(const std::filesystem::path& data_dir, bool retry_residue, const std::stop_token& stop) {
  const auto give_up = [&stop] { return stop.stop_requested(); };
  try {
    const UniqueFd data = open_data_dir(data_dir);
    const UniqueFd all = open_if_there(data.get(), ".adapter");
    const Residue residue(data_dir, Residue::pruned);
    Leftovers left;
    for (const std::string& name : all ? list_names(all.get()) : std::vector<std::string>()) {
      if (name.starts_with(gone_prefix)) {
        left.add(residue.remove(all.get(), ".adapter", name, give_up).left);
      }
    }
    if (retry_residue && !left.interrupted) {
      left.add(residue.retry(give_up));
    }
    static std::atomic<bool> named{false};
    if (left.entries > 0 && !named.exchange(true)) {
      log_residue("", left);
    }
  } catch (const Error& error) {
    log::warning("sweep_failed", "a removed repository's files could not be deleted; it is tried again later",
                 {{"error", error.text()}});
  }
}

Deletion delete_old_trees(const std::filesystem::path& data_dir, const std::string& name, KnownResidue& known,
                          const std::function<bool()>& give_up) {
  const std::optional<Trees> trees = Trees::open(data_dir, name);
  return trees ? deletion(trees->delete_gone(Residue(data_dir, name), known, give_up)) : Deletion{};
}

Deletion retry_residue(const std::filesystem::path& data_dir, const std::string& name, KnownResidue& known,
                       const std::function<bool()>& give_up) {
  const Residue residue(data_dir, name);
  Leftovers left = residue.retry(give_up);
  if (left.interrupted) {
    return deletion(left);
  }
  note_residue(name, left, known);
  KnownResidue found{.entries = left.entries, .stuck = {}};
  if (const std::optional<Trees> trees = known.stuck.empty() ? std::nullopt : Trees::open(data_dir, name)) {
    left = trees->delete_gone(residue, found, give_up);
  }
  if (!left.interrupted) {
    known = std::move(found);
  }
  return deletion(left);
}

}  // namespace adapter::publish
