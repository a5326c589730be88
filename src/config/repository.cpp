// SPDX-License-Identifier: Apache-2.0
#include "repository.hpp"

#include <map>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "values.hpp"

namespace adapter::config {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds shortest_every{100};
constexpr milliseconds longest = std::chrono::hours(24 * 365);
constexpr milliseconds shortest_timeout = std::chrono::seconds(1);
constexpr milliseconds longest_timeout = std::chrono::hours(24);
/// A file is as good tomorrow as today: what its schedules come to does not depend on the clock.
constexpr schedule::TimePoint any_day = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
constexpr std::uint64_t max_history_depth = 1'000'000;

constexpr std::pair<std::string_view, SymlinkPolicy> symlink_policies[] = {
    {"inside", SymlinkPolicy::inside}, {"keep", SymlinkPolicy::keep}, {"refuse", SymlinkPolicy::refuse}};
constexpr std::pair<std::string_view, NamePolicy> name_policies[] = {{"portable", NamePolicy::portable},
                                                                     {"git", NamePolicy::git}};
constexpr std::pair<std::string_view, Share> shares[] = {{"all", Share::all}, {"group", Share::group}};
constexpr std::pair<std::string_view, std::string_view> webhook_kinds[] = {
    {"github", "github"}, {"gitlab", "gitlab"},       {"gitea", "gitea"}, {"forgejo", "forgejo"},
    {"gogs", "gogs"},     {"bitbucket", "bitbucket"}, {"azure", "azure"}, {"generic", "generic"}};

/// A key of `limits`, its field and its bounds.
struct LimitKey {
  std::string_view name;
  std::uint64_t Limits::* field;
  bool is_size;
  std::uint64_t min;
  std::uint64_t max;
};
constexpr LimitKey limit_keys[] = {
    {"max_pack_bytes", &Limits::max_pack_bytes, true, 1, 1024 * gib},
    {"max_objects", &Limits::max_objects, false, 1, 100'000'000},
    {"max_object_bytes", &Limits::max_object_bytes, true, 1, 64 * gib},
    {"max_paths", &Limits::max_paths, false, 1, 100'000'000},
    {"max_tree_bytes", &Limits::max_tree_bytes, true, 1, 1024 * gib},
    {"max_depth", &Limits::max_depth, false, 1, 1024},
    {"max_refs", &Limits::max_refs, false, 1, 10'000'000},
    {"max_advertisement_bytes", &Limits::max_advertisement_bytes, true, 1, 4 * gib},
};
static_assert(std::size(limit_keys) == std::tuple_size_v<decltype(Settings::limits)>);

template <class T>
std::optional<Located<T>> locate(const Fields& fields, std::string_view name, std::optional<T> value) {
  return value ? std::optional(Located<T>{std::move(*value), fields.place_of(name)}) : std::nullopt;
}

std::optional<Located<milliseconds>> read_interval(const Fields& fields, std::string_view name) {
  return locate(fields, name, fields.duration(name, shortest_every, longest));
}

Webhook read_webhook(Context& context, const Value& value) {
  const Fields fields(context, value, Section::webhook);
  Webhook webhook;
  if (value.node->kind != Node::Kind::mapping) {
    return webhook;
  }
  if (fields.has("secret_file") && fields.has("secret_files")) {
    context.report.error(fields.place_of("secret_files"), "conflict",
                         "there is already secret_file; keep one of the two");
  } else if (!fields.has("secret_file") && !fields.has("secret_files") && !fields.refused_a_key()) {
    context.report.error(fields.place_of("secret_file"), "missing-key",
                         "is missing; a webhook needs secret_file: PATH");
  }
  if (const auto path = fields.named_file("secret_file")) {
    webhook.secret_files.push_back(*path);
  }
  if (const Value* list = fields.find("secret_files")) {
    const std::vector<Value> items = read_list(context, *list, "a list of one or two paths");
    if (list->node->kind == Node::Kind::sequence && (items.empty() || items.size() > 2)) {
      context.report.error(list->place(), "out-of-range", "write one path, or two while a secret is being replaced");
    }
    for (const Value& item : items) {
      if (const auto path = read_named_file(context, item)) {
        webhook.secret_files.push_back(*path);
      }
    }
  }
  webhook.kind = fields.choice<std::string_view>("kind", webhook_kinds).value_or("");
  return webhook;
}

void read_limits(Context& context, const Value& value, Settings& settings) {
  const Fields fields(context, value, Section::limits);
  for (std::size_t i = 0; i < std::size(limit_keys); ++i) {
    const LimitKey& key = limit_keys[i];
    settings.limits[i] =
        key.is_size ? fields.size(key.name, key.min, key.max) : fields.integer(key.name, key.min, key.max);
  }
}

/// `hash_key` is only for H; any name tells whether the expression is good.
void read_schedule(Context& context, const Fields& fields, Section section, Settings& settings) {
  settings.says_cron = fields.has("cron");
  settings.says_when = settings.says_cron || fields.has("every");
  settings.every = read_interval(fields, "every");
  if (auto cron = fields.text("cron", "five fields, for example \"*/5 * * * *\"")) {
    const Result<schedule::Cron> parsed = schedule::Cron::parse(*cron, "");
    if (parsed) {
      settings.cron = Located<std::string>{std::move(*cron), fields.place_of("cron")};
    } else {
      constexpr std::string_view subject = "cron: ";  // the finding's key says it too
      const std::string fault = parsed.error().text();
      context.report.error(fields.place_of("cron"), "bad-value",
                           fault.starts_with(subject) ? fault.substr(subject.size()) : fault);
    }
  }
  if (const auto name = fields.text("timezone", "a zone's name, for example Europe/Berlin")) {
    const Result<schedule::Zone> zone = schedule::Zone::find(*name);
    if (zone) {
      settings.timezone = Located<schedule::Zone>{*zone, fields.place_of("timezone")};
    } else {
      context.report.error(fields.place_of("timezone"), "bad-value", zone.error().text());
    }
  }
  if (fields.has("every") && fields.has("cron")) {
    context.report.error(
        fields.place_of("cron"), "conflict",
        "there is already " + std::string(context.expand_values ? "every" : "ADAPTER_EVERY") + "; keep one of the two");
  } else if (section == Section::repository && fields.has("every") && fields.has("timezone")) {
    context.report.error(fields.place_of("timezone"), "conflict",
                         "a time zone has a meaning with cron only, and here is every");
  }
}

Settings read_settings(Context& context, const Fields& fields, Section section) {
  Settings settings;
  if (const auto text = fields.text("ref", "HEAD, a branch, a tag or a commit id")) {
    Result<std::string> ref = read_ref(*text);
    if (ref) {
      if (std::optional<RefDoubt> doubt = doubt_about_ref(*ref)) {
        context.report.warning(fields.place_of("ref"), doubt->rule, std::move(doubt->text));
      }
      settings.ref = Located<std::string>{std::move(*ref), fields.place_of("ref")};
    } else {
      context.report.error(fields.place_of("ref"), "bad-value", ref.error().text());
    }
  }
  read_schedule(context, fields, section, settings);
  settings.jitter = fields.percent("jitter");
  if (const auto depth = fields.integer("depth", 0, max_history_depth)) {
    settings.depth = static_cast<std::uint32_t>(*depth);
  }
  settings.timeout = fields.duration("timeout", shortest_timeout, longest_timeout);
  settings.symlinks = fields.choice<SymlinkPolicy>("symlinks", symlink_policies);
  settings.names = fields.choice<NamePolicy>("names", name_policies);
  settings.share = fields.choice<Share>("share", shares);
  settings.ca_file = locate(fields, "ca_file", fields.named_file("ca_file", NamedFile::Kind::certificates));
  settings.allow_insecure = fields.boolean("allow_insecure");
  settings.allow_loopback = fields.boolean("allow_loopback");
  settings.max_staleness = read_interval(fields, "max_staleness");
  settings.suspend = fields.boolean("suspend");
  if (const Value* webhook = fields.find("webhook")) {
    settings.webhook = Located<Webhook>{read_webhook(context, *webhook), webhook->place()};
  }
  settings.every_when_hooked = read_interval(fields, "every_when_hooked");
  if (const Value* limits = fields.find("limits")) {
    read_limits(context, *limits, settings);
  }
  return settings;
}

template <class T>
const std::optional<T>& nearer(const std::optional<T>& own, const std::optional<T>& fallback) {
  return own ? own : fallback;
}

/// The nearer of the repository and the defaults that says anything about when.
schedule::Schedule build_schedule(Context& context, const Draft& draft, const Settings& defaults) {
  const Settings& own = draft.settings;
  const Settings& from = own.says_when ? own : defaults;
  schedule::Schedule result;
  result.jitter = nearer(own.jitter, defaults.jitter).value_or(result.jitter);
  if (from.cron) {
    const auto& zone = nearer(own.timezone, defaults.timezone);
    const Result<schedule::Cron> cron = schedule::Cron::parse(from.cron->value, draft.name ? draft.name->value : "");
    if (cron) {
      result.when = schedule::CronSchedule{*cron, zone ? zone->value : schedule::Zone::utc()};
    }
    return result;
  }
  if (own.timezone && !own.says_when && !defaults.says_cron) {
    context.report.error(own.timezone->place, "conflict",
                         "a time zone has a meaning with cron only; write cron, or remove timezone");
  }
  if (from.every) {
    result.when = schedule::Interval{from.every->value};
  }
  return result;
}

/// A repository that is older than max_staleness before it is due again would never be ready for long. That of cron is
/// a warning: "not ready outside of office hours" can be meant.
void check_staleness(Context& context, const Repository& repository, const Draft& draft, const Settings& defaults) {
  const auto& staleness = nearer(draft.settings.max_staleness, defaults.max_staleness);
  const auto* interval = std::get_if<schedule::Interval>(&repository.schedule.when);
  const Settings& when = draft.settings.says_when ? draft.settings : defaults;
  const bool is_known = !when.says_when || when.every || when.cron;  // else the default is not what anything says
  if (!staleness || repository.suspend || !is_known) {
    return;
  }
  const std::string whose = draft.settings.max_staleness || !draft.name ? "" : " for " + draft.name->value;
  milliseconds every = interval != nullptr ? interval->every : milliseconds(0);
  const bool hooked = repository.webhook && repository.every_when_hooked > every;
  every = hooked ? *repository.every_when_hooked : every;
  if (staleness->value <= every) {
    context.report.error(staleness->place, "conflict",
                         "must be longer than the interval between two checks, which is " + format_duration(every) +
                             (hooked ? " (every_when_hooked)" : "") + whose);
    return;
  }
  const milliseconds gap = interval != nullptr ? every : repository.schedule.longest_gap(any_day);
  if (staleness->value <= gap) {
    context.report.warning(staleness->place, "conflict",
                           "is not longer than the longest time between two checks by cron, which is " +
                               format_duration(gap) + whose +
                               ": the repository is not ready towards the end of it; write more than that");
  }
}

void check_hooked(Context& context, const Repository& repository, const Settings& own) {
  if (own.every_when_hooked && !repository.webhook) {
    context.report.error(own.every_when_hooked->place, "conflict",
                         "has a meaning with webhook only; write webhook, or remove it");
  }
}

}  // namespace

