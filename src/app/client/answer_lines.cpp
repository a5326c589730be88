// SPDX-License-Identifier: Apache-2.0
#include "client/answer_lines.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "adapter/base/error.hpp"
#include "adapter/base/text.hpp"
#include "client/json_fields.hpp"
#include "client/rough_time.hpp"

namespace adapter::app {
namespace {

/// A health check's line is read in a list of others.
constexpr std::size_t most_names = 5;

std::string failed(std::string_view name, std::string_view error_class, std::string_view text) {
  return escape(name) + ": failed (" + escape(error_class) + "): " + escape(text);
}

ErrorClass class_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorClass::auth;
    case 404:
      return ErrorClass::not_found;
    case 409:
    case 410:
    case 421:
      return ErrorClass::config;
    case 504:
      return ErrorClass::timeout;
    default:
      return ErrorClass::protocol;
  }
}

std::string describe(const Json& repository) {
  std::string text = escape(text_in(repository, "name")) + " (" + escape(text_in(repository, "health"));
  const std::string error_class = text_in(repository, "class");
  if (!error_class.empty()) {
    text += ", " + escape(error_class);
  }
  if (const auto age = number_in(repository, "age_seconds")) {
    text += ", last success " + rough_time(*age) + " ago";
  }
  return text + ")";
}

}  // namespace

AnswerLine sync_line(std::string_view name, std::string_view body) {
  const Json json = parse_json(body);
  const std::string result = text_in(json, "result");
  const std::string commit = text_in(json, "commit");
  if (const Json* const error = member(json, "error"); error != nullptr && error->is_object()) {
    return {failed(name, text_in(*error, "class"), text_in(*error, "text")), false};
  }
  if (result != "unchanged" && result != "changed") {
    return {failed(name, "protocol", "the daemon's answer is not one to a sync"), false};
  }
  if (commit.empty()) {
    return {escape(name) + ": the remote has no commit yet", true};
  }
  return {escape(name) + ": " + (result == "changed" ? escape(commit) + " published" : "unchanged"), true};
}

AnswerLine sync_problem_line(std::string_view name, int status, std::string_view text) {
  return {escape(name) + ": failed (" + std::string(to_string(class_of(status))) + "): " + std::string(text), false};
}

AnswerLine readiness_line(int status, std::string_view body) {
  const Json json = parse_json(body);
  if (status == 200 && flag_in(json, "ready").value_or(false)) {
    const auto count = static_cast<std::uint64_t>(std::clamp(number_in(json, "repositories").value_or(0), 0.0, 1e18));
    return {"ready: " + std::to_string(count) + (count == 1 ? " repository" : " repositories"), true};
  }
  std::string text = text_in(json, "reason");
  text = "not ready: " + (text.empty() ? "status " + std::to_string(status) : escape(text));
  const auto& list = list_in(json, "not_ready");
  for (std::size_t i = 0; i < std::min(list.size(), most_names); ++i) {
    text += (i == 0 ? ": " : ", ") + describe(list[i]);
  }
  if (list.size() > most_names) {
    text += ", and " + std::to_string(list.size() - most_names) + " more";
  }
  return {text, false};
}

}  // namespace adapter::app
