// SPDX-License-Identifier: Apache-2.0
#include "adapter/sync/events.hpp"

namespace adapter::sync {

std::string_view to_string(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::checked:
      return "checked";
    case EventKind::changed:
      return "changed";
    case EventKind::published:
      return "published";
    case EventKind::failed:
      return "failed";
    case EventKind::recovered:
      return "recovered";
    case EventKind::reloaded:
      return "reloaded";
    case EventKind::reload_failed:
      return "reload_failed";
  }
  return "checked";
}

std::string_view Event::result() const noexcept {
  if (kind == EventKind::failed && error_class) {
    return to_string(*error_class);
  }
  return kind == EventKind::published || changed ? "changed" : "unchanged";
}

}  // namespace adapter::sync