Settings read_defaults(Context& context, const Value& value) {
  return read_settings(context, Fields(context, value, Section::defaults), Section::defaults);
}

Draft read_repository(Context& context, const Value& value) {
  Draft draft;
  draft.place = value.place();
  Fields fields(context, value, Section::repository);
  if (value.node->kind != Node::Kind::mapping) {
    return draft;
  }
  const bool named = fields.require("name", "write a name of a-z 0-9 . _ -");
  const bool has_url =
      fields.require("url", "write the remote's URL, for example https://git.example.com/team/docs.git");
  if (const auto name = fields.text("name", "a name of a-z 0-9 . _ -"); named && name) {
    if (const Complaint complaint = check_name(*name)) {
      context.report.error(fields.place_of("name"), "bad-value", *complaint);
    } else {
      draft.name = Located<std::string>{*name, fields.place_of("name")};
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
      draft.url = Located<http::Url>{*url, fields.place_of("url")};
    } else {
      context.report.error(fields.place_of("url"), "bad-url", url.error().text());
    }
  }
  if (!fields.has("link")) {
    draft.link = draft.name;
  } else if (const auto link = fields.text("link", "a path below data_dir")) {
    if (const Complaint complaint = check_link(*link)) {
      context.report.error(fields.place_of("link"), "bad-value", *complaint);
    } else {
      draft.link = Located<std::string>{*link, fields.place_of("link")};
    }
  }
  draft.settings = read_settings(context, fields, Section::repository);
  return draft;
}

