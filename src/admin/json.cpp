// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace adapter::admin {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::duration;
using std::chrono::milliseconds;

/// Names and texts from outside may hold bytes that are no UTF-8.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string line_of(const Json& json) {
  return text_of(json) + "\n";
}

Json time_or_null(const std::optional<std::chrono::system_clock::time_point>& time) {
  return time ? Json(format_time(*time)) : Json();
}

Json id_or_null(const std::optional<ObjectId>& id) {
  return id ? Json(id->to_hex()) : Json();
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

template <class Duration>
double seconds(Duration time) {
  return duration<double>(time).count();
}

Json failure_json(const std::optional<sync::Failure>& failure) {
  if (!failure) {
    return {};
  }
  return {{"class", to_string(failure->error_class)},
          {"text", failure->text},
          {"since", format_time(failure->since)},
          {"count", failure->count}};
}

Json outcomes_json(const std::vector<OutcomeRun>& runs) {
  Json json = Json::array();
  for (const OutcomeRun& run : runs) {
    json.push_back({{"result", run.result}, {"count", run.count}});
  }
  return json;
}

Json progress_json(const Snapshot& snapshot, const std::string& name) {
  const auto place = snapshot.progress.find(name);
  if (place == snapshot.progress.end()) {
    return {};
  }
  return {{"received_bytes", place->second.received_bytes},
          {"received_objects", place->second.received_objects},
          {"total_objects", place->second.total_objects}};
}

Json one(const Snapshot& snapshot, const Board& board, const sync::RepositoryStatus& status) {
  const Judgement judgement = judge(status, snapshot.time);
  const bool checked = status.last_check_duration.count() != 0;
  const bool synced = status.last_sync_duration.count() != 0;
  return {
      {"name", status.name},
      {"url", status.url},
      {"ref", status.ref},
      {"resolved_ref", text_or_null(status.resolved_ref)},
      {"phase", sync::to_string(status.phase)},
      {"health", to_string(judgement.health)},
      {"ready", judgement.ready},
      {"waiting_for", waiting_for(status, snapshot.time)},
      {"commit", id_or_null(status.commit)},
      {"previous", id_or_null(status.previous)},
      {"tree_path", text_or_null(status.tree_path)},
      {"last_check", time_or_null(status.last_check)},
      {"last_success", time_or_null(status.last_success)},
      {"last_change", time_or_null(status.last_change)},
      {"next_due", time_or_null(status.next_due)},
      {"max_staleness_seconds", status.max_staleness ? Json(seconds(*status.max_staleness)) : Json()},
      {"failure", failure_json(status.failure)},
      {"received_bytes", status.received_bytes},
      {"published_paths", status.published_paths},
      {"last_check_seconds", checked ? Json(seconds(status.last_check_duration)) : Json()},
      {"last_sync_seconds", synced ? Json(seconds(status.last_sync_duration)) : Json()},
      {"left_out_links", status.left_out_links},
      {"submodules", status.submodules},
      {"lfs_pointers", status.lfs_pointers},
      {"webhook", status.webhook},
      {"hooked", status.hooked},
      {"attempts", {{"begun", status.attempts_begun}, {"ended", status.attempts_ended}}},
      {"progress", progress_json(snapshot, status.name)},
      {"outcomes", outcomes_json(board.outcomes(status.name))},
  };
}

Json reload_status_json(const std::optional<ReloadStatus>& reload) {
  if (!reload) {
    return {};
  }
  return {{"successful", reload->successful},
          {"time", format_time(reload->time)},
          {"success_time", format_time(reload->success_time)},
          {"errors", reload->errors},
          {"problem", text_or_null(reload->problem)}};
}

Json findings_json(const std::vector<config::Finding>& findings) {
  Json json = Json::array();
  for (const config::Finding& finding : findings) {
    json.push_back({{"file", finding.file},
                    {"line", finding.line},
                    {"column", finding.column},
                    {"level", finding.warning ? "warning" : "error"},
                    {"rule", finding.rule},
                    {"key", finding.key},
                    {"message", finding.message}});
  }
  return json;
}

}  // namespace

std::string format_time(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<milliseconds>(time - whole);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                     rest.count());
}

std::string repositories_json(const Snapshot& snapshot, const Board& board, const Options& options) {
  Json list = Json::array();
  bool ready = snapshot.config != nullptr;
  for (const sync::RepositoryStatus& status : snapshot.repositories) {
    ready = ready && judge(status, snapshot.time).ready;
    list.push_back(one(snapshot, board, status));
  }
  return line_of({{"generated_at", format_time(snapshot.time)},
                  {"version", options.version},
                  {"sandbox",
                   {{"active", options.sandbox.active},
                    {"landlock_abi", options.sandbox.landlock_abi},
                    {"reason", text_or_null(options.sandbox.reason)}}},
                  {"configured", snapshot.config != nullptr},
                  {"last_reload", reload_status_json(snapshot.last_reload)},
                  {"ready", ready},
                  {"event_id", snapshot.event_id},
                  {"repositories", std::move(list)}});
}

