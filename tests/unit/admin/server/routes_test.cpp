// SPDX-License-Identifier: Apache-2.0
#include "server/routes.hpp"

#include <gtest/gtest.h>

namespace adapter::admin {
namespace {

TEST(Routes, EachPathHasItsRouteAndMethods) {
  const struct {
    const char* path;
    Route route;
    const char* name;
    const char* allow;
  } cases[] = {
      {"/", Route::page, "", "GET, HEAD"},
      {"/healthz", Route::healthz, "", "GET, HEAD"},
      {"/readyz", Route::readyz, "", "GET, HEAD"},
      {"/metrics", Route::metrics, "", "GET, HEAD"},
      {"/api/v1/repositories", Route::repositories, "", "GET, HEAD"},
      {"/api/v1/repositories/docs", Route::repository, "docs", "GET, HEAD"},
      {"/api/v1/repositories/a.b-c_1", Route::repository, "a.b-c_1", "GET, HEAD"},
      {"/api/v1/repositories/docs/sync", Route::sync, "docs", "POST"},
      {"/api/v1/repositories/sync", Route::repository, "sync", "GET, HEAD"},
      {"/api/v1/events", Route::events, "", "GET, HEAD"},
      {"/api/v1/reload", Route::reload, "", "POST"},
      {"/api/v1/prune", Route::prunable, "", "GET, HEAD, POST"},
      {"/hooks", Route::hooks, "", "POST"},
      {"/hooks/docs", Route::hook, "docs", "POST"},
      {"/hooks/d%6fcs", Route::hook, "docs", "POST"},
  };
  for (const auto& each : cases) {
    const Match match = match_route("GET", each.path);
    EXPECT_EQ(match.route, each.route) << each.path;
    EXPECT_EQ(match.name, each.name) << each.path;
    EXPECT_EQ(match.allow, each.allow) << each.path;
  }
}

TEST(Routes, APathWithTwoRoutesGoesByTheMethod) {
  EXPECT_EQ(match_route("HEAD", "/api/v1/prune").route, Route::prunable);
  EXPECT_EQ(match_route("POST", "/api/v1/prune").route, Route::prune);
  const Match match = match_route("PUT", "/api/v1/prune");
  EXPECT_FALSE(match.method_fits);
  EXPECT_EQ(match.allow, "GET, HEAD, POST");
}

TEST(Routes, AllElseIsNothing) {
  for (const char* const path : {"//",
                                 "/healthz/",
                                 "/Healthz",
                                 "/healthz/x",
                                 "/metrics/",
                                 "/api",
                                 "/api/v1",
                                 "/api/v1/",
                                 "/api/v2/repositories",
                                 "/api/v1/repositories/",
                                 "/api/v1/repositories//",
                                 "/api/v1/repositories//sync",
                                 "/api/v1/repositories/a/b",
                                 "/api/v1/repositories/a/sync/",
                                 "/api/v1/repositories/a/b/sync",
                                 "/hooks/",
                                 "/hooks/a/b",
                                 "/index.html",
                                 "/.",
                                 "/../healthz",
                                 "/%68ealthz"}) {
    EXPECT_EQ(match_route("GET", path).route, Route::none) << path;
  }
}

TEST(Routes, OnlyTheirMethodsFit) {
  for (const char* const method : {"GET", "HEAD"}) {
    EXPECT_TRUE(match_route(method, "/healthz").method_fits);
    EXPECT_FALSE(match_route(method, "/hooks/docs").method_fits);
  }
  for (const char* const method : {"POST", "PUT", "DELETE", "OPTIONS", "get", "TRACE", "CONNECT"}) {
    EXPECT_FALSE(match_route(method, "/metrics").method_fits) << method;
    EXPECT_EQ(match_route(method, "/api/v1/reload").method_fits, std::string_view(method) == "POST") << method;
  }
}

}  // namespace
}  // namespace adapter::admin