Repository build_repository(Context& context, const Draft& draft, const Settings& defaults) {
  const Settings& own = draft.settings;
  Repository repository;
  repository.name = draft.name ? draft.name->value : "";
  repository.link = draft.link ? draft.link->value : "";
  if (const auto& ref = nearer(own.ref, defaults.ref)) {
    repository.ref = ref->value;
  }
  repository.schedule = build_schedule(context, draft, defaults);
  repository.depth = nearer(own.depth, defaults.depth).value_or(repository.depth);
  repository.timeout = nearer(own.timeout, defaults.timeout).value_or(repository.timeout);
  repository.symlinks = nearer(own.symlinks, defaults.symlinks).value_or(repository.symlinks);
  repository.names = nearer(own.names, defaults.names).value_or(repository.names);
  repository.share = nearer(own.share, defaults.share).value_or(repository.share);
  repository.allow_insecure = nearer(own.allow_insecure, defaults.allow_insecure).value_or(false);
  repository.allow_loopback = nearer(own.allow_loopback, defaults.allow_loopback).value_or(false);
  repository.suspend = nearer(own.suspend, defaults.suspend).value_or(false);
  if (const auto& webhook = nearer(own.webhook, defaults.webhook)) {
    repository.webhook = webhook->value;
  }
  if (own.ca_file) {
    repository.ca_file = own.ca_file->value;
  }
  if (const auto& staleness = nearer(own.max_staleness, defaults.max_staleness)) {
    repository.max_staleness = staleness->value;
  }
  if (const auto& hooked = nearer(own.every_when_hooked, defaults.every_when_hooked); hooked && repository.webhook) {
    repository.every_when_hooked = hooked->value;
  }
  for (std::size_t i = 0; i < std::size(limit_keys); ++i) {
    if (const auto& limit = nearer(own.limits[i], defaults.limits[i])) {
      repository.limits.*limit_keys[i].field = *limit;
    }
  }
  if (draft.url) {
    repository.url = draft.url->value;
    const bool insecure = repository.url.origin().scheme == "http";
    if (insecure && !repository.allow_insecure) {
      context.report.error(draft.url->place, "insecure",
                           "http is neither encrypted nor authenticated; write https, or " +
                               std::string(context.expand_values ? "allow_insecure: true here"
                                                                 : "a configuration file with allow_insecure: true"));
    }
    if (insecure && own.ca_file) {
      context.report.error(own.ca_file->place, "conflict", "an http URL has no certificate to check; remove ca_file");
    }
  }
  check_staleness(context, repository, draft, defaults);
  check_hooked(context, repository, own);
  return repository;
}

