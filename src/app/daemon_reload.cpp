// SPDX-License-Identifier: Apache-2.0
// How the daemon takes a changed configuration.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "adapter/log/log.hpp"
#include "daemon.hpp"
#include "load.hpp"

namespace adapter::app {
namespace {

/// How many names a line, or lines, of the log show.
constexpr std::size_t max_named = 16;

/// "+docs ~wiki -old …"
std::string first_names(const Reload& reload) {
  std::string text;
  std::size_t count = 0;
  const auto add = [&](char sign, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (++count <= max_named) {
        text += (text.empty() ? "" : " ") + std::string(1, sign) + name;
      }
    }
  };
  add('+', reload.added);
  add('~', reload.changed);
  add('-', reload.removed);
  return count > max_named ? text + " …" : text;
}

}  // namespace

std::string watching(const config::Config& config) {
  const std::size_t count = config.repositories.size();
  if (count == 0) {
    return "no repository is configured";
  }
  return "watching " + std::to_string(count) + (count == 1 ? " repository" : " repositories");
}

void Daemon::reload(std::function<void(admin::ReloadOutcome)> done) {
  if (!engine_) {
    config::Finding finding;
    finding.file = choice_.file.native();
    finding.rule = "missing-file";
    finding.message = "there is no configuration yet; work starts when the file appears";
    admin::ReloadOutcome outcome;
    outcome.findings.push_back(std::move(finding));
    done(std::move(outcome));
    return;
  }
  told_of_reload_.push_back(std::move(done));
  reload_asked_ = true;
  reload_wakeup_.wake();
}

void Daemon::warn_of_slow_configuration() {
  log::warning(
      "configuration_slow",
      "the configuration's files do not answer; they are read when they do, and the configuration in use stays",
      {{"file", choice_.file.native()}});
}

/// Reloads when that is asked for, or when the files have changed; until cancelled.
asio::awaitable<void> Daemon::follow_configuration() {
  using Clock = std::chrono::steady_clock;
  const bool watched = watch_.has_files() || sandbox_.active;
  while (true) {
    const Clock::time_point next_look = watched ? Clock::now() + ConfigWatch::interval : Clock::time_point::max();
    co_await reload_wakeup_.wait_until(next_look);
    if (!reload_asked_) {
      const bool noticed = co_await configuration_has_changed();
      if (noticed) {
        log::info("configuration_changed", "the configuration's files are not what they were; loading them again");
        reload_asked_ = true;
      }
    }
    if (std::exchange(reload_asked_, false)) {
      auto told = std::exchange(told_of_reload_, {});
      const admin::ReloadOutcome outcome = co_await reload();
      for (const auto& tell : told) {
        tell(outcome);
      }
    }
  }
}

/// Also warns of system files that the sandbox hides.
asio::awaitable<bool> Daemon::configuration_has_changed() {
  std::function<config::Sources()> work = [sandbox = sandbox_, system_files = &system_files_,
                                           sources = watch_.last_seen()] {
    warn_of_system_files_out_of_reach(sandbox, *system_files);
    return config::look_again(sources);
  };
  config::Sources seen = co_await config_reader_->look(std::move(work));
  co_return watch_.settled(std::move(seen));
}

asio::awaitable<admin::ReloadOutcome> Daemon::reload() {
  service_manager_.reloading();
  forget_files_out_of_reach();
  std::function<config::Loaded()> work = [choice = choice_, sandbox = sandbox_, current = config_] {
    config::Loaded fresh = load_choice(choice);
    log_findings(fresh.findings);
    warn_of_files_out_of_reach(sandbox, fresh.config ? *fresh.config : *current, fresh.sources);
    return fresh;
  };
  const config::Loaded loaded = co_await config_reader_->load(std::move(work));
  watch_.loaded(loaded.sources);
  admin::ReloadOutcome outcome;
  outcome.findings = loaded.findings;
  note_reload(loaded.findings, loaded.config.has_value());
  if (!loaded.config) {
    service_manager_.ready(watching(*config_) + "; the changed configuration is bad");
    log::error("reload_failed", "the configuration is bad; the one in use stays",
               {{"findings", loaded.findings.size()}});
    co_return outcome;
  }
  Reload reload = plan_reload(*config_, *loaded.config);
  outcome.applied = true;
  outcome.added = reload.added.size();
  outcome.removed = reload.removed.size();
  outcome.changed = reload.changed.size();
  co_await apply(std::move(reload));
  service_manager_.ready(watching(*config_));
  co_return outcome;
}

asio::awaitable<void> Daemon::check_admin_secrets() {
  std::function<std::optional<Error>()> work = [server = admin_.get()] { return server->check_secrets(); };
  const std::optional<Error> failure = co_await config_reader_->check(std::move(work));
  if (failure) {
    log::error("token_unreadable", failure->text(), {{"class", failure->error_class()}});
  }
}

/// For the admin port and its observers.
void Daemon::note_reload(const std::vector<config::Finding>& findings, bool successful) {
  admin::ReloadStatus status;
  status.successful = successful;
  status.time = std::chrono::system_clock::now();
  status.success_time = successful || !last_reload_ ? status.time : last_reload_->success_time;
  if (!successful) {
    for (const config::Finding& finding : findings) {
      if (!finding.warning && status.errors++ == 0) {
        status.problem = config::to_text(finding);
      }
    }
  }
  if (!successful && admin_) {
    sync::Event event;
    event.kind = sync::EventKind::reload_failed;
    event.time = status.time;
    event.text = status.problem;
    admin_->observer().on_event(event);
  }
  last_reload_ = std::move(status);
}

asio::awaitable<void> Daemon::apply(Reload reload) {
  for (const std::string& key : reload.needs_restart) {
    log::warning("restart_needed", "this key cannot change while running; restart to apply it", {{"key", key}});
  }
  // libgit2 learns its caps once, before the first thread uses it.
  const Limits caps = largest_limits(*config_);
  const Limits wanted = largest_limits(reload.config);
  if (wanted.max_objects > caps.max_objects || wanted.max_object_bytes > caps.max_object_bytes) {
    log::warning("restart_needed", "a limit was raised above all that were in force before; restart to apply it",
                 {{"key", "limits"}});
  }
  const log::Format format = logging_options(options_, config_.get()).format;
  config_ = std::make_shared<const config::Config>(std::move(reload.config));
  if (logging_options(options_, config_.get()).format != format) {
    const bool is_text = format == log::Format::text;
    log::info("log_format_changed", is_text
                                        ? "the lines after this one are JSON: log.format in the configuration changed"
                                        : "the lines after this one are text: log.format in the configuration changed");
  }
  configure_logging(options_, config_.get());
  if (admin_) {
    admin_->apply(config_);
    configuration_.spawn("secrets of the admin port", check_admin_secrets());
  }
  co_await engine_->apply(config_);
  log::info("reloaded", "the configuration was applied",
            {{"repositories", config_->repositories.size()},
             {"added", reload.added.size()},
             {"removed", reload.removed.size()},
             {"changed", reload.changed.size()},
             {"names", first_names(reload)}});
  for (std::size_t i = 0; i < std::min(reload.removed.size(), max_named); ++i) {
    const std::string remover = config_->prune ? "`prune`" : "`adapter prune`";
    const std::string until = config_->repositories.empty() ? "; nothing is removed while no repository is configured"
                                                            : " until " + remover + " removes them";
    log::info("repository_removed",
              "it left the configuration; its directory, and its link while it leads there, stay" + until,
              {{"repository", reload.removed[i]}});
  }
}

}  // namespace adapter::app
