// SPDX-License-Identifier: Apache-2.0
#include "permit_use.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace adapter::sync {
namespace {

using Seconds = std::chrono::duration<double>;

/// Less is what everyday syncs take: such repositories are served first come, first served.
constexpr double negligible_seconds = 0.1;
constexpr std::size_t first_look_at_size = 64;

double half_lives(PermitUse::TimePoint::duration time) {
  return Seconds(time) / Seconds(PermitUse::half_life);
}

}  // namespace

PermitUse::PermitUse(Clock clock) : clock_(std::move(clock)), forget_at_(first_look_at_size) {}

/// While permits are held the sum grows by their number each second and fades all the same.
double PermitUse::seconds_at(const Use& use, TimePoint now) {
  const double kept = std::exp2(-half_lives(now - use.at));
  const double full = Seconds(half_life).count() / std::log(2.0);  // of a permit that is held for ever
  return use.seconds * kept + static_cast<double>(use.held) * full * (1 - kept);
}

void PermitUse::begin(const std::string& repository) {
  const TimePoint now = clock_();
  if (uses_.size() >= forget_at_) {
    forget_faded(now);
  }
  Use& use = uses_.try_emplace(repository, Use{0, now, 0}).first->second;
  if (use.held == 0) {
    holding_.push_back(&use);
  }
  use.seconds = seconds_at(use, now);
  use.at = now;
  ++use.held;
}

void PermitUse::end(std::string_view repository) noexcept {
  Use& use = uses_.find(repository)->second;
  const TimePoint now = clock_();
  use.seconds = seconds_at(use, now);
  use.at = now;
  if (--use.held == 0) {
    std::erase(holding_, &use);
  }
}

std::chrono::duration<double> PermitUse::sum(std::string_view repository) const {
  const auto place = uses_.find(repository);
  return Seconds(place == uses_.end() ? 0.0 : seconds_at(place->second, clock_()));
}

double PermitUse::rank(std::string_view repository) const {
  const double seconds = sum(repository).count();
  if (seconds < negligible_seconds) {
    return -std::numeric_limits<double>::infinity();
  }
  // All sums fade alike: where each would have been at the clock's zero does not depend on when it is asked for.
  return std::log2(seconds) + half_lives(clock_().time_since_epoch());
}

bool PermitUse::used_much(std::string_view repository) const {
  const auto place = uses_.find(repository);
  if (place == uses_.end()) {
    return false;
  }
  const TimePoint now = clock_();
  const Use& use = place->second;
  const double used = seconds_at(use, now);
  if (used <= Seconds(much).count()) {
    return false;
  }
  double least_seconds = std::numeric_limits<double>::infinity();  // of the others that hold a permit
  for (const Use* const holder : holding_) {
    least_seconds = holder == &use ? least_seconds : std::min(least_seconds, seconds_at(*holder, now));
  }
  return std::isinf(least_seconds) || used > least_seconds / 2;
}

std::size_t PermitUse::held_long() const {
  const TimePoint now = clock_();
  std::size_t permits = 0;
  for (const Use* const holder : holding_) {
    permits += seconds_at(*holder, now) > Seconds(long_use).count() ? holder->held : 0;
  }
  return permits;
}

/// Goes through all of them only when they have become twice as many: at each addition it would be quadratic.
void PermitUse::forget_faded(TimePoint now) {
  std::erase_if(uses_, [now](const auto& each) {
    return each.second.held == 0 && seconds_at(each.second, now) < negligible_seconds;
  });
  forget_at_ = std::max(first_look_at_size, 2 * uses_.size());
}

}  // namespace adapter::sync
