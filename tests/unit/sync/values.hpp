// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "machine.hpp"

/// Values that several tests of this room need.
namespace adapter::sync {

/// Both clocks of a test, moved by hand.
struct Clock {
  Now now{schedule::TimePoint(std::chrono::seconds(1'700'000'000)),
          std::chrono::steady_clock::time_point(std::chrono::hours(1))};
  void advance(std::chrono::milliseconds by) {
    now.wall += by;
    now.steady += by;
  }
};

/// The id of 40 times that digit.
inline ObjectId id(char digit) {
  return *ObjectId::from_hex(std::string(ObjectId::hex_size, digit));
}

inline Published published(char digit) {
  return Published{"refs/heads/main", id(digit), id(digit), "settings"};
}

}  // namespace adapter::sync
