// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "adapter/admin/server.hpp"
#include "board.hpp"
#include "readiness.hpp"
#include "snapshot.hpp"

/// The bodies of the API; described in schema/openapi.yaml. All of them are one line of UTF-8 and end with a newline.
namespace adapter::admin {

/// RFC 3339 in UTC with milliseconds.
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point time);

/// The list, with what a page needs to know about the whole.
[[nodiscard]] std::string repositories_json(const Snapshot& snapshot, const Board& board, const Options& options);
/// One of them, by its place in `snapshot.repositories`.
[[nodiscard]] std::string repository_json(const Snapshot& snapshot, const Board& board, std::size_t index);
[[nodiscard]] std::string readiness_json(bool ready, std::string_view reason, std::size_t repositories,
                                         const std::vector<NotReady>& not_ready, bool with_names);
/// The data of an event in the stream; no newline.
[[nodiscard]] std::string event_json(const sync::Event& event);
[[nodiscard]] std::string sync_result_json(std::uint64_t id, const sync::Event& event,
                                           const std::optional<ObjectId>& commit);
[[nodiscard]] std::string prunable_json(const std::vector<sync::PruneCandidate>& candidates);
[[nodiscard]] std::string prune_json(const std::vector<sync::PruneResult>& results);
[[nodiscard]] std::string reload_json(const ReloadOutcome& outcome);

}  // namespace adapter::admin
