// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapter/config/config.hpp"

namespace adapter::sync {

/// What a repository left in the volume that is not configured any more.
struct Leftover {
  std::string name;
  std::vector<std::string> links;    ///< that it had; the last configured one first
  std::vector<std::string> leading;  ///< those of them that lead into its trees, and go with it
  /// A link that a configured repository still needs and that leads into its trees: it is not deleted. Empty: none.
  std::string needed_by;
};

/// What is configured, as far as deletion asks.
struct ConfiguredLinks {
  std::filesystem::path data_dir;
  std::map<std::string, std::string, std::less<>> link_of;  ///< by the repository's name

  [[nodiscard]] static ConfiguredLinks of(const config::Config& config);
  [[nodiscard]] bool is_claimed(const std::string& link) const;
};

/// Looks at the folders below .adapter. Blocking; any thread; changes nothing. A volume that cannot be listed has no
/// leftovers. Throws storage errors for links that cannot be read: then nothing may be deleted.
[[nodiscard]] std::vector<Leftover> find_leftovers(const ConfiguredLinks& configured);
/// The same for one name; nullopt when it has left nothing or is configured.
[[nodiscard]] std::optional<Leftover> find_leftover(const ConfiguredLinks& configured, const std::string& name);

}  // namespace adapter::sync
