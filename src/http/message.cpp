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

}  // namespace

void Fields::add(std::string_view name, std::string_view value) {
  assert(!name.empty() && is_clean(name) && is_clean(value));
  fields_.emplace_back(name, value);
}

std::optional<std::string_view> Fields::get(std::string_view name) const noexcept {
  for (const auto& [key, value] : fields_) {
    if (equal_ignoring_case(key, name)) {
      return value;
    }
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const noexcept {
  const auto matches = [name](const auto& field) { return equal_ignoring_case(field.first, name); };
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(), matches));
}

std::string serialize_request(std::string_view method, const Url& url, const Fields& fields,
                              std::optional<std::uint64_t> body_size_bytes) {
  assert(fields.count("Host") == 0 && fields.count("Content-Length") == 0 && fields.count("Transfer-Encoding") == 0);
  std::string head(method);
  head += ' ';
  head += url.target();
  head += " HTTP/1.1\r\nHost: ";
  head += url.origin().authority();
  head += "\r\n";
  for (const auto& [name, value] : fields.all()) {
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
