// SPDX-License-Identifier: Apache-2.0
#include "retry_policy.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "adapter/async/backoff.hpp"
#include "adapter/log/log.hpp"
#include "figures.hpp"

namespace adapter::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds first_step = seconds(1);
constexpr milliseconds smallest_delay{100};
/// A host that says "too many" without saying for how long.
constexpr milliseconds unasked_rate_limit_floor = seconds(30);

}  // namespace

milliseconds retry_cap(ErrorClass error_class) noexcept {
  switch (error_class) {
    case ErrorClass::storage:
      return seconds(5);
    case ErrorClass::network:
    case ErrorClass::timeout:
      return minutes(1);
    case ErrorClass::auth:
    case ErrorClass::not_found:
    case ErrorClass::tls:
    case ErrorClass::protocol:
    case ErrorClass::corrupt:
    case ErrorClass::limit:
    case ErrorClass::policy:
    case ErrorClass::config:
    case ErrorClass::cancelled:
      return minutes(5);
    case ErrorClass::rate_limited:
      return minutes(15);
  }
  return minutes(5);
}

void count_failure(std::optional<Failure>& run, const Error& error, std::chrono::system_clock::time_point wall,
                   std::chrono::steady_clock::time_point steady) {
  if (!run) {
    run.emplace();
    run->since = wall;
    run->since_steady = steady;
  }
  std::string text = log::redacted(error.text());
  const bool unchanged = run->error_class == error.error_class() && differ_in_figures_only(run->text, text);
  run->unchanged = unchanged ? run->unchanged + 1 : 1;
  run->error_class = error.error_class();
  run->text = std::move(text);
  ++run->count;
}

milliseconds spread_of_wait(milliseconds asked, std::mt19937_64& random) {
  std::uniform_int_distribution<std::int64_t> spread(0, 1000 + asked.count() / 10);
  return milliseconds(spread(random));
}

milliseconds retry_delay(const Error& error, unsigned failures, milliseconds interval, std::mt19937_64& random) {
  async::Backoff backoff;
  backoff.base = first_step;
  backoff.floor = smallest_delay;
  const ErrorClass error_class = error.error_class();
  const milliseconds cap = retry_cap(error_class);
  // Local trouble does not wait for the interval: whoever freed the disk is waiting.
  backoff.cap = error_class == ErrorClass::storage ? cap : std::max(cap, interval);
  milliseconds delay = backoff.delay(failures, random);
  const auto asked = error.retry_after();
  if (error_class == ErrorClass::rate_limited && !asked) {
    delay = std::max(delay, unasked_rate_limit_floor);
  }
  if (asked) {
    const milliseconds polite = milliseconds(*asked) + spread_of_wait(*asked, random);
    // "At once" is what a confused host says, or one whose clock is behind: then as if it had not asked.
    delay = asked->count() > 0 ? polite : std::max(delay, polite);
  }
  return delay;
}

}  // namespace adapter::sync
