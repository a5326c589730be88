// SPDX-License-Identifier: Apache-2.0
#include "client/prune_lines.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "adapter/base/text.hpp"
#include "client/json_fields.hpp"
#include "client/rough_time.hpp"

namespace adapter::app {
namespace {

void add(PruneList& list, const std::string& name, const std::string& directory, const std::string& links,
         const std::string& needed_by, bool held, const std::optional<double>& due_in_seconds) {
  list.text += escape(name) + ": " + escape(directory) + (links.empty() ? "" : ", link " + links);
  if (!needed_by.empty()) {
    list.text += "; kept: the link " + escape(needed_by) + " of a configured repository still leads into its trees\n";
    return;
  }
  if (held) {
    list.text += "; kept: no repository is configured; nothing is removed until there is one again\n";
    return;
  }
  list.names.push_back(name);
  list.text +=
      due_in_seconds ? "; due in " + rough_time(*due_in_seconds) : "; it stays until it is pruned by this command";
  list.text += "\n";
}

PruneList finished(PruneList list) {
  if (list.text.empty()) {
    list.text = "nothing to prune\n";
  }
  return list;
}

/// A daemon's answer: an object with a list of named `repositories`. Error of class protocol when it is something else.
Result<Json> read_repositories(std::string_view json) {
  Json answer = parse_json(json);
  const Json* const list = member(answer, "repositories");
  const bool is_list = list != nullptr && list->is_array() &&
                       std::ranges::all_of(*list, [](const Json& each) { return !text_in(each, "name").empty(); });
  if (!is_list) {
    return Error(ErrorClass::protocol, "the answer is not a list of repositories");
  }
  return answer;
}

}  // namespace

Result<PruneList> prune_list(std::string_view json) {
  const Result<Json> answer = read_repositories(json);
  if (!answer) {
    return answer.error();
  }
  PruneList list;
  for (const Json& each : list_in(*answer, "repositories")) {
    std::string links;
    for (const Json& link : list_in(each, "links")) {
      links += (links.empty() ? "" : ", ") + (link.is_string() ? escape(link.get<std::string>()) : std::string());
    }
    add(list, text_in(each, "name"), text_in(each, "directory"), links, text_in(each, "needed_by"),
        flag_in(each, "held").value_or(false), number_in(each, "due_in_seconds"));
  }
  return finished(std::move(list));
}

PruneList prune_list(const std::vector<sync::PruneCandidate>& candidates) {
  PruneList list;
  for (const sync::PruneCandidate& candidate : candidates) {
    std::string links;
    for (const std::string& link : candidate.links) {
      links += (links.empty() ? "" : ", ") + escape(link);
    }
    // Alone nothing is due: only a daemon counts the time.
    add(list, candidate.name, candidate.directory, links, candidate.needed_by, candidate.held, std::nullopt);
  }
  return finished(std::move(list));
}

Result<PruneOutcome> prune_outcome(std::string_view json) {
  const Result<Json> answer = read_repositories(json);
  if (!answer) {
    return answer.error();
  }
  PruneOutcome outcome;
  for (const Json& each : list_in(*answer, "repositories")) {
    const Json* const error = member(each, "error");
    const bool failed = error != nullptr && !error->is_null();
    outcome.failed = outcome.failed || failed;
    outcome.text += escape(text_in(each, "name")) +
                    (failed ? ": not removed: " + escape(text_in(*error, "text")) : std::string(": removed")) + "\n";
  }
  return outcome;
}

PruneOutcome prune_outcome(const std::vector<sync::PruneResult>& results) {
  PruneOutcome outcome;
  for (const sync::PruneResult& result : results) {
    outcome.failed = outcome.failed || result.error.has_value();
    outcome.text += escape(result.name) +
                    (result.error ? ": not removed: " + result.error->text() : std::string(": removed")) + "\n";
  }
  return outcome;
}

}  // namespace adapter::app
