// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/message.hpp"

#include <algorithm>
#include <cassert>

#include "adapter/base/text.hpp"
#include "date.hpp"

namespace adapter::http {
namespace {

constexpr std::chrono::seconds max_retry_after = std::chrono::hours(24);

[[maybe_unused]] bool is_clean(std::string_view text) noexcept {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

constexpr std::size_t usual_fields = 12;
constexpr std::size_t usual_fields_bytes = 512;

}  // namespace

void Fields::add(std::string_view name, std::string_view value) {
  assert(!name.empty() && is_clean(name) && is_clean(value));
  if (places_.empty()) {
    text_.reserve(usual_fields_bytes);
    places_.reserve(usual_fields);
  }
  places_.push_back({text_.size(), name.size(), value.size()});
  text_ += name;
  text_ += value;
}

std::pair<std::string_view, std::string_view> Fields::at(std::size_t index) const noexcept {
  const Place& place = places_[index];
  const char* const begin = text_.data() + place.begin;
  return {{begin, place.name_bytes}, {begin + place.name_bytes, place.value_bytes}};
}

void Fields::clear() noexcept {
  text_.clear();
  places_.clear();
}

std::optional<std::string_view> Fields::get(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const auto [key, value] = at(i);
    if (equal_ignoring_case(key, name)) {
      return value;
    }
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const noexcept {
  std::size_t found = 0;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    found += equal_ignoring_case(at(i).first, name) ? 1U : 0U;
  }
  return found;
}

std::string serialize_request(std::string_view method, const Url& url, const Fields& fields,
                              std::optional<std::uint64_t> body_size_bytes) {
  assert(fields.count("Host") == 0 && fields.count("Content-Length") == 0 && fields.count("Transfer-Encoding") == 0);
  std::string head;
  head.reserve(usual_fields_bytes);
  head += method;
  head += ' ';
  head += url.target();
  head += " HTTP/1.1\r\nHost: ";
  head += url.origin().authority();
  head += "\r\n";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
  }
  if (body_size_bytes) {
    head += "Content-Length: " + std::to_string(*body_size_bytes) + "\r\n";
  }
  head += "\r\n";
  return head;
}

std::optional<std::chrono::seconds> retry_after(const ResponseHead& head, std::chrono::system_clock::time_point now) {
  const auto value = head.fields.get("Retry-After");
  if (!value || value->empty()) {
    return std::nullopt;
  }
  if (std::all_of(value->begin(), value->end(), [](char c) { return c >= '0' && c <= '9'; })) {
    std::chrono::seconds delay{0};
    for (const char digit : *value) {
      delay = std::min(delay * 10 + std::chrono::seconds(digit - '0'), max_retry_after);
    }
    return delay;
  }
  const auto date = parse_date(*value, now);
  if (!date) {
    return std::nullopt;
  }
  // In seconds: a date of the year 9999 does not fit into the clock's nanoseconds.
  const auto delay = *date - std::chrono::floor<std::chrono::seconds>(now);
  return std::clamp(delay, std::chrono::seconds(0), max_retry_after);
}

}  // namespace adapter::http
