// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <vector>

#include "adapter/config/config.hpp"
#include "reader/fields.hpp"

namespace adapter::config {

/// What may stand in a repository and in `defaults`, as far as it was given.
struct Settings {
  std::optional<Located<std::string>> ref;
  bool says_when = false;  ///< every or cron stands there, be it wrong
  bool says_cron = false;
  std::optional<Located<std::chrono::milliseconds>> every;
  std::optional<Located<std::string>> cron;
  std::optional<Located<schedule::Zone>> timezone;
  std::optional<double> jitter;
  std::optional<std::uint32_t> depth;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<SymlinkPolicy> symlinks;
  std::optional<NamePolicy> names;
  std::optional<Share> share;
  std::optional<Located<std::filesystem::path>> ca_file;
  std::optional<bool> allow_insecure;
  std::optional<bool> allow_loopback;
  std::optional<Located<std::chrono::milliseconds>> max_staleness;
  std::optional<bool> suspend;
  std::optional<Located<Webhook>> webhook;
  std::optional<Located<std::chrono::milliseconds>> every_when_hooked;
  std::array<std::optional<std::uint64_t>, 8> limits;  ///< in the order of Limits' fields
};

[[nodiscard]] Settings read_defaults(Context& context, const Value& value);

/// One entry of `repositories` before defaults and credentials are known. A field that is wrong is absent and reported.
struct Draft {
  Place place;
  std::optional<Located<std::string>> name;
  std::optional<Located<http::Url>> url;
  std::optional<Located<std::string>> link;  ///< the name when the key is absent
  Settings settings;
};
[[nodiscard]] Draft read_repository(Context& context, const Value& value);

/// The draft over the defaults, with what only shows when both are known reported. `ca_file` is left to the caller
/// unless the repository itself names one.
[[nodiscard]] Repository build_repository(Context& context, const Draft& draft, const Settings& defaults);

/// Warns, once, of a webhook while no admin port is open that could receive a delivery.
void check_hooks_arrive(Context& context, const std::vector<Draft>& drafts, const Settings& defaults,
                        const Admin& admin);

/// Reports names and links that two repositories share, and links inside others.
void check_names_and_links(Context& context, const std::vector<Draft>& drafts);

}  // namespace adapter::config
