// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "adapter/base/limits.hpp"
#include "adapter/config/config.hpp"
#include "reader/fields.hpp"
#include "reader/value_kinds.hpp"

/// The keys of a repository and of `defaults`, each in one line of a table. Parsing, defaults, settings_fingerprint(),
/// and the tests of the schema and of docs/configuration.md derive from the tables. A field of Repository or Limits
/// that has no line does not compile (repository_keys.cpp).
namespace adapter::config {

/// Whether another value makes another tree of the same commit, or refuses the commit: such a key is in the
/// fingerprint.
enum class Affects : std::uint8_t { checks, tree };

/// Where a value comes from when the repository itself does not have the key.
enum class Inherits : std::uint8_t {
  defaults,
  elsewhere,  ///< the loader knows further places
};

/// One key whose value is a field of `Owner`.
template <class Owner>
struct FieldKey {
  std::string_view name;
  Affects affects;
  Inherits inherits;
  /// Stores the value; false when the key is absent, or when the value is wrong and was reported.
  bool (*read)(Context& context, const Fields& fields, std::string_view name, Owner& into);
  void (*copy)(const Owner& from, Owner& to);
  /// Of a key that affects the tree; null else.
  std::uint64_t (*number)(const Owner& owner);
  Shape (*shape)();
};

template <auto Field>
struct FieldOf;
template <class O, class T, T O::* Field>
struct FieldOf<Field> {
  using Owner = O;
  using Type = T;
};

/// The value of a key as its field holds it: a number as an enumeration, a duration as an optional one.
template <class Value, class Field>
void assign(const Value& value, Field& field) {
  field = static_cast<Field>(value);
}

/// A line of a table. `Kind` is one of value_kinds.hpp, or of the same form.
template <auto Field, class Kind>
constexpr auto field_key(std::string_view name, Affects affects = Affects::checks,
                         Inherits inherits = Inherits::defaults) {
  using Owner = typename FieldOf<Field>::Owner;
  using Type = typename FieldOf<Field>::Type;
  FieldKey<Owner> key{name, affects, inherits, nullptr, nullptr, nullptr, nullptr};
  key.read = [](Context& context, const Fields& fields, std::string_view its_name, Owner& into) {
    const auto value = Kind::read(context, fields, its_name);
    if (value) {
      assign(*value, into.*Field);
    }
    return value.has_value();
  };
  key.copy = [](const Owner& from, Owner& to) { to.*Field = from.*Field; };
  key.shape = [] { return Kind::shape(Owner().*Field); };
  if constexpr (std::is_enum_v<Type> || std::is_integral_v<Type>) {
    key.number = [](const Owner& owner) { return static_cast<std::uint64_t>(owner.*Field); };
  }
  return key;
}

/// When a repository is checked, as the keys say it.
struct ScheduleKeys {
  std::chrono::milliseconds every = schedule::Interval().every;
  std::string cron;  ///< a valid expression
  schedule::Zone timezone = schedule::Zone::utc();
  double jitter = schedule::Schedule().jitter;
};

/// Kinds of single keys.
struct RefName {
  static std::optional<std::string> read(Context& context, const Fields& fields, std::string_view name);
  static Shape shape(const std::string& value) { return {Shape::Type::text, 0, 0, {}, value}; }
};
struct CronExpression {
  static std::optional<std::string> read(Context& context, const Fields& fields, std::string_view name);
  static Shape shape(const std::string&) { return {}; }
};
struct ZoneName {
  static std::optional<schedule::Zone> read(Context& context, const Fields& fields, std::string_view name);
  static Shape shape(const schedule::Zone& value) { return {Shape::Type::text, 0, 0, {}, value.name()}; }
};
struct CertificateFile {
  static std::optional<std::filesystem::path> read(Context&, const Fields& fields, std::string_view name) {
    return fields.named_file(name, NamedFile::Kind::certificates);
  }
  static Shape shape(const std::optional<std::filesystem::path>&) { return {Shape::Type::path, 0, 0, {}, ""}; }
};
struct WebhookMapping {
  static std::optional<Webhook> read(Context& context, const Fields& fields, std::string_view name);
  static Shape shape(const std::optional<Webhook>&) { return {Shape::Type::mapping, 0, 0, {}, ""}; }
};

inline constexpr std::pair<std::string_view, SymlinkPolicy> symlink_policies[] = {
    {"inside", SymlinkPolicy::inside}, {"keep", SymlinkPolicy::keep}, {"refuse", SymlinkPolicy::refuse}};
inline constexpr std::pair<std::string_view, NamePolicy> name_policies[] = {{"portable", NamePolicy::portable},
                                                                            {"git", NamePolicy::git}};
inline constexpr std::pair<std::string_view, Share> shares[] = {{"all", Share::all}, {"group", Share::group}};

inline constexpr std::pair<std::string_view, std::string_view> webhook_kinds[] = {
    {"github", "github"}, {"gitlab", "gitlab"},       {"gitea", "gitea"}, {"forgejo", "forgejo"},
    {"gogs", "gogs"},     {"bitbucket", "bitbucket"}, {"azure", "azure"}, {"generic", "generic"}};

inline constexpr std::uint64_t second_ms = 1'000;
inline constexpr std::uint64_t day_ms = second_ms * 3'600 * 24;
using IntervalKind = Duration<100, 365 * day_ms>;

inline constexpr std::array schedule_table{
    field_key<&ScheduleKeys::every, IntervalKind>("every"),
    field_key<&ScheduleKeys::cron, CronExpression>("cron"),
    field_key<&ScheduleKeys::timezone, ZoneName>("timezone"),
    field_key<&ScheduleKeys::jitter, Percent>("jitter"),
};

/// All but name, url and link, which belong to one repository, the schedule and the limits.
inline constexpr std::array repository_table{
    field_key<&Repository::ref, RefName>("ref"),
    field_key<&Repository::depth, Integer<0, 1'000'000>>("depth", Affects::tree),
    field_key<&Repository::timeout, Duration<second_ms, day_ms>>("timeout"),
    field_key<&Repository::symlinks, OneOf<symlink_policies>>("symlinks", Affects::tree),
    field_key<&Repository::names, OneOf<name_policies>>("names", Affects::tree),
    field_key<&Repository::share, OneOf<shares>>("share", Affects::tree),
    field_key<&Repository::ca_file, CertificateFile>("ca_file", Affects::checks, Inherits::elsewhere),
    field_key<&Repository::allow_insecure, Boolean>("allow_insecure"),
    field_key<&Repository::allow_loopback, Boolean>("allow_loopback"),
    field_key<&Repository::max_staleness, IntervalKind>("max_staleness"),
    field_key<&Repository::suspend, Boolean>("suspend"),
    field_key<&Repository::webhook, WebhookMapping>("webhook"),
    field_key<&Repository::every_when_hooked, IntervalKind>("every_when_hooked"),
};

inline constexpr std::array limit_table{
    field_key<&Limits::max_pack_bytes, Size<1, 1024 * gib>>("max_pack_bytes", Affects::tree),
    field_key<&Limits::max_objects, Integer<1, 100'000'000>>("max_objects", Affects::tree),
    field_key<&Limits::max_object_bytes, Size<1, 64 * gib>>("max_object_bytes", Affects::tree),
    field_key<&Limits::max_paths, Integer<1, 100'000'000>>("max_paths", Affects::tree),
    field_key<&Limits::max_tree_bytes, Size<1, 1024 * gib>>("max_tree_bytes", Affects::tree),
    field_key<&Limits::max_depth, Integer<1, 1024>>("max_depth", Affects::tree),
    field_key<&Limits::max_refs, Integer<1, 10'000'000>>("max_refs"),
    field_key<&Limits::max_advertisement_bytes, Size<1, 4 * gib>>("max_advertisement_bytes"),
};

/// What one mapping gives of a table's keys: the values that were read, and where they stand.
template <const auto& Table>
class Given {
  template <class Owner>
  static Owner owner_of(const FieldKey<Owner>&);
  using Values = decltype(owner_of(Table[0]));

public:
  /// A name that is not in the table does not compile.
  struct Name {
    consteval Name(const char* name) : index(index_of(name)) {}  // NOLINT(google-explicit-constructor)
    std::size_t index;
  };

