// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// Answers of the admin port as one line each, without a line feed. Pure. What comes from outside is escaped.
namespace adapter::app {

/// A result for a name, and whether it is a good one.
struct AnswerLine {
  std::string text;
  bool good = false;
};

/// What POST …/sync?wait=1 answered with status 200: "docs: unchanged", "docs: <commit> published", "docs: the remote
/// has no commit yet", "docs: failed (network): …".
[[nodiscard]] AnswerLine sync_line(std::string_view name, std::string_view body);

/// The same for any other status, whose problem is `text`; its class is the nearest of the error classes.
[[nodiscard]] AnswerLine sync_problem_line(std::string_view name, int status, std::string_view text);

/// What GET /readyz answered: "ready: 3 repositories", "not ready: 1 of 2 repositories are not …: docs (stale, network,
/// for 14m)".
[[nodiscard]] AnswerLine readiness_line(int status, std::string_view body);

}  // namespace adapter::app
