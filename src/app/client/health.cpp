// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <utility>

#include "client/admin_client.hpp"
#include "client/answer_lines.hpp"
#include "commands.hpp"
#include "process/process.hpp"

namespace adapter::app {
namespace {

constexpr std::chrono::seconds health_patience{5};

asio::awaitable<int> check(AdminClient& client) {
  const AdminAnswer answer = co_await client.ask("GET", "readyz", "");
  const AnswerLine line = readiness_line(answer.status, answer.body);
  std::printf("%s\n", line.text.c_str());
  co_return line.good ? exit_ok : exit_failed;
}

}  // namespace

/// Docker keeps the other codes of a health check to itself: 0 or 1, whatever it is.
int health_command(const Options& options) {
  configure_logging(options, nullptr);
  Result<AdminTarget> target = find_admin(options, config::process_environment(), TokenUse::optional);
  if (!target) {
    std::fprintf(stderr, "adapter: %s\n", target.error().text().c_str());
    return exit_failed;
  }
  const AdminWork work = [](AdminClient& client) { return check(client); };
  return run_client(std::move(*target), health_patience, work) == exit_ok ? exit_ok : exit_failed;
}

}  // namespace adapter::app
