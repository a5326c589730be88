// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/base/object_id.hpp"

namespace adapter::sync {

enum class EventKind : std::uint8_t {
  checked,        ///< the remote answered; `result` says whether it has something new
  changed,        ///< it has: a sync begins (or waits for its turn)
  published,      ///< the link shows the new commit
  failed,         ///< a check or a sync (`in_sync`) failed
  recovered,      ///< the first success after failures
  reloaded,       ///< a configuration was applied; no repository
  reload_failed,  ///< a changed configuration has errors, `text` is the first; the one in use stays; no repository
};
[[nodiscard]] std::string_view to_string(EventKind kind) noexcept;

/// Something that happened, for metrics, the event stream and whoever waits for a check. A value, safe to hand on.
struct Event {
  EventKind kind = EventKind::checked;
  std::chrono::system_clock::time_point time;
  std::string repository;  ///< empty for reloaded and reload_failed
  /// Which attempt of the repository this belongs to, from 1, counted from the start of its task.
  std::uint64_t attempt = 0;
  bool ends_attempt = false;  ///< nothing more comes of this attempt
  bool in_sync = false;       ///< failed: after the remote had answered, while its commit was fetched or published
  bool changed = false;       ///< checked: the remote has something new
  std::string ref;            ///< published: what was followed
  std::optional<ObjectId>
      commit;  ///< checked, changed: what the remote has, a commit or a new tag; published: the commit
  std::optional<ObjectId> previous;        ///< changed, published: what was published before
  std::optional<ErrorClass> error_class;   ///< failed; recovered: of the failures that ended
  std::string text;                        ///< failed, reload_failed: escaped, without secrets
  std::uint32_t failures = 0;              ///< failed: in a row, this one included; recovered: how many there were
  std::chrono::microseconds duration{0};   ///< checked: of the check; published, failed in a sync: of the sync
  std::uint64_t received_bytes = 0;        ///< published: of the pack
  std::chrono::milliseconds throttled{0};  ///< failed: how long the host asked to be left alone
  std::string host;  ///< failed with `throttled`: that host, as net::HttpClient::HostStats names it

  /// "unchanged", "changed", or the error class: the `result` of metrics and the API.
  [[nodiscard]] std::string_view result() const noexcept;
};

/// Is told of every event, on the loop thread, in order. Must be quick and must not throw.
class Observer {
public:
  virtual ~Observer() = default;
  virtual void on_event(const Event& event) noexcept = 0;
};

}  // namespace adapter::sync
