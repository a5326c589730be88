// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/json_depth.hpp"

/// Reading JSON that somebody else wrote: what is missing or of another type is as if it were not there.
namespace adapter::app {

using Json = nlohmann::json;

/// Discarded (no object, no array) when it is not JSON, or nested deeper than max_json_depth.
[[nodiscard]] inline Json parse_json(std::string_view text) {
  return is_shallow_json(text) ? Json::parse(text, nullptr, false) : Json(Json::value_t::discarded);
}

/// Null when `object` is no object or has no such member.
[[nodiscard]] inline const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto place = object.find(key);
  return place != object.end() ? &*place : nullptr;
}

[[nodiscard]] inline std::string text_in(const Json& object, const char* key) {
  const Json* const found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

[[nodiscard]] inline std::optional<double> number_in(const Json& object, const char* key) {
  const Json* const found = member(object, key);
  return found != nullptr && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

[[nodiscard]] inline std::optional<bool> flag_in(const Json& object, const char* key) {
  const Json* const found = member(object, key);
  return found != nullptr && found->is_boolean() ? std::optional(found->get<bool>()) : std::nullopt;
}

/// The elements of a list; empty where there is none.
[[nodiscard]] inline const Json::array_t& list_in(const Json& object, const char* key) {
  static const Json::array_t none;
  const Json* const found = member(object, key);
  const auto* const list = found != nullptr ? found->get_ptr<const Json::array_t*>() : nullptr;
  return list != nullptr ? *list : none;
}

}  // namespace adapter::app
