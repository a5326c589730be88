// SPDX-License-Identifier: Apache-2.0
#include "server/routes.hpp"

#include <array>
#include <utility>

#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

constexpr std::string_view get = "GET, HEAD";
constexpr std::string_view post = "POST";

struct Entry {
  std::string_view before;  ///< the path, or what stands before a name
  std::string_view after;   ///< what stands behind the name
  bool has_name;
  Route route;
  std::string_view allow;
};

constexpr std::array table{
    Entry{"/", "", false, Route::page, get},
    Entry{"/healthz", "", false, Route::healthz, get},
    Entry{"/readyz", "", false, Route::readyz, get},
    Entry{"/metrics", "", false, Route::metrics, get},
    Entry{"/api/v1/repositories", "", false, Route::repositories, get},
    Entry{"/api/v1/repositories/", "/sync", true, Route::sync, post},
    Entry{"/api/v1/repositories/", "", true, Route::repository, get},
    Entry{"/api/v1/events", "", false, Route::events, get},
    Entry{"/api/v1/reload", "", false, Route::reload, post},
    Entry{"/hooks", "", false, Route::hooks, post},
    Entry{"/hooks/", "", true, Route::hook, post},
};

/// %XX of a path segment; what is malformed stays as it is, and names nothing.
std::string decoded(std::string_view segment) {
  std::string text;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '%' && i + 2 < segment.size() && hex_value(segment[i + 1]) >= 0 &&
        hex_value(segment[i + 2]) >= 0) {
      text += static_cast<char>(hex_value(segment[i + 1]) * 16 + hex_value(segment[i + 2]));
      i += 2;
    } else {
      text += segment[i];
    }
  }
  return text;
}

/// The name in `path`; empty when it does not have this entry's shape.
std::string_view name_in(std::string_view path, const Entry& entry) {
  if (!path.starts_with(entry.before) || !path.ends_with(entry.after) ||
      path.size() <= entry.before.size() + entry.after.size()) {
    return {};
  }
  path.remove_prefix(entry.before.size());
  path.remove_suffix(entry.after.size());
  return path.find('/') == std::string_view::npos ? path : std::string_view();
}

}  // namespace

Match match_route(std::string_view method, std::string_view path) {
  for (const Entry& entry : table) {
    const std::string_view name = entry.has_name ? name_in(path, entry) : std::string_view();
    if (entry.has_name ? name.empty() : path != entry.before) {
      continue;
    }
    Match match;
    match.route = entry.route;
    match.name = decoded(name);
    match.allow = entry.allow;
    match.method_fits = entry.allow == post ? method == "POST" : method == "GET" || method == "HEAD";
    return match;
  }
  return {};
}

}  // namespace adapter::admin
