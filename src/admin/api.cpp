// SPDX-License-Identifier: Apache-2.0
#include "api.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <future>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/http/query.hpp"
#include "json.hpp"
#include "metrics/exposition.hpp"
#include "readiness.hpp"

namespace adapter::admin {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A loop that has not turned for this long is stuck.
constexpr std::chrono::seconds stuck_after{5};
/// Answers within this time of each other show the same snapshot.
constexpr std::chrono::milliseconds snapshot_age{100};
constexpr std::chrono::seconds snapshot_patience{2};
constexpr std::chrono::seconds probe_patience{1};
/// The loop beats once a second. When it is this late, probes do not wait for it any more.
constexpr std::chrono::seconds late_after{3};
/// Of what is posted to the loop.
constexpr std::chrono::seconds command_patience{5};
constexpr std::chrono::seconds reload_patience{60};
constexpr std::chrono::minutes prune_patience{10};
constexpr std::chrono::minutes longest_wait{16};
/// Names in an answer of /readyz: a probe wants no more, and the answer never waits for its reader.
constexpr std::size_t max_names_not_ready = 100;
constexpr std::size_t events_in_a_part = 256;
constexpr std::chrono::seconds event_comment_every{15};

/// Counts a request as one that waits, while it lives.
class Waiting {
public:
  explicit Waiting(std::shared_ptr<std::atomic<int>> count) : count_(std::move(count)) {
    allowed_ = count_->fetch_add(1) < max_waiting_requests;
  }
  ~Waiting() { count_->fetch_sub(1); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  [[nodiscard]] bool allowed() const noexcept { return allowed_; }

private:
  std::shared_ptr<std::atomic<int>> count_;
  bool allowed_ = false;
};

Reply busy(std::string_view detail) {
  Reply reply = problem(503, detail);
  reply.fields.emplace_back("Retry-After", "5");
  return reply;
}

Reply no_such_repository(const std::string& name) {
  return problem(404, "there is no repository named \"" + escape(name, 100) + "\"");
}

Reply json(std::string body) {
  Reply reply;
  reply.body = std::move(body);
  return reply;
}

/// What `ask` passes to its callback on the loop; nullopt when that does not come in time. `ask` answers false when
/// there is nobody to be asked.
template <class Answer, class Ask>
std::optional<Answer> answer_of_loop(const Parts& parts, std::chrono::milliseconds patience, Ask ask) {
  auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> answer = promise->get_future();
  asio::post(parts.loop, [promise, ask = std::move(ask), &daemon = parts.daemon] {
    sync::Engine* const engine = daemon.engine();
    if (engine == nullptr) {
      promise->set_value({});
      return;
    }
    ask(*engine, [promise](Answer value) { promise->set_value(std::move(value)); });
  });
  const Clock::time_point deadline = Clock::now() + patience;
  while (answer.wait_for(50ms) != std::future_status::ready) {
    if (parts.board.stopped() || Clock::now() >= deadline) {
      return std::nullopt;
    }
  }
  return answer.get();
}

std::string event_message(const Board& board, const NumberedEvent& numbered) {
  return "id: " + board.id_of(numbered.number) + "\nevent: " + std::string(to_string(numbered.event.kind)) +
         "\ndata: " + event_json(numbered.event) + "\n\n";
}

std::optional<std::size_t> index_of(const Snapshot& snapshot, std::string_view name) {
  const auto place = std::ranges::find(snapshot.repositories, name, &sync::RepositoryStatus::name);
  if (place == snapshot.repositories.end()) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(place - snapshot.repositories.begin());
}

}  // namespace

Reply Api::healthz() const {
  const std::chrono::milliseconds age = parts_.snapshots->since_beat();
  const bool turns = age < stuck_after;
  Reply reply = json("{\"status\":\"" + std::string(turns ? "ok" : "stuck") + "\",\"loop_age_seconds\":" +
                     std::to_string(age.count() / 1000) + "." + std::to_string(age.count() % 1000 / 100) + "}\n");
  reply.status = turns ? 200 : 503;
  return reply;
}

Reply Api::readyz(bool with_names) const {
  const auto answer = [&](std::string_view reason, std::size_t count, std::vector<NotReady> behind) {
    const bool ready = reason.empty();
    if (with_names && behind.size() > max_names_not_ready) {
      behind.resize(max_names_not_ready);
    }
    Reply reply = json(readiness_json(ready, reason, count, behind, with_names));
    reply.status = ready ? 200 : 503;
    return reply;
  };
  // One thread answers all probes: those that pile up while the loop is held up must not keep /healthz waiting.
  const bool late = parts_.snapshots->since_beat() >= late_after;
  const auto snapshot = parts_.snapshots->get(1s, late ? 0s : probe_patience);
  if (!snapshot || Clock::now() - snapshot->taken >= stuck_after) {
    return answer("the event loop does not turn", 0, {});
  }
  if (!snapshot->config) {
    return answer("there is no configuration", 0, {});
  }
  // Ages grow by the steady clock: the wall's may have been set since the snapshot was taken.
  std::vector<NotReady> behind = not_ready(snapshot->repositories, snapshot->time + (Clock::now() - snapshot->taken));
  std::string reason;
  if (!behind.empty()) {
    reason = std::to_string(behind.size()) + " of " + std::to_string(snapshot->repositories.size()) +
             " repositories are not published or not fresh";
  } else if (snapshot->repositories.size() != snapshot->config->repositories.size()) {
    reason = "the configuration is being applied";
  }
  return answer(reason, snapshot->repositories.size(), std::move(behind));
}

/// Null when the loop does not answer: what it showed before it got stuck says nothing any more.
std::shared_ptr<const Snapshot> Api::current(std::chrono::milliseconds max_age) const {
  auto snapshot = parts_.snapshots->get(max_age, snapshot_patience);
  return snapshot && Clock::now() - snapshot->taken < stuck_after ? snapshot : nullptr;
}

Reply Api::repositories() const {
  const auto snapshot = current(snapshot_age);
  return snapshot ? json(repositories_json(*snapshot, parts_.board, parts_.options))
                  : busy("the event loop does not answer");
}

Reply Api::repository(const std::string& name) const {
  const auto snapshot = current(0ms);
  if (!snapshot) {
    return busy("the event loop does not answer");
  }
  const auto index = index_of(*snapshot, name);
  return index ? json(repository_json(*snapshot, parts_.board, *index)) : no_such_repository(name);
}

Reply Api::metrics() const {
  const auto snapshot = current(snapshot_age);
  if (!snapshot) {
    return busy("the event loop does not answer");
  }
  Reply reply;
  reply.content_type = metrics_content_type;
  MetricsInput input;
  input.repositories = snapshot->repositories;
  input.counters = parts_.metrics.counters();
  input.network = snapshot->network;
  input.last_reload = snapshot->last_reload;
  input.process = ProcessFigures::read();
  input.version = parts_.options.version;
  reply.body = render_metrics(input);
  return reply;
}

/// Nothing when the loop did not answer in time; 0 when there is no such repository or it is suspended.
std::optional<std::uint64_t> Api::ask_for_check(const std::string& name) const {
  auto promise = std::make_shared<std::promise<std::uint64_t>>();
  std::future<std::uint64_t> answer = promise->get_future();
  asio::post(parts_.loop, [promise, name, &daemon = parts_.daemon] {
    sync::Engine* const engine = daemon.engine();
    promise->set_value(engine != nullptr ? engine->check_now(name).value_or(0) : 0);
  });
  const Clock::time_point deadline = Clock::now() + command_patience;
  while (answer.wait_for(50ms) != std::future_status::ready) {
    // Who stops the server holds the loop while it waits for us.
    if (parts_.board.stopped() || Clock::now() >= deadline) {
      return std::nullopt;
    }
  }
  return answer.get();
}

Reply Api::sync(const std::string& name, const http::RequestHead& head, RequestBody& body) {
  const auto wait = http::query_value(head.query, "wait");
  const bool waits = wait && *wait != "0" && *wait != "false";
  const Waiting waiting(waiting_);
  if (waits && !waiting.allowed()) {
    return busy("too many requests are waiting");
  }
  const std::optional<std::uint64_t> id = ask_for_check(name);
  if (!id) {
    return busy("the event loop does not answer");
  }
  if (*id == 0) {
    const auto snapshot = current(0ms);
    const bool known = snapshot && index_of(*snapshot, name);
    return known ? problem(409, "the repository is suspended by the configuration") : no_such_repository(name);
  }
  if (waits) {
    return wait_for(name, *id, body);
  }
  Reply reply = json("{\"id\":" + std::to_string(*id) + ",\"repository\":\"" + name + "\"}\n");
  reply.status = 202;
  reply.fields.emplace_back("Location", "/api/v1/repositories/" + name);
  return reply;
}

Reply Api::wait_for(const std::string& name, std::uint64_t id, RequestBody& body) const {
  const Clock::time_point deadline = Clock::now() + longest_wait;
  while (Clock::now() < deadline && !parts_.board.stopped() && !body.abandoned()) {
    const auto end = parts_.board.wait_for_end(name, id, Clock::now() + 500ms);
    if (end) {
      const auto snapshot = parts_.snapshots->get(0ms, snapshot_patience);
      const auto index = snapshot ? index_of(*snapshot, name) : std::nullopt;
      return json(sync_result_json(id, *end, index ? snapshot->repositories[*index].commit : end->commit));
    }
    const auto snapshot = parts_.snapshots->get(1s, snapshot_patience);
    if (snapshot && !index_of(*snapshot, name)) {
      return problem(410, "the repository left the configuration");
    }
  }
  return parts_.board.stopped() ? busy("the program is stopping")
                                : problem(504, "the sync did not end in time; ask for the repository's state");
}

Reply Api::events(const http::RequestHead& head) {
  auto waiting = std::make_shared<Waiting>(waiting_);
  if (!waiting->allowed()) {
    return busy("too many event streams and waiting requests");
  }
  if (head.minor_version == 0) {
    return problem(505, "the event stream needs HTTP/1.1");
  }
  std::string since(head.fields.get("Last-Event-ID").value_or(""));
  if (since.empty()) {
    since = http::query_value(head.query, "since").value_or("");
  }
  Board& board = parts_.board;
  const auto resumed = board.resume_after(since);
  struct State {
    std::uint64_t after = 0;
    bool greeted = false;
    bool reset = false;
    Clock::time_point last_write;
  };
  auto state = std::make_shared<State>();
  state->after = resumed.value_or(board.latest());
  state->reset = !since.empty() && !resumed;

  Reply reply;
  reply.content_type = "text/event-stream";
  reply.close = true;
  reply.stream = [waiting, state, &board](const TakeBytes& write) {
    std::string part;
    if (!std::exchange(state->greeted, true)) {
      part = "retry: 2000\n\n";
    }
    const auto found = board.events_after(state->after, events_in_a_part, Clock::now() + (part.empty() ? 1s : 0s));
    if (!found) {
      state->reset = true;
      state->after = board.latest();
    }
    if (std::exchange(state->reset, false)) {
      part += "id: " + board.id_of(state->after) + "\nevent: reset\ndata: {}\n\n";
    }
    for (const NumberedEvent& event : found ? *found : std::vector<NumberedEvent>()) {
      part += event_message(board, event);
      state->after = event.number;
    }
    const Clock::time_point now = Clock::now();
    if (part.empty() && now - state->last_write >= event_comment_every) {
      part = ":\n\n";
    }
    if (!part.empty()) {
      state->last_write = now;
    }
    return (part.empty() || write(part)) && !board.stopped();
  };
  return reply;
}

Reply Api::reload() {
  const Waiting waiting(waiting_);
  if (!waiting.allowed()) {
    return busy("too many requests are waiting");
  }
  auto promise = std::make_shared<std::promise<ReloadOutcome>>();
  std::future<ReloadOutcome> answer = promise->get_future();
  asio::post(parts_.loop, [promise, &daemon = parts_.daemon] {
    daemon.reload([promise](ReloadOutcome outcome) { promise->set_value(std::move(outcome)); });
  });
  const Clock::time_point deadline = Clock::now() + reload_patience;
  while (answer.wait_for(50ms) != std::future_status::ready) {
    if (parts_.board.stopped() || Clock::now() >= deadline) {
      return busy("the reload did not end in time; the log says what became of it");
    }
  }
  const ReloadOutcome outcome = answer.get();
  Reply reply = json(reload_json(outcome));
  if (!outcome.applied) {
    reply.status = 422;
    reply.content_type = "application/problem+json";
  }
  return reply;
}

Reply Api::prunable() const {
  using PruneCandidates = std::vector<sync::PruneCandidate>;
  const auto candidates = answer_of_loop<PruneCandidates>(
      parts_, command_patience,
      [](sync::Engine& engine, std::function<void(PruneCandidates)> done) { engine.list_prunable(std::move(done)); });
  return candidates ? json(prunable_json(*candidates)) : busy("the volume could not be looked at in time");
}

Reply Api::prune(const http::RequestHead& head) {
  const Waiting waiting(waiting_);
  if (!waiting.allowed()) {
    return busy("too many requests are waiting");
  }
  std::vector<std::string> names;
  const std::string given = http::query_value(head.query, "names").value_or("");
  for (const std::string_view name : split(given, ',')) {
    if (!name.empty()) {
      names.emplace_back(name);
    }
  }
  if (names.empty()) {
    return problem(400, "name what is to be deleted, as the list of GET /api/v1/prune does: ?names=a,b");
  }
  using PruneResults = std::vector<sync::PruneResult>;
  const auto results = answer_of_loop<PruneResults>(
      parts_, prune_patience, [names](sync::Engine& engine, std::function<void(PruneResults)> done) {
        engine.prune_now(names, std::move(done));
      });
  return results ? json(prune_json(*results)) : busy("the removal did not end in time; the log says what became of it");
}

}  // namespace adapter::admin
