// SPDX-License-Identifier: Apache-2.0
#include "zone.hpp"

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/text.hpp"

#ifdef ADAPTER_ZONES_BY_DATE
#include <date/tz.h>
namespace tz = date;
#else
namespace tz = std::chrono;
#endif

namespace adapter::schedule {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::size_t fewest_zones = 10;
constexpr std::string_view install_hint = "install the tzdata package, or use UTC";

/// All names of the data base; empty when there is none. A library without data may still know UTC.
std::vector<std::string_view> known_names() {
  std::vector<std::string_view> names;
  try {
    const tz::tzdb& database = tz::get_tzdb();
    for (const auto& zone : database.zones) {
      names.push_back(zone.name());
    }
#ifndef ADAPTER_ZONES_BY_DATE
    for (const auto& link : database.links) {
      names.push_back(link.name());
    }
#endif
  } catch (const std::exception&) {
    names.clear();
  }
  if (names.size() < fewest_zones) {
    names.clear();
  }
  return names;
}

/// Whether the data say when clocks change in the years to come. The date library reads the changes that are listed in
/// the files and not the rule at their end, so with files that list none ("slim") it would be an hour off half of the
/// year.
bool knows_future_changes() {
#ifdef ADAPTER_ZONES_BY_DATE
  using namespace std::chrono_literals;
  const sys_days winter = std::chrono::year{2036} / 1 / 15;
  const sys_days summer = std::chrono::year{2036} / 7 / 15;
  for (const std::string_view name : {"Europe/Berlin", "America/New_York", "Australia/Sydney"}) {
    try {
      const tz::time_zone* zone = tz::locate_zone(name);
      if (zone->get_info(sys_seconds(winter)).offset != zone->get_info(sys_seconds(summer)).offset) {
        return true;
      }
    } catch (const std::exception&) {
      continue;
    }
  }
  return false;
#else
  return true;
#endif
}

Error not_found(std::string_view name) {
  const std::string quoted = "\"" + escape(name, 80) + "\"";
  const std::vector<std::string_view> names = known_names();
  if (names.empty()) {
    return Error(ErrorClass::config, "cannot use time zone " + quoted + ": this system has no time-zone data; " +
                                         std::string(install_hint));
  }
  const std::string_view meant = nearest(name, names);
  return Error(ErrorClass::config, "unknown time zone " + quoted +
                                       (meant.empty() ? ": use an IANA name such as Europe/Berlin or UTC"
                                                      : "; did you mean " + std::string(meant) + "?"));
}

}  // namespace

Zone Zone::utc() {
  return Zone("UTC", nullptr);
}

Result<Zone> Zone::find(std::string_view name) {
  if (name == "UTC" || name == "Etc/UTC") {
    return Zone(std::string(name), nullptr);
  }
  const tz::time_zone* rules = nullptr;
  try {
    rules = tz::locate_zone(name);
  } catch (const std::exception&) {
    return not_found(name);
  }
  try {
    // The first use reads the zone's file: here, where it may fail, and not at a check.
    static_cast<void>(rules->get_info(sys_seconds(sys_days(std::chrono::year{2026} / 1 / 1))));
  } catch (const std::exception& failure) {
    return Error(ErrorClass::config, "cannot read the data of time zone \"" + escape(name, 80) +
                                         "\": " + escape(failure.what(), 200) + "; " + std::string(install_hint));
  }
  static const bool usable = knows_future_changes();
  if (!usable) {
    return Error(ErrorClass::config,
                 "cannot use time zone \"" + escape(name, 80) +
                     "\": this system's time-zone data list no clock changes to come (\"slim\" files), "
                     "which this build cannot read; install tzdata built with \"zic -b fat\", or use UTC");
  }
  return Zone(std::string(name), rules);
}

Period period_at(const void* rules, sys_seconds time) {
  if (rules == nullptr) {
    return {sys_seconds::min(), sys_seconds::max(), std::chrono::seconds{0}};
  }
  const auto info = static_cast<const tz::time_zone*>(rules)->get_info(time);
  return {info.begin, info.end, info.offset};
}

}  // namespace adapter::schedule
