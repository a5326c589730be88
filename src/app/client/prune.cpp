// SPDX-License-Identifier: Apache-2.0
// `adapter prune`: asks a running daemon, or works alone where none runs.
#include <unistd.h>
#include <asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "adapter/async/task_scope.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "adapter/publish/data_directory_lock.hpp"
#include "adapter/sync/engine.hpp"
#include "client/admin_client.hpp"
#include "client/prune_lines.hpp"
#include "commands.hpp"
#include "load.hpp"
#include "process/process.hpp"
#include "reload.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

/// A large tree takes minutes; the daemon gives up waiting after ten.
constexpr std::chrono::minutes prune_patience{11};
/// So many names fit into one request's target.
constexpr std::size_t names_in_a_request = 32;

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// Whether to go on after the list was shown.
enum class Consent : std::uint8_t { given, withheld, impossible };

Consent ask_for_consent(const Options& options, std::size_t count) {
  if (options.yes) {
    return Consent::given;
  }
  if (isatty(STDIN_FILENO) != 1) {
    return Consent::impossible;
  }
  print("Delete " + std::to_string(count) + (count == 1 ? " repository" : " repositories") + " now? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes" ? Consent::given : Consent::withheld;
}

/// Shows the list. The names to be deleted now; an exit code when there is nothing to do.
std::variant<std::vector<std::string>, int> choose(const Options& options, const PruneList& list) {
  print(list.text);
  if (!list.names.empty() && options.yes && !options.now) {
    std::fprintf(stderr, "adapter: nothing was deleted: --yes only answers the question of --now; add --now\n");
  }
  if (list.names.empty() || !options.now) {
    return exit_ok;
  }
  switch (ask_for_consent(options, list.names.size())) {
    case Consent::given:
      return list.names;
    case Consent::withheld:
      return exit_ok;
    case Consent::impossible:
      break;
  }
  std::fprintf(stderr, "adapter: nothing was deleted: standard input is not a terminal; add --yes\n");
  return exit_usage;
}

asio::awaitable<int> prune_by_daemon(AdminClient& client, const Options& options) {
  AdminAnswer listed;
  std::optional<NoDaemon> nobody;
  try {
    listed = co_await client.ask("GET", "api/v1/prune", "");
  } catch (const NoDaemon& error) {
    nobody = error;
  }
  if (nobody) {
    if (!options.admin_url.empty()) {
      throw NoDaemon(*nobody);
    }
    co_return exit_no_daemon;
  }
  if (listed.status != 200) {
    std::fprintf(stderr, "adapter: %s\n", client.problem(listed).c_str());
    co_return exit_failed;
  }
  const Result<PruneList> list = prune_list(listed.body);
  if (!list) {
    std::fprintf(stderr, "adapter: %s\n", list.error().text().c_str());
    co_return exit_failed;
  }
  const auto chosen = choose(options, *list);
  if (const int* const code = std::get_if<int>(&chosen)) {
    co_return *code;
  }
  const auto& names = std::get<std::vector<std::string>>(chosen);
  bool failed = false;
  for (std::size_t first = 0; first < names.size(); first += names_in_a_request) {
    const std::size_t last = std::min(names.size(), first + names_in_a_request);
    std::string query = "names=";
    for (std::size_t i = first; i < last; ++i) {
      query += (i == first ? "" : ",") + names[i];
    }
    const AdminAnswer answer = co_await client.ask("POST", "api/v1/prune", query);
    if (answer.status != 200) {
      std::fprintf(stderr, "adapter: %s\n", client.problem(answer).c_str());
      co_return exit_failed;
    }
    const Result<PruneOutcome> outcome = prune_outcome(answer.body);
    if (!outcome) {
      std::fprintf(stderr, "adapter: %s\n", outcome.error().text().c_str());
      co_return exit_failed;
    }
    print(outcome->text);
    failed = failed || outcome->failed;
  }
  co_return failed ? exit_failed : exit_ok;
}

/// Works under the data directory's lock, for as long as it lives.
class Alone {
public:
  explicit Alone(std::shared_ptr<const config::Config> config)
      : lock_(config->data_dir),
        loop_(1),
        workers_(worker_threads(*config)),
        closing_(loop_.get_executor()),
        engine_(sync::make_engine(loop_.get_executor(), workers_, config::process_environment(), version)) {
    engine_->use_for_pruning(std::move(config));
  }

  [[nodiscard]] std::vector<sync::PruneCandidate> list() {
    std::vector<sync::PruneCandidate> found;
    engine_->list_prunable([&](std::vector<sync::PruneCandidate> candidates) { found = std::move(candidates); });
    run_to_the_end();
    return found;
  }

  [[nodiscard]] std::vector<sync::PruneResult> remove(const std::vector<std::string>& names) {
    std::vector<sync::PruneResult> found;
    engine_->prune_now(names, [&](std::vector<sync::PruneResult> results) { found = std::move(results); });
    run_to_the_end();
    return found;
  }

  void stop() {
    closing_.spawn("stop", engine_->stop());
    run_to_the_end();
  }

private:
  /// Until nothing is left to be done: the engine watches nothing.
  void run_to_the_end() {
    loop_.restart();
    loop_.run();
  }

  publish::DataDirectoryLock lock_;
  asio::io_context loop_;
  async::Workers workers_;
  async::TaskScope closing_;
  std::unique_ptr<sync::Engine> engine_;
};

int prune_alone(const Options& options, std::shared_ptr<const config::Config> config) {
  try {
    Alone alone(std::move(config));
    const auto chosen = choose(options, prune_list(alone.list()));
    int code = exit_ok;
    if (const int* const given = std::get_if<int>(&chosen)) {
      code = *given;
    } else {
      const PruneOutcome outcome = prune_outcome(alone.remove(std::get<std::vector<std::string>>(chosen)));
      print(outcome.text);
      code = outcome.failed ? exit_failed : exit_ok;
    }
    alone.stop();
    return code;
  } catch (const publish::DirectoryBusy& busy) {
    std::fprintf(stderr, "adapter: %s; set admin.listen, or name the daemon's port with --admin, to ask it\n",
                 busy.text().c_str());
    return exit_busy;
  } catch (const Error& error) {
    std::fprintf(stderr, "adapter: %s\n", error.text().c_str());
    return exit_failed;
  }
}

}  // namespace

int prune_command(const Options& options) {
  configure_logging(options, nullptr);
  const Result<AdminTarget> target = find_admin(options, config::process_environment(), TokenUse::wanted);
  if (target) {
    const AdminWork work = [&options](AdminClient& client) { return prune_by_daemon(client, options); };
    const int code = run_client(*target, prune_patience, work);
    if (code != exit_no_daemon || !options.admin_url.empty()) {
      return code;
    }
  } else if (!options.admin_url.empty()) {
    std::fprintf(stderr, "adapter: %s\n", target.error().text().c_str());
    return exit_usage;
  }
  const config::Loaded loaded = load_configuration(options);
  log_findings(loaded.findings);
  if (!loaded.config) {
    return exit_usage;
  }
  return prune_alone(options, std::make_shared<const config::Config>(*loaded.config));
}

}  // namespace adapter::app
