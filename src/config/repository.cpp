// SPDX-License-Identifier: Apache-2.0
#include "repository.hpp"

#include <map>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "repository_keys.hpp"
#include "values.hpp"

namespace adapter::config {
namespace {

using std::chrono::milliseconds;

/// A file is as good tomorrow as today: what its schedules come to does not depend on the clock.
constexpr schedule::TimePoint any_day = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
/// The keys that say when a repository is checked.
void read_schedule(Context& context, const Fields& fields, Section section, RepositorySettings& settings) {
  settings.says_cron = fields.has("cron");
  settings.says_when = settings.says_cron || fields.has("every");
  settings.schedule.read(context, fields);
  if (fields.has("every") && fields.has("cron")) {
    context.report.error(
        fields.place_of("cron"), "conflict",
        "there is already " + std::string(context.expand_values ? "every" : "ADAPTER_EVERY") + "; keep one of the two");
  } else if (section == Section::repository && fields.has("every") && fields.has("timezone")) {
    context.report.error(fields.place_of("timezone"), "conflict",
                         "a time zone has a meaning with cron only, and here is every");
  }
}

RepositorySettings read_settings(Context& context, const Fields& fields, Section section) {
  RepositorySettings settings;
  read_schedule(context, fields, section, settings);
  settings.keys.read(context, fields);
  if (const Value* limits = fields.find("limits")) {
    settings.limits.read(context, Fields(context, *limits, Section::limits));
  }
  return settings;
}

const std::optional<Place>& nearest_place(const GivenKeys& own, const GivenKeys& defaults, GivenKeys::Name name) {
  return own.has(name) ? own.place(name) : defaults.place(name);
}

/// The nearer of the repository and the defaults that says anything about when.
schedule::Schedule build_schedule(Context& context, const ParsedRepository& parsed,
                                  const RepositorySettings& defaults) {
  const RepositorySettings& own = parsed.settings;
  const GivenSchedule& from = own.says_when ? own.schedule : defaults.schedule;
  ScheduleKeys keys;
  GivenSchedule::merge(own.schedule, defaults.schedule, keys);
  schedule::Schedule result;
  result.jitter = keys.jitter;
  if (from.has("cron")) {
    const std::string name = parsed.name ? parsed.name->value : "";
    const Result<schedule::Cron> cron = schedule::Cron::parse(from.values().cron, name);
    if (cron) {
      result.when = schedule::CronSchedule{*cron, keys.timezone};
    }
    return result;
  }
  if (own.schedule.has("timezone") && !own.says_when && !defaults.says_cron) {
    context.report.error(*own.schedule.place("timezone"), "conflict",
                         "a time zone has a meaning with cron only; write cron, or remove timezone");
  }
  if (from.has("every")) {
    result.when = schedule::Interval{from.values().every};
  }
  return result;
}

/// A repository that is older than max_staleness before it is due again would never be ready for long. That of cron is
/// a warning: "not ready outside of office hours" can be meant.
void check_staleness(Context& context, const Repository& repository, const ParsedRepository& parsed,
                     const RepositorySettings& defaults) {
  const RepositorySettings& own = parsed.settings;
  const std::optional<Place>& place = nearest_place(own.keys, defaults.keys, "max_staleness");
  const auto* interval = std::get_if<schedule::Interval>(&repository.schedule.when);
  const RepositorySettings& when = own.says_when ? own : defaults;
  // Else the default is not what anything says.
  const bool is_known = !when.says_when || when.schedule.has("every") || when.schedule.has("cron");
  if (!place || repository.suspend || !is_known) {
    return;
  }
  const milliseconds staleness = *repository.max_staleness;
  const std::string whose = own.keys.has("max_staleness") || !parsed.name ? "" : " for " + parsed.name->value;
  milliseconds every = interval != nullptr ? interval->every : milliseconds(0);
  const bool hooked = repository.webhook && repository.every_when_hooked > every;
  every = hooked ? *repository.every_when_hooked : every;
  if (staleness <= every) {
    context.report.error(*place, "conflict",
                         "must be longer than the interval between two checks, which is " + format_duration(every) +
                             (hooked ? " (every_when_hooked)" : "") + whose);
    return;
  }
  const milliseconds gap = interval != nullptr ? every : repository.schedule.longest_gap(any_day);
  if (staleness <= gap) {
    context.report.warning(*place, "conflict",
                           "is not longer than the longest time between two checks by cron, which is " +
                               format_duration(gap) + whose +
                               ": the repository is not ready towards the end of it; write more than that");
  }
}

void check_hooked(Context& context, const Repository& repository, const GivenKeys& own) {
  if (own.has("every_when_hooked") && !repository.webhook) {
    context.report.error(*own.place("every_when_hooked"), "conflict",
                         "has a meaning with webhook only; write webhook, or remove it");
  }
}

}  // namespace

RepositorySettings read_defaults(Context& context, const Value& value) {
  return read_settings(context, Fields(context, value, Section::defaults), Section::defaults);
}

ParsedRepository read_repository(Context& context, const Value& value) {
  ParsedRepository parsed;
  parsed.place = value.place();
  Fields fields(context, value, Section::repository);
  if (value.node->kind != Node::Kind::mapping) {
    return parsed;
  }
  const bool named = fields.require("name", "write a name of a-z 0-9 . _ -");
  const bool has_url =
      fields.require("url", "write the remote's URL, for example https://git.example.com/team/docs.git");
  if (const auto name = fields.text("name", "a name of a-z 0-9 . _ -"); named && name) {
    if (const Complaint complaint = check_name(*name)) {
      context.report.error(fields.place_of("name"), "bad-value", *complaint);
    } else {
      parsed.name = Located<std::string>{*name, fields.place_of("name")};
    }
  }
  if (const auto text = fields.text("url", "an https URL"); has_url && text) {
    const Result<http::Url> url = read_url(*text);
    if (url) {
      if (const auto page = read_forge_page(*url)) {
        context.report.warning(fields.place_of("url"), "web-page",
                               "looks like a page of the forge, not like a repository; write " +
                                   escape(page->url, 512) +
                                   (page->ref.empty() ? "" : " with ref: " + escape(page->ref, 128)));
      }
      parsed.url = Located<http::Url>{*url, fields.place_of("url")};
    } else {
      context.report.error(fields.place_of("url"), "bad-url", url.error().text());
    }
  }
  if (!fields.has("link")) {
    parsed.link = parsed.name;
  } else if (const auto link = fields.text("link", "a path below data_dir")) {
    if (const Complaint complaint = check_link(*link)) {
      context.report.error(fields.place_of("link"), "bad-value", *complaint);
    } else {
      parsed.link = Located<std::string>{*link, fields.place_of("link")};
    }
  }
  parsed.settings = read_settings(context, fields, Section::repository);
  return parsed;
}

Repository build_repository(Context& context, const ParsedRepository& parsed, const RepositorySettings& defaults) {
  const RepositorySettings& own = parsed.settings;
  Repository repository;
  GivenKeys::merge(own.keys, defaults.keys, repository);
  GivenLimits::merge(own.limits, defaults.limits, repository.limits);
  repository.name = parsed.name ? parsed.name->value : "";
  repository.link = parsed.link ? parsed.link->value : "";
  repository.schedule = build_schedule(context, parsed, defaults);
  if (!repository.webhook) {
    repository.every_when_hooked.reset();
  }
  if (parsed.url) {
    repository.url = parsed.url->value;
    const bool insecure = repository.url.origin().scheme == "http";
    if (insecure && !repository.allow_insecure) {
      context.report.error(parsed.url->place, "insecure",
                           "http is neither encrypted nor authenticated; write https, or " +
                               std::string(context.expand_values ? "allow_insecure: true here"
                                                                 : "a configuration file with allow_insecure: true"));
    }
    if (insecure && own.keys.has("ca_file")) {
      context.report.error(*own.keys.place("ca_file"), "conflict",
                           "an http URL has no certificate to check; remove ca_file");
    }
  }
  check_staleness(context, repository, parsed, defaults);
  check_hooked(context, repository, own.keys);
  return repository;
}

void check_hooks_arrive(Context& context, const std::vector<ParsedRepository>& repositories,
                        const RepositorySettings& defaults, const Admin& admin) {
  for (const ParsedRepository& parsed : repositories) {
    const std::optional<Place>& webhook = nearest_place(parsed.settings.keys, defaults.keys, "webhook");
    if (webhook && admin.listen.empty()) {
      context.report.warning(*webhook, "unused",
                             "no delivery can arrive, since no admin port is open; write admin.listen, or set "
                             "ADAPTER_ADMIN_LISTEN where the daemon runs");
      return;
    }
  }
}

void check_names_and_links(Context& context, const std::vector<ParsedRepository>& repositories) {
  std::map<std::string_view, const ParsedRepository*> names;
  std::map<std::string_view, const ParsedRepository*> links;
  for (const ParsedRepository& parsed : repositories) {
    bool repeated = false;
    if (parsed.name) {
      const auto [first, added] = names.emplace(parsed.name->value, &parsed);
      repeated = !added;
      if (repeated) {
        context.report.error(parsed.name->place, "duplicate",
                             "there is already a repository of this name at " + first->second->name->place.text());
      }
    }
    if (!parsed.link || (repeated && parsed.link->value == parsed.name->value)) {
      continue;  // the same fault is not reported twice
    }
    const auto [first, added] = links.emplace(parsed.link->value, &parsed);
    if (!added) {
      context.report.error(parsed.link->place, "link-conflict",
                           "the link " + escape(parsed.link->value) + " is already that of the repository at " +
                               first->second->link->place.text());
    }
  }
  for (const auto& [link, parsed] : links) {
    for (std::size_t end = link.find('/'); end != std::string_view::npos; end = link.find('/', end + 1)) {
      const auto outer = links.find(link.substr(0, end));
      if (outer != links.end()) {
        context.report.error(parsed->link->place, "link-conflict",
                             "the link " + escape(link) + " lies inside the link " + escape(outer->first) +
                                 " of the repository at " + outer->second->link->place.text());
      }
    }
  }
}

}  // namespace adapter::config