std::string repository_json(const Snapshot& snapshot, const Board& board, std::size_t index) {
  const sync::RepositoryStatus& status = snapshot.repositories[index];
  return line_of(one(snapshot, board, status));
}

std::string readiness_json(bool ready, std::string_view reason, std::size_t repositories,
                           const std::vector<NotReady>& not_ready, bool with_names) {
  Json json{{"ready", ready}};
  if (!reason.empty()) {
    json["reason"] = reason;
  }
  json["repositories"] = repositories;
  if (ready) {
    return line_of(json);
  }
  if (!with_names) {
    json["not_ready"] = not_ready.size();
    return line_of(json);
  }
  Json list = Json::array();
  for (const NotReady& each : not_ready) {
    list.push_back({{"name", each.name},
                    {"health", to_string(each.judgement.health)},
                    {"age_seconds", each.judgement.age ? Json(seconds(*each.judgement.age)) : Json()},
                    {"class", each.error_class ? Json(to_string(*each.error_class)) : Json()},
                    {"since", time_or_null(each.since)}});
  }
  json["not_ready"] = std::move(list);
  return line_of(json);
}

std::string event_json(const sync::Event& event) {
  Json json{{"type", to_string(event.kind)}, {"time", format_time(event.time)}};
  if (event.kind == sync::EventKind::reloaded) {
    return text_of(json);
  }
  if (event.kind == sync::EventKind::reload_failed) {
    json["text"] = event.text;
    return text_of(json);
  }
  json["repository"] = event.repository;
  json["result"] = event.result();
  json["attempt"] = event.attempt;
  json["ends_attempt"] = event.ends_attempt;
  if (event.commit) {
    json["commit"] = event.commit->to_hex();
  }
  if (event.previous) {
    json["previous"] = event.previous->to_hex();
  }
  if (!event.ref.empty()) {
    json["ref"] = event.ref;
  }
  if (event.error_class) {
    json["class"] = to_string(*event.error_class);
  }
  if (!event.text.empty()) {
    json["text"] = event.text;
  }
  if (event.failures != 0) {
    json["failures"] = event.failures;
  }
  if (event.duration.count() != 0) {
    json["duration_seconds"] = seconds(event.duration);
  }
  if (event.kind == sync::EventKind::published) {
    json["received_bytes"] = event.received_bytes;
  }
  return text_of(json);
}

std::string sync_result_json(std::uint64_t id, const sync::Event& event, const std::optional<ObjectId>& commit) {
  Json error;
  if (event.kind == sync::EventKind::failed) {
    error = {{"class", event.result()}, {"text", event.text}};
  }
  return line_of({{"id", id},
                  {"repository", event.repository},
                  {"result", event.result()},
                  {"commit", id_or_null(commit)},
                  {"error", std::move(error)}});
}

std::string prunable_json(const std::vector<sync::PruneCandidate>& candidates) {
  Json list = Json::array();
  for (const sync::PruneCandidate& candidate : candidates) {
    list.push_back({{"name", candidate.name},
                    {"directory", candidate.directory},
                    {"links", candidate.links},
                    {"due_in_seconds", candidate.due_in ? Json(seconds(*candidate.due_in)) : Json()},
                    {"needed_by", text_or_null(candidate.needed_by)},
                    {"held", candidate.held}});
  }
  return line_of({{"repositories", std::move(list)}});
}

std::string prune_json(const std::vector<sync::PruneResult>& results) {
  Json list = Json::array();
  for (const sync::PruneResult& result : results) {
    Json error;
    if (result.error) {
      error = {{"class", to_string(result.error->error_class())}, {"text", result.error->text()}};
    }
    list.push_back({{"name", result.name}, {"error", std::move(error)}});
  }
  return line_of({{"repositories", std::move(list)}});
}

std::string reload_json(const ReloadOutcome& outcome) {
  if (outcome.applied) {
    return line_of({{"applied", true},
                    {"added", outcome.added},
                    {"removed", outcome.removed},
                    {"changed", outcome.changed},
                    {"findings", findings_json(outcome.findings)}});
  }
  return line_of({{"type", "about:blank"},
                  {"title", "Unprocessable Content"},
                  {"status", 422},
                  {"detail", "the configuration is bad; the one in use stays"},
                  {"findings", findings_json(outcome.findings)}});
}

}  // namespace adapter::admin