void check_hooks_arrive(Context& context, const std::vector<Draft>& drafts, const Settings& defaults,
                        const Admin& admin) {
  for (const Draft& draft : drafts) {
    const auto& webhook = nearer(draft.settings.webhook, defaults.webhook);
    if (webhook && admin.listen.empty()) {
      context.report.warning(webhook->place, "unused",
                             "no delivery can arrive, since no admin port is open; write admin.listen, or set "
                             "ADAPTER_ADMIN_LISTEN where the daemon runs");
      return;
    }
  }
}

void check_names_and_links(Context& context, const std::vector<Draft>& drafts) {
  std::map<std::string_view, const Draft*> names;
  std::map<std::string_view, const Draft*> links;
  for (const Draft& draft : drafts) {
    bool repeated = false;
    if (draft.name) {
      const auto [first, added] = names.emplace(draft.name->value, &draft);
      repeated = !added;
      if (repeated) {
        context.report.error(draft.name->place, "duplicate",
                             "there is already a repository of this name at " + first->second->name->place.text());
      }
    }
    if (!draft.link || (repeated && draft.link->value == draft.name->value)) {
      continue;  // the same fault is not reported twice
    }
    const auto [first, added] = links.emplace(draft.link->value, &draft);
    if (!added) {
      context.report.error(draft.link->place, "link-conflict",
                           "the link " + escape(draft.link->value) + " is already that of the repository at " +
                               first->second->link->place.text());
    }
  }
  for (const auto& [link, draft] : links) {
    for (std::size_t end = link.find('/'); end != std::string_view::npos; end = link.find('/', end + 1)) {
      const auto outer = links.find(link.substr(0, end));
      if (outer != links.end()) {
        context.report.error(draft->link->place, "link-conflict",
                             "the link " + escape(link) + " lies inside the link " + escape(outer->first) +
                                 " of the repository at " + outer->second->link->place.text());
      }
    }
  }
}

}  // namespace adapter::config
