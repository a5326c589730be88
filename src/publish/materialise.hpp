// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "adapter/publish/publisher.hpp"
#include "crew.hpp"
#include "manifest.hpp"

namespace adapter::publish {

/// Writes the tree of `source` into the empty, private folder `staging`, and answers what was written.
///
/// Folders are taken from one shared queue by each member of `crew`; each is opened beneath `staging` without following
/// a link, its files are made with O_EXCL relative to it, so that an entry which appears by another hand is an error
/// and never written through. Links come last, by policy, when every folder is known. The modes do not depend on the
/// umask or on an inherited setgid bit. The mode of the root itself is set at the very end.
///
/// Errors: policy (a name that is not one component, or that the volume does not hold), limit (names, paths and link
/// targets), storage, cancelled (`stop` is looked at between files and every 8 MiB of one), and those of the source.
/// What was written until then stays in `staging`: the caller discards it.
[[nodiscard]] Manifest materialise(int staging, const TreeSource& source, const PublishOptions& options, Crew& crew,
                                   const std::stop_token& stop);

/// The limit error of a tree whose names and targets exceed max_tree_string_bytes.
[[nodiscard]] Error too_many_string_bytes();

/// What `share` means: permissions of files, programs and folders.
struct Modes {
  std::uint32_t file = 0644;
  std::uint32_t executable = 0755;
  std::uint32_t folder = 0755;
};
[[nodiscard]] Modes modes_of(Share share) noexcept;

}  // namespace adapter::publish
