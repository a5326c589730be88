// SPDX-License-Identifier: Apache-2.0
#include "server/routes.hpp"

#include <array>
#include <utility>

#include "adapter/http/query.hpp"

namespace adapter::admin {
namespace {

constexpr std::string_view get = "GET, HEAD";
constexpr std::string_view post = "POST";
constexpr std::string_view get_and_post = "GET, HEAD, POST";

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
    Entry{"/api/v1/prune", "", false, Route::prunable, get},
    Entry{"/api/v1/prune", "", false, Route::prune, post},
    Entry{"/hooks", "", false, Route::hooks, post},
    Entry{"/hooks/", "", true, Route::hook, post},
};

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
  Match match;
  for (const Entry& entry : table) {
    const std::string_view name = entry.has_name ? name_in(path, entry) : std::string_view();
    if (entry.has_name ? name.empty() : path != entry.before) {
      continue;
    }
    const bool fits = entry.allow == post ? method == "POST" : method == "GET" || method == "HEAD";
    if (match.route == Route::none || (fits && !match.method_fits)) {
      match.route = entry.route;
      // What is malformed stays as it is, and names nothing.
      match.name = http::percent_decoded(name).value_or(std::string(name));
      match.method_fits = fits;
    }
    match.allow = match.allow.empty() ? entry.allow : get_and_post;
  }
  return match;
}

}  // namespace adapter::admin
