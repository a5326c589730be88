// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "adapter/base/file.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/base/policy.hpp"
#include "manifest.hpp"
#include "trees.hpp"

namespace adapter::publish {

/// Whether `commit`'s tree, which is shared with the volume's group, has another one that this process can put right by
/// writing it anew: it is root or in that group (a volume may refuse it all the same). Where it is not, a warning says
/// so once in the process's life.
[[nodiscard]] bool has_wrong_group(const Trees& trees, const ObjectId& commit, Share share);

/// A private folder for one materialisation; removed with all in it unless the tree was kept or set aside.
class Staging {
public:
  /// Has the group that the volume hands down, and hands it down in turn; where that is refused, and `share` is
  /// `group`, a warning says so once in the process's life.
  Staging(const Trees& trees, Share share);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Whether it has the group that the volume hands down, where the volume does.
  [[nodiscard]] bool has_group() const noexcept { return has_group_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  void keep(const ObjectId& commit, const Manifest& manifest);
  /// Takes it out of use, so that it is deleted as old trees are. Quick.
  void set_aside();

private:
  void take_group(gid_t group, Share share);

  const Trees& trees_;
  std::string name_;
  UniqueFd fd_;
  bool has_group_ = true;
};

}  // namespace adapter::publish
