// SPDX-License-Identifier: Apache-2.0
#include "staged_tree.hpp"

#include "adapter/base/error.hpp"
#include "adapter/log/log.hpp"

namespace adapter::publish {
namespace {

/// Quick. The name is no staging folder's any more then, so that a publisher which sweeps those does not meet this one.
void take_out_of_use(PreparedTree& tree) {
  try {
    if (tree.staging) {
      tree.staging->set_aside();
    }
  } catch (const Error& error) {
    log::warning("sweep_failed", "a tree that was not published could not be removed; it is tried again later",
                 {{"commit", tree.commit}, {"error", error.text()}});
  }
}

}  // namespace

DiskStagedTree::DiskStagedTree(async::Workers& workers, std::filesystem::path path, std::unique_ptr<PreparedTree> tree)
    : workers_(workers), path_(std::move(path)), tree_(std::move(tree)) {}

DiskStagedTree::~DiskStagedTree() {
  if (tree_) {
    workers_.post(async::Lane::quick, [tree = std::move(tree_)] { take_out_of_use(*tree); });
  }
}

}  // namespace adapter::publish
