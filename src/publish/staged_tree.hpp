// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "adapter/async/workers.hpp"
#include "adapter/publish/publisher.hpp"
#include "manifest.hpp"
#include "staging.hpp"
#include "trees.hpp"

namespace adapter::publish {

/// What a commit() needs. Blocking; for one worker at a time. Its end removes the staging folder, as Staging does.
struct PreparedTree {
  PreparedTree(Trees opened, const ObjectId& id, PublishOptions chosen)
      : trees(std::move(opened)), commit(id), options(std::move(chosen)) {}

  Trees trees;
  ObjectId commit;
  PublishOptions options;
  Manifest manifest;
  std::optional<Staging> staging;  ///< nullopt: the commit's own tree is complete and untouched
};

/// Keeps a prepared tree between two jobs. Loop thread: the volume is touched by workers alone.
class DiskStagedTree final : public StagedTree {
public:
  DiskStagedTree(async::Workers& workers, std::filesystem::path path, std::unique_ptr<PreparedTree> tree);
  /// Has a worker take a tree that was not taken out of use: then it is litter that old trees are deleted with.
  ~DiskStagedTree() override;
  DiskStagedTree(const DiskStagedTree&) = delete;
  DiskStagedTree& operator=(const DiskStagedTree&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept override { return path_; }
  [[nodiscard]] std::unique_ptr<PreparedTree> take() noexcept { return std::move(tree_); }

private:
  async::Workers& workers_;
  std::filesystem::path path_;
  std::unique_ptr<PreparedTree> tree_;
};

}  // namespace adapter::publish
