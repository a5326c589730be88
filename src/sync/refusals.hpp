// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "adapter/base/error.hpp"
#include "adapter/base/object_id.hpp"

namespace adapter::sync {

/// A commit that cannot be published under the present settings, and why: not to be downloaded again.
struct Refusal {
  ErrorClass error_class = ErrorClass::policy;
  std::string text;  ///< without secrets that the remote repeats
  /// Fingerprint of the settings that refused it; of one that was refused by the volume "fingerprint@volume".
  std::string settings;
  /// Place in the order of refusals: the lowest is the oldest; 0 in a journal that has no numbers.
  std::uint64_t number = 0;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// By the tip that was refused.
using Refusals = std::map<ObjectId, Refusal>;
inline constexpr std::size_t max_refusals = 16;

/// Adds or replaces the refusal of `tip`, as the newest; of too many the oldest is forgotten.
void remember(Refusals& refusals, const ObjectId& tip, Refusal refusal);

}  // namespace adapter::sync
