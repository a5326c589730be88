// SPDX-License-Identifier: Apache-2.0
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/async/semaphore.hpp"
#include "adapter/async/task_scope.hpp"
#include "client/admin_client.hpp"
#include "client/answer_lines.hpp"
#include "commands.hpp"
#include "process/process.hpp"

namespace adapter::app {
namespace {

/// The daemon gives up waiting after 16 min.
constexpr std::chrono::minutes sync_patience{17};
/// The daemon lets 32 wait in all, pages that are open among them.
constexpr std::size_t most_at_once = 16;
constexpr std::chrono::seconds usual_pause{5};

/// What the coroutines of the names share.
struct Syncs {
  Syncs(const asio::any_io_executor& executor, AdminClient& with)
      : client(with), places(executor, most_at_once), scope(executor) {}

  AdminClient& client;
  async::Semaphore places;
  async::TaskScope scope;
  std::optional<NoDaemon> no_daemon;  ///< the first one
  std::optional<Error> refused;       ///< the token can no longer be read
  bool failed = false;
};

void print(Syncs& syncs, const AnswerLine& line) {
  std::printf("%s\n", line.text.c_str());
  std::fflush(stdout);
  syncs.failed = syncs.failed || !line.good;
}

asio::awaitable<void> sync_one(Syncs& syncs, std::string name) {
  const auto executor = co_await asio::this_coro::executor;
  const async::Semaphore::Permit place = co_await syncs.places.acquire();
  const std::string route = "api/v1/repositories/" + path_segment(name) + "/sync";
  const auto give_up = std::chrono::steady_clock::now() + sync_patience;
  asio::steady_timer pause(executor);
  while (true) {
    const AdminAnswer answer = co_await syncs.client.ask("POST", route, "wait=1");
    const bool busy = answer.status == 503 && std::chrono::steady_clock::now() < give_up;
    if (!busy) {
      print(syncs, answer.status == 200 ? sync_line(name, answer.body)
                                        : sync_problem_line(name, answer.status, syncs.client.problem(answer)));
      co_return;
    }
    pause.expires_after(answer.retry_after.value_or(usual_pause));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> sync_named(Syncs& syncs, std::string name) {
  try {
    co_await sync_one(syncs, std::move(name));
  } catch (const NoDaemon& error) {
    syncs.no_daemon = syncs.no_daemon ? syncs.no_daemon : error;
  } catch (const Error& error) {
    syncs.refused = error;
  }
}

asio::awaitable<int> sync_all(AdminClient& client, std::vector<std::string> names) {
  const auto executor = co_await asio::this_coro::executor;
  Syncs syncs(executor, client);
  for (const std::string& name : names) {
    syncs.scope.spawn("sync", sync_named(syncs, name));
  }
  co_await syncs.scope.join();
  if (syncs.no_daemon) {
    throw NoDaemon(*syncs.no_daemon);
  }
  if (syncs.refused) {
    throw Error(*syncs.refused);
  }
  co_return syncs.failed ? exit_failed : exit_ok;
}

/// Each name once, in the order of their first appearance.
std::vector<std::string> distinct(const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (std::ranges::find(found, name) == found.end()) {
      found.push_back(name);
    }
  }
  return found;
}

}  // namespace

int sync_command(const Options& options) {
  configure_logging(options, nullptr);
  Result<AdminTarget> target = find_admin(options, config::process_environment(), TokenUse::wanted);
  if (!target) {
    std::fprintf(stderr, "adapter: %s\n", target.error().text().c_str());
    return exit_usage;
  }
  const AdminWork work = [&options](AdminClient& client) { return sync_all(client, distinct(options.names)); };
  return run_client(std::move(*target), sync_patience, work);
}

}  // namespace adapter::app
