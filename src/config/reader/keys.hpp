// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// The keys of the configuration: the list that the parser, its suggestions and the test of the schema use.
namespace adapter::config {

/// A kind of mapping.
enum class Section : std::uint8_t {
  top,
  included,  ///< the top of a file that `include` names
  log,
  admin,
  concurrency,
  prune,
  defaults,
  repository,
  credential,
  webhook,
  limits,
};
inline constexpr Section all_sections[] = {
    Section::top,      Section::included,   Section::log,        Section::admin,   Section::concurrency, Section::prune,
    Section::defaults, Section::repository, Section::credential, Section::webhook, Section::limits};

struct Key {
  std::string_view name;
  enum class State : std::uint8_t {
    known,
    later,   ///< reserved: refused with "not in this version yet"
    secret,  ///< what people write for a secret's value: refused with what to write instead
  } state = State::known;
};

[[nodiscard]] std::span<const Key> keys_of(Section section) noexcept;
/// Those of repository_keys.hpp, which also says what their values are.
[[nodiscard]] std::span<const Key> repository_keys() noexcept;
[[nodiscard]] std::span<const Key> defaults_keys() noexcept;
[[nodiscard]] std::span<const Key> limit_keys() noexcept;

[[nodiscard]] std::string_view name_of(Section section) noexcept;

/// Why `key` is not one of the section's keys and what is: "unknown key; did you mean url?".
[[nodiscard]] std::string explain_unknown(Section section, std::string_view key);

}  // namespace adapter::config
