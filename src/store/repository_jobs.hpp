// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "adapter/store/store.hpp"
#include "layout.hpp"
#include "quarantine.hpp"

/// The store's work as plain blocking functions: they run on a worker, take plain data and give plain data back.
namespace adapter::store {

/// What the store remembers between calls.
struct State {
  Haves haves;
  std::uint64_t disk_bytes = 0;
};

/// Makes or recovers the repository; sets packs aside that cannot be whole, drops refs whose commit or root tree is
/// unreadable.
[[nodiscard]] State open_repository(const Layout& layout, const std::stop_token& stop);

struct Verified {
  std::optional<CommitSummary> facts;
  std::optional<State> state;  ///< when damage was found and something had to be forgotten
};

/// `suspect`: somebody met damage, look at every pack first.
[[nodiscard]] Verified verify_held(const Layout& layout, const ObjectId& id, const StoreOptions& options, bool suspect,
                                   const std::stop_token& stop);

/// A failure that also changed what is held: stored damage was set aside and tips forgotten. Of class storage, since a
/// retry fetches again what was lost.
class DamageQuarantined : public Error {
public:
  DamageQuarantined(std::string message, State state)
      : Error(ErrorClass::storage, std::move(message)), state_(std::move(state)) {}
  [[nodiscard]] const State& state() const noexcept { return state_; }

private:
  State state_;
};

struct Accepted {
  CommitSummary facts;
  State state;
};

/// `quarantine` may be null; `tail` are the last bytes of its pack. Throws DamageQuarantined when the cause was damage
/// on our side.
[[nodiscard]] Accepted accept_transfer(const Layout& layout, std::shared_ptr<Quarantine> quarantine,
                                       std::string_view tail, const Tip& tip, const StoreOptions& options,
                                       const std::stop_token& stop);

/// Merges and trims packs when that is due, and not while `may_remove` says no; nothing when nothing changed. Damage
/// that comes to light sets packs aside and forgets tips.
[[nodiscard]] std::optional<State> housekeep_repository(const Layout& layout, const std::function<bool()>& may_remove,
                                                        const std::stop_token& stop);

/// Indexes every kept pack again and sets aside those that do not give the same index; how many these were.
std::size_t check_packs(const Layout& layout, const std::stop_token& stop);

}  // namespace adapter::store
