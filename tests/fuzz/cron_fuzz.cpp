// SPDX-License-Identifier: Apache-2.0
// A cron expression from a configuration: the bytes after the first eight, which choose the instant and the zone.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "adapter/schedule/schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using adapter::schedule::Cron;
  using adapter::schedule::TimePoint;
  using adapter::schedule::Zone;
  constexpr std::size_t prefix_bytes = 8;
  if (size < prefix_bytes) {
    return 0;
  }
  static const std::array<Zone, 4> zones{Zone::utc(), Zone::find("Europe/Berlin").value(),
                                         Zone::find("Australia/Lord_Howe").value(), Zone::find("Pacific/Apia").value()};
  std::uint64_t choice = 0;
  std::memcpy(&choice, data, prefix_bytes);
  const std::string_view text(reinterpret_cast<const char*>(data) + prefix_bytes, size - prefix_bytes);
  const auto cron = Cron::parse(text, "docs");
  if (!cron) {
    return 0;
  }
  const Zone& zone = zones[choice % zones.size()];
  constexpr std::int64_t most_seconds = 7'250'000'000;  // in 2199; there are no slots after 2200
  TimePoint time{std::chrono::seconds{static_cast<std::int64_t>(choice >> 2U) % most_seconds}};
  for (int i = 0; i < 20; ++i) {
    const auto slot = cron->next(time, zone);
    if (!slot || slot->time_since_epoch() > std::chrono::seconds{most_seconds}) {
      break;
    }
    // Strictly later, and nothing was left out between: the slot after an instant before it is the same one.
    const auto before = cron->next(*slot - std::chrono::milliseconds{1}, zone);
    if (*slot <= time || before != slot) {
      std::abort();
    }
    time = *slot;
  }
  static_cast<void>(cron->longest_gap(time, zone));
  return 0;
}
