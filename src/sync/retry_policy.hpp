// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <random>

#include "adapter/base/error.hpp"
#include "adapter/sync/status.hpp"

namespace adapter::sync {

/// How long to wait after the `failures`-th failure in a row (from 1): exponential with full jitter from 1 s up to the
/// class's cap or `interval`, whichever is larger; a remote's Retry-After counts as asked. Storage trouble is looked at
/// again within 5 s, because its cause is here and ends without notice.
[[nodiscard]] std::chrono::milliseconds retry_delay(const Error& error, unsigned failures,
                                                    std::chrono::milliseconds interval, std::mt19937_64& random);

/// Adds `error` to a run of failures, or begins one.
void count_failure(std::optional<Failure>& run, const Error& error, std::chrono::system_clock::time_point wall,
                   std::chrono::steady_clock::time_point steady);

/// How much longer than `asked` to wait, at random, so that a crowd told the same does not come back in one instant: up
/// to a second and a tenth of it.
[[nodiscard]] std::chrono::milliseconds spread_of_wait(std::chrono::milliseconds asked, std::mt19937_64& random);

/// The cap of a class, as documented in docs/operations.md.
[[nodiscard]] std::chrono::milliseconds retry_cap(ErrorClass error_class) noexcept;

}  // namespace adapter::sync
