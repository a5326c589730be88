// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"

namespace adapter::admin {

inline constexpr std::size_t max_payload_bytes = 1 * mib;  ///< of a body that is parsed
inline constexpr std::size_t max_clone_urls = 32;
inline constexpr std::size_t max_clone_url_bytes = 2048;
inline constexpr std::size_t max_ref_changes = 256;

/// One ref that a push moved.
struct RefChange {
  std::string ref;                 ///< full name
  std::optional<ObjectId> commit;  ///< what it points at now, an annotated tag included; nothing when deleted or unsaid
  bool deleted = false;

  friend bool operator==(const RefChange&, const RefChange&) = default;
};

/// What the body of a delivery says, as far as it matters here.
struct Payload {
  /// Every text that may be the address of the repository (to fetch, to clone by SSH, to look at), each once. Nobody
  /// contacts them: see same_repository().
  std::vector<std::string> clone_urls;
  std::vector<RefChange> changes;
  std::string event;  ///< the body's own word for what happened (GitLab, Azure DevOps); empty where it has none
  std::string id;     ///< the body's own id of the delivery (Azure DevOps); empty where it has none
};

/// Reads a body that was verified: JSON, or the form "payload=JSON" of GitHub, Gitea, Forgejo and Gogs. Which of them
/// it is, its first bytes say, as the Content-Type is not signed. Knows the pushes of GitHub, GitLab (system hooks
/// included), Gitea, Forgejo, Gogs, Bitbucket Cloud and Data Center, and Azure DevOps, and takes from any other body
/// what has the same names. What is too large, nested too deeply or no JSON at all is an empty payload: a hint without
/// details.
[[nodiscard]] Payload read_payload(std::string_view body);

}  // namespace adapter::admin
