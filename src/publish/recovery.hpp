// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "adapter/publish/publisher.hpp"
#include "crew.hpp"
#include "former_links.hpp"
#include "link.hpp"
#include "tree_doubts.hpp"
#include "trees.hpp"

namespace adapter::publish {

/// One Publisher::recover(). Blocking; lives for one job.
class Recovery {
public:
  /// All that it refers to outlives it; `name` is the repository's.
  Recovery(const std::filesystem::path& data_dir, const std::string& name, const TreeDoubts& doubts,
           const FormerLinks& former, Crew crew)
      : data_dir_(data_dir), name_(name), doubts_(doubts), former_(former), crew_(crew) {}

  /// As Publisher::recover() of a repository whose link is `link`; `noted` is RecoverOptions::commits.
  [[nodiscard]] Standing run(Link& link, const std::vector<ObjectId>& noted, const std::stop_token& stop);

private:
  void look_at_published(const Trees& trees, const ObjectId& commit, const std::stop_token& stop, Standing& standing);
  void look_at_others(const Trees& trees, const LinkView& view, const std::vector<ObjectId>& noted,
                      const std::stop_token& stop, Standing& standing);
  [[nodiscard]] std::vector<ObjectId> complete_ones(const Trees& trees, std::vector<ObjectId>& commits,
                                                    std::size_t wanted, const std::stop_token& stop);
  void try_set_aside(const Trees& trees, const ObjectId& commit) const;

  const std::filesystem::path& data_dir_;
  const std::string& name_;
  const TreeDoubts& doubts_;
  const FormerLinks& former_;
  Crew crew_;
};

}  // namespace adapter::publish