  void read(Context& context, const Fields& fields) {
    for (std::size_t i = 0; i < Table.size(); ++i) {
      if (Table[i].read(context, fields, Table[i].name, values_)) {
        places_[i] = fields.place_of(Table[i].name);
      }
    }
  }

  [[nodiscard]] const Values& values() const noexcept { return values_; }
  [[nodiscard]] bool has(Name name) const noexcept { return places_[name.index].has_value(); }
  /// Where the key's value stands; nullopt when it is absent or wrong.
  [[nodiscard]] const std::optional<Place>& place(Name name) const noexcept { return places_[name.index]; }

  /// Copies what `own` gives, and what only `defaults` gives of the keys that inherit it.
  static void merge(const Given& own, const Given& defaults, Values& into) {
    for (std::size_t i = 0; i < Table.size(); ++i) {
      if (own.places_[i]) {
        Table[i].copy(own.values_, into);
      } else if (defaults.places_[i] && Table[i].inherits == Inherits::defaults) {
        Table[i].copy(defaults.values_, into);
      }
    }
  }

private:
  static consteval std::size_t index_of(std::string_view name) {
    for (std::size_t i = 0; i < Table.size(); ++i) {
      if (Table[i].name == name) {
        return i;
      }
    }
    throw "there is no such key";  // ends the compilation
  }

  Values values_;
  std::array<std::optional<Place>, Table.size()> places_;
};

/// A key with its values, for tests.
struct DescribedKey {
  std::string_view name;
  Shape shape;
};
/// The keys of `defaults`, or of `limits`, in the order of the tables.
[[nodiscard]] std::vector<DescribedKey> describe_repository_keys();
[[nodiscard]] std::vector<DescribedKey> describe_limit_keys();

}  // namespace adapter::config
