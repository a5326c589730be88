// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "adapter/base/object_id.hpp"
#include "link.hpp"

namespace adapter::publish {

/// Links of earlier configurations of one repository, as far as its present link has to mind them. Blocking; any
/// thread. Throws storage errors.
class FormerLinks {
public:
  /// `links` are relative to `data_dir`; `name` is the repository's; `doubts` outlives it.
  FormerLinks(std::filesystem::path data_dir, std::string name, const std::vector<std::string>& links, Doubts& doubts)
      : data_dir_(std::move(data_dir)), name_(std::move(name)), links_(links), doubts_(&doubts) {}

  /// As link.look_for_ours(); absent where former links stand in its place or on its way.
  [[nodiscard]] LinkView look_past(const Link& link) const;
  /// Removes those that stand where `link`, or a directory on its way, has to be.
  void make_way_for(const Link& link, const std::stop_token& stop) const;
  /// Commits whose trees they lead to.
  [[nodiscard]] std::vector<ObjectId> shown_commits() const;

private:
  [[nodiscard]] std::vector<Link> in_the_way_of(const Link& link) const;

  std::filesystem::path data_dir_;
  std::string name_;
  std::vector<std::string> links_;
  Doubts* doubts_;
};

}  // namespace adapter::publish
