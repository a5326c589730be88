// SPDX-License-Identifier: Apache-2.0
#include "adapter/sync/status.hpp"

namespace adapter::sync {

std::string_view to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::recovering:
      return "recovering";
    case Phase::waiting:
      return "waiting";
    case Phase::checking:
      return "checking";
    case Phase::queued:
      return "queued";
    case Phase::fetching:
      return "fetching";
    case Phase::publishing:
      return "publishing";
    case Phase::backing_off:
      return "backing_off";
    case Phase::suspended:
      return "suspended";
    case Phase::stopped:
      return "stopped";
  }
  return "stopped";
}

}  // namespace adapter::sync
