// SPDX-License-Identifier: Apache-2.0
#include "check_watch.hpp"

namespace adapter::sync {

CheckWatch::Verdict CheckWatch::look(std::uint64_t new_bytes, bool is_waited_for, TimePoint now) {
  rate_.received(new_bytes, now);
  const bool is_slow = rate_.has_whole_window(now) && rate_.bytes_per_second(now) < slow_bytes_per_second;
  was_slow_ = was_slow_ || is_slow;
  if (now - began_ >= longest) {
    return Verdict::took_too_long;
  }
  return is_slow && is_waited_for ? Verdict::ends_for_another : Verdict::goes_on;
}

}  // namespace adapter::sync
