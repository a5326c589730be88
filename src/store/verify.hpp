// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <stop_token>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/policy.hpp"
#include "adapter/store/store.hpp"
#include "objects.hpp"

namespace adapter::store {

/// An object that a commit needs and that is not there; the walk throws it, verify() turns it into an answer.
class MissingObject : public Error {
public:
  using Error::Error;
};

struct Peeled {
  ObjectId commit;
  CommitLinks links;
};

/// Follows annotated tags, at most 8 levels, to a commit. Throws MissingObject, corrupt (malformed), policy (a tag of a
/// tree or blob), limit (over 1 MiB, too many levels).
[[nodiscard]] Peeled peel_to_commit(ObjectSource& source, const ObjectId& id);

/// Walks commit → trees → blobs: every object is there, of its type, within limits, and every name, mode and order is
/// allowed. A tree is read once however often it appears: what it weighs is remembered by its id, so that a tree of few
/// objects and endless paths is refused at once. Costs a look at each object's header, the bytes of trees and symbolic
/// links only. NamePolicy::git also takes trees that are not sorted, never repeated names. Throws MissingObject,
/// corrupt, limit, policy; cancelled when `stop` was requested, which is looked at each 1,000 entries.
[[nodiscard]] CommitSummary verify_commit(ObjectSource& source, const ObjectId& id, const Limits& limits,
                                          NamePolicy names, const std::stop_token& stop);

}  // namespace adapter::store
