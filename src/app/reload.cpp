// SPDX-License-Identifier: Apache-2.0
#include "reload.hpp"

#include <string_view>
#include <unordered_map>
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

std::unordered_map<std::string_view, const config::Repository*> by_name(const config::Config& config) {
  std::unordered_map<std::string_view, const config::Repository*> found;
  for (const config::Repository& repository : config.repositories) {
    found[repository.name] = &repository;
  }
  return found;
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
  const auto before = by_name(current);
  for (const config::Repository& repository : next.repositories) {
    const auto known = before.find(repository.name);
    if (known == before.end()) {
      reload.added.push_back(repository.name);
    } else if (*known->second != repository) {
      reload.changed.push_back(repository.name);
    }
  }
  const auto after = by_name(next);
  for (const config::Repository& repository : current.repositories) {
    if (!after.contains(repository.name)) {
      reload.removed.push_back(repository.name);
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
