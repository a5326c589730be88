// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "adapter/http/message.hpp"
#include "hooks/payload.hpp"

namespace adapter::admin {

/// An id of a delivery that is longer counts as none.
inline constexpr std::size_t max_delivery_id_bytes = 128;

enum class HookEvent : std::uint8_t {
  push,   ///< branches or tags were moved, created or deleted; or the sender does not say what it is
  ping,   ///< a test of the webhook itself
  other,  ///< anything else that forges tell of
};

/// What a delivery is, told by its fields where they say so (X-GitHub-Event and its kin), else by its body.
struct Delivery {
  HookEvent event = HookEvent::push;
  /// Stays the same when the forge sends the delivery again; empty where there is none, or one that is longer than 128
  /// bytes or not visible ASCII. Not signed by most forges: good to recognise repetitions, no protection from replays.
  /// GitHub gives the same id to all webhooks that hear of one event.
  std::string id;
};

/// `payload` is empty for a body that was not parsed.
[[nodiscard]] Delivery read_delivery(const http::Fields& fields, const Payload& payload);

}  // namespace adapter::admin
