// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapter/config/config.hpp"
#include "reader/fields.hpp"
#include "repository_keys.hpp"

namespace adapter::config {

using GivenKeys = Given<repository_table>;
using GivenSchedule = Given<schedule_table>;
using GivenLimits = Given<limit_table>;

/// What may stand in a repository and in `defaults`, as far as it was given.
struct RepositorySettings {
  GivenKeys keys;
  GivenSchedule schedule;
  GivenLimits limits;
  bool says_when = false;  ///< every or cron stands there, be it wrong
  bool says_cron = false;
};

[[nodiscard]] RepositorySettings read_defaults(Context& context, const Value& value);

/// One entry of `repositories` before defaults and credentials are known. A field that is wrong is absent and reported.
struct ParsedRepository {
  Place place;
  std::optional<Located<std::string>> name;
  std::optional<Located<http::Url>> url;
  std::optional<Located<std::string>> link;  ///< the name when the key is absent
  RepositorySettings settings;
};
[[nodiscard]] ParsedRepository read_repository(Context& context, const Value& value);

/// The repository over the defaults, with what only shows when both are known reported. `ca_file` is left to the caller
/// unless the repository itself names one.
[[nodiscard]] Repository build_repository(Context& context, const ParsedRepository& parsed,
                                          const RepositorySettings& defaults);

/// Warns, once, of a webhook while no admin port is open that could receive a delivery.
void check_hooks_arrive(Context& context, const std::vector<ParsedRepository>& repositories,
                        const RepositorySettings& defaults, const Admin& admin);

/// Reports names and links that two repositories share, and links inside others.
void check_names_and_links(Context& context, const std::vector<ParsedRepository>& repositories);

}  // namespace adapter::config
