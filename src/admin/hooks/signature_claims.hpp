// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/secret.hpp"
#include "adapter/http/message.hpp"

namespace adapter::admin {

/// Whose webhooks a repository receives: `kind` in the configuration.
enum class HookKind : std::uint8_t { any, github, gitlab, gitea, forgejo, gogs, bitbucket, azure, generic };

/// The kind of that name in the configuration, "" being any.
[[nodiscard]] std::optional<HookKind> hook_kind(std::string_view name) noexcept;

/// How far the time in a signature may be from ours, either way.
inline constexpr std::chrono::minutes max_signature_age{5};

/// How a delivery proves where it comes from. HEX is HMAC-SHA-256 of the body under the secret, in either case of
/// letters; Gitea, Forgejo and Gogs sign the JSON inside of a form instead.
enum class Scheme : std::uint8_t {
  /// X-Hub-Signature-256: sha256=HEX (docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).
  hub_256,
  /// X-Hub-Signature: sha256=HEX (support.atlassian.com/bitbucket-cloud/docs/manage-webhooks,
  /// confluence.atlassian.com/bitbucketserver/event-payload-938025882.html).
  hub,
  /// X-Gitea-Signature: HEX (docs.gitea.com/usage/webhooks; go-gitea/gitea services/webhook/deliver.go).
  gitea,
  /// X-Forgejo-Signature: HEX (forgejo.org/docs/latest/user/webhooks).
  forgejo,
  /// X-Gogs-Signature: HEX (gogs/gogs internal/db/webhook.go).
  gogs,
  /// X-Signature-256: sha256=HEX, of senders that are no forge.
  signature_256,
  /// X-Signature: sha256=HEX (fluxcd.io/flux/components/notification/receivers, generic-hmac).
  signature,
  /// webhook-signature: "v1,BASE64 …", any of them HMAC-SHA-256 of "ID.TIME.BODY" (webhook-id without a ".",
  /// webhook-timestamp in seconds) under the bytes that the secret "whsec_BASE64" stands for
  /// (standard-webhooks/standard-webhooks spec/standard-webhooks.md; the signing token of
  /// docs.gitlab.com/user/project/integrations/webhooks).
  standard,
  /// X-Gitlab-Token: the secret (docs.gitlab.com/user/project/integrations/webhooks).
  gitlab_token,
  /// Authorization: Basic, whose password is the secret
  /// (learn.microsoft.com/azure/devops/service-hooks/services/webhooks).
  basic,
  /// Authorization: Bearer and the secret (RFC 6750 §2.1).
  bearer,
};

/// Whether deliveries of that kind may prove themselves that way.
[[nodiscard]] bool allows(HookKind kind, Scheme scheme) noexcept;

/// One MAC that a request carries.
struct MacClaim {
  Scheme scheme = Scheme::hub_256;
  std::vector<std::string> digests{};  ///< of 32 bytes, one of which must be right; none: malformed
  bool is_sha1 = false;                ///< X-Hub-Signature in its old form
  bool is_stale = false;               ///< its time is further from ours than max_signature_age: it proves nothing
};

/// One secret that a request carries itself.
struct TokenClaim {
  Scheme scheme = Scheme::bearer;
  Secret secret;  ///< empty: malformed
};

/// All that a request's fields say about who sent it.
struct SignatureClaims {
  std::vector<MacClaim> macs;
  std::vector<TokenClaim> tokens;  ///< the one that decides first
  std::string standard_prefix;     ///< "ID.TIME." where `standard` is among the MACs and is not malformed
};

[[nodiscard]] SignatureClaims read_signature_claims(const http::Fields& fields,
                                                    std::chrono::system_clock::time_point now);

/// The key that `secret` means to the standard scheme; nothing when it is not of the form "whsec_BASE64".
[[nodiscard]] std::optional<Secret> standard_webhooks_key(const Secret& secret);

}  // namespace adapter::admin
