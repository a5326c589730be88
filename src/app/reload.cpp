// SPDX-License-Identifier: Apache-2.0
#include "reload.hpp"

#include <algorithm>
#include <utility>

#include "adapter/http/authority.hpp"
#include "adapter/http/url.hpp"
#include "adapter/log/log.hpp"

namespace adapter::app {
namespace {

template <class T>
void hold(const char* key, const T& current, T& next, std::vector<std::string>& differing) {
  if (current != next) {
    differing.emplace_back(key);
    next = current;
  }
}

const config::Repository* find(const config::Config& config, const std::string& name) {
  const auto place = std::find_if(config.repositories.begin(), config.repositories.end(),
                                  [&](const config::Repository& repository) { return repository.name == name; });
  return place == config.repositories.end() ? nullptr : &*place;
}

}  // namespace

Reload plan_reload(const config::Config& current, config::Config next) {
  Reload reload;
  hold("data_dir", current.data_dir, next.data_dir, reload.needs_restart);
  hold("admin.listen", current.admin.listen, next.admin.listen, reload.needs_restart);
  const bool stays_open = !current.admin.listen.empty() && !http::is_loopback_name(http::host_in(current.admin.listen));
  if (stays_open && current.admin.token_file && !next.admin.token_file) {
    // The new file may do without because it listens elsewhere, or nowhere; this port is still open to everybody.
    hold("admin.token_file", current.admin.token_file, next.admin.token_file, reload.needs_restart);
  }
  hold("workers", current.workers, next.workers, reload.needs_restart);
  hold("sandbox", current.sandbox, next.sandbox, reload.needs_restart);
  for (const config::Repository& repository : next.repositories) {
    const config::Repository* const before = find(current, repository.name);
    if (before == nullptr) {
      ++reload.added;
    } else if (*before != repository) {
      ++reload.changed;
    }
  }
  for (const config::Repository& repository : current.repositories) {
    if (find(next, repository.name) == nullptr) {
      ++reload.removed;
    }
  }
  reload.config = std::move(next);
  return reload;
}

void log_findings(const std::vector<config::Finding>& findings) {
  for (const config::Finding& finding : findings) {
    const log::Level level = finding.warning ? log::Level::warning : log::Level::error;
    log::write(level, finding.warning ? "configuration_warning" : "configuration_bad", config::to_text(finding),
               {{"file", finding.file},
                {"line", finding.line},
                {"column", finding.column},
                {"rule", finding.rule},
                {"key", finding.key}});
  }
}

}  // namespace adapter::app
