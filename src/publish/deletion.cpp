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

void delete_retired(const std::filesystem::path& data_dir, const std::stop_token& stop) {
  const auto give_up = [&stop] { return stop.stop_requested(); };
  try {
    const UniqueFd data = open_data_dir(data_dir);
    const UniqueFd all = open_if_there(data.get(), ".adapter");
    const Residue residue(data_dir, Residue::pruned);
    Leftovers left;
    for (const std::string& name : all ? list_names(all.get()) : std::vector<std::string>()) {
      if (name.starts_with(gone_prefix)) {
        left.add(residue.remove(all.get(), ".adapter", name, give_up));
      }
    }
    left.add(residue.retry(give_up));
    static std::atomic<bool> named{false};
    if (left.entries > 0 && !named.exchange(true)) {
      log_residue("", left);
    }
  } catch (const Error& error) {
    if (error.error_class() != ErrorClass::cancelled) {
      log::warning("sweep_failed", "a removed repository's files could not be deleted; it is tried again later",
                   {{"error", error.text()}});
    }
  }
}

OldTreesLeft delete_old_trees(const std::filesystem::path& data_dir, const std::string& name,
                              std::uint64_t known_residue, const std::function<bool()>& give_up) {
  OldTreesLeft result;
  const Residue residue(data_dir, name);
  Leftovers left;
  try {
    if (const std::optional<Trees> trees = Trees::open(data_dir, name)) {
      left = trees->delete_gone(residue, give_up);
    }
    left.add(residue.retry(give_up));
  } catch (const Error& error) {
    if (error.error_class() != ErrorClass::cancelled) {
      throw;
    }
    result.complete = false;
    result.residue_entries = known_residue;
    return result;
  }
  if (left.entries > 0 && known_residue == 0) {
    log_residue(name, left);
  }
  result.residue_entries = left.entries;
  return result;
}

}  // namespace adapter::publish
