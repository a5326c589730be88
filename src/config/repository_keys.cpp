// SPDX-License-Identifier: Apache-2.0
#include "repository_keys.hpp"

#include <algorithm>
#include <span>

#include "adapter/base/text.hpp"
#include "values.hpp"

namespace adapter::config {
namespace {

/// Fields of Repository that are not in repository_table: name, url, link; schedule; limits.
constexpr std::size_t other_fields = 5;

/// Fails to compile when a struct gets a field: write its key into the table, then count it here.
[[maybe_unused]] void count_fields(const Repository& repository, const Limits& limits, const ScheduleKeys& schedule) {
  [[maybe_unused]] const auto& [r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13, r14, r15, r16, r17, r18] =
      repository;
  static_assert(repository_table.size() + other_fields == 18);
  [[maybe_unused]] const auto& [l1, l2, l3, l4, l5, l6, l7, l8] = limits;
  static_assert(limit_table.size() == 8);
  [[maybe_unused]] const auto& [s1, s2, s3, s4] = schedule;
  static_assert(schedule_table.size() == 4);
}

constexpr std::array identity_keys{Key{"name"}, Key{"url"}, Key{"link"}};
constexpr std::array more_keys{
    Key{"limits"},
    Key{"history", Key::State::later},
    Key{"keep", Key::State::later},
    Key{"grace", Key::State::later},
    Key{"hooks", Key::State::later},
    Key{"paths", Key::State::later},
    Key{"submodules", Key::State::later},
    Key{"lfs", Key::State::later},
    Key{"verify", Key::State::later},
    Key{"password", Key::State::secret},
    Key{"token", Key::State::secret},
};

/// The schedule's keys follow `ref`, as in the documentation.
consteval auto list_repository_keys() {
  std::array<Key, identity_keys.size() + repository_table.size() + schedule_table.size() + more_keys.size()> keys;
  std::size_t count = 0;
  for (const Key& key : identity_keys) {
    keys[count++] = key;
  }
  for (const auto& line : repository_table) {
    keys[count++] = Key{line.name};
    if (line.name == "ref") {
      for (const auto& when : schedule_table) {
        keys[count++] = Key{when.name};
      }
    }
  }
  for (const Key& key : more_keys) {
    keys[count++] = key;
  }
  return keys;
}

consteval auto list_limit_keys() {
  std::array<Key, limit_table.size()> keys;
  std::transform(limit_table.begin(), limit_table.end(), keys.begin(), [](const auto& line) { return Key{line.name}; });
  return keys;
}

constexpr std::array all_repository_keys = list_repository_keys();
constexpr std::array all_limit_keys = list_limit_keys();

template <class Table, class Owner>
void add_fingerprint(const Table& table, const Owner& owner, std::string& text) {
  for (const auto& line : table) {
    if (line.affects == Affects::tree) {
      text += "-" + std::to_string(line.number(owner));
    }
  }
}

template <class Table>
void describe(const Table& table, std::vector<DescribedKey>& described) {
  for (const auto& line : table) {
    described.push_back(DescribedKey{line.name, line.shape()});
  }
}

}  // namespace

std::string write_size(std::uint64_t size_bytes) {
  constexpr std::pair<std::uint64_t, const char*> units[] = {
      {1024 * gib, "TiB"}, {gib, "GiB"}, {mib, "MiB"}, {kib, "KiB"}, {1, "B"}};
  const auto* unit =
      std::find_if(std::begin(units), std::end(units), [&](const auto& each) { return size_bytes % each.first == 0; });
  return std::to_string(size_bytes / unit->first) + unit->second;
}

std::optional<std::string> RefName::read(Context& context, const Fields& fields, std::string_view name) {
  const auto text = fields.text(name, "HEAD, a branch, a tag or a commit id");
  if (!text) {
    return std::nullopt;
  }
  Result<std::string> ref = read_ref(*text);
  if (!ref) {
    context.report.error(fields.place_of(name), "bad-value", ref.error().text());
    return std::nullopt;
  }
  if (std::optional<RefDoubt> doubt = doubt_about_ref(*ref)) {
    context.report.warning(fields.place_of(name), doubt->rule, std::move(doubt->text));
  }
  return std::move(*ref);
}

/// The hash key is only for H; any name shows whether the expression is valid.
std::optional<std::string> CronExpression::read(Context& context, const Fields& fields, std::string_view name) {
  auto text = fields.text(name, "five fields, for example \"*/5 * * * *\"");
  if (!text) {
    return std::nullopt;
  }
  const Result<schedule::Cron> parsed = schedule::Cron::parse(*text, "");
  if (!parsed) {
    constexpr std::string_view subject = "cron: ";  // the finding's key says it too
    const std::string fault = parsed.error().text();
    context.report.error(fields.place_of(name), "bad-value",
                         fault.starts_with(subject) ? fault.substr(subject.size()) : fault);
    return std::nullopt;
  }
  return text;
}

std::optional<schedule::Zone> ZoneName::read(Context& context, const Fields& fields, std::string_view name) {
  const auto text = fields.text(name, "a zone's name, for example Europe/Berlin");
  if (!text) {
    return std::nullopt;
  }
  const Result<schedule::Zone> zone = schedule::Zone::find(*text);
  if (!zone) {
    context.report.error(fields.place_of(name), "bad-value", zone.error().text());
    return std::nullopt;
  }
  return *zone;
}

std::optional<Webhook> WebhookMapping::read(Context& context, const Fields& repository, std::string_view name) {
  const Value* const value = repository.find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const Fields fields(context, *value, Section::webhook);
  Webhook webhook;
  if (value->node->kind != Node::Kind::mapping) {
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

std::span<const Key> repository_keys() noexcept {
  return all_repository_keys;
}

std::span<const Key> defaults_keys() noexcept {
  return repository_keys().subspan(identity_keys.size());
}

std::span<const Key> limit_keys() noexcept {
  return all_limit_keys;
}

std::string settings_fingerprint(const Repository& repository) {
  std::string text = "v1";
  add_fingerprint(repository_table, repository, text);
  add_fingerprint(limit_table, repository.limits, text);
  return text;
}

std::vector<DescribedKey> describe_repository_keys() {
  std::vector<DescribedKey> described;
  describe(schedule_table, described);
  describe(repository_table, described);
  return described;
}

std::vector<DescribedKey> describe_limit_keys() {
  std::vector<DescribedKey> described;
  describe(limit_table, described);
  return described;
}

}  // namespace adapter::config
