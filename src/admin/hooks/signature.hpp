// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "adapter/base/secret.hpp"
#include "adapter/crypto/hmac.hpp"
#include "adapter/http/message.hpp"
#include "hooks/form_payload.hpp"
#include "hooks/signature_claims.hpp"

namespace adapter::admin {

/// One secret that may have signed a delivery, and the forge it was given to.
struct HookKey {
  Secret secret;
  HookKind kind = HookKind::any;
};

/// Whether a delivery comes from somebody who knows a secret, decided over the body as it arrives.
///
///   SignatureCheck check(head.fields, keys, now);
///   while (check.possible() && more of the body) { check.update(bytes); }
///   keys that verified = check.finish();    none: 401
///
/// Which proof counts. Of the schemes that the key's kind allows (all of them where it is HookKind::any):
///   1. If the request carries a MAC, every MAC it carries must be right under that key, and nothing else counts: a
///      right token does not rescue a wrong, malformed or repeated signature. X-Hub-Signature in its SHA-1 form is
///      passed over beside a better one (GitHub and Gitea send both), and proves nothing alone.
///   2. Else X-Gitlab-Token, when it is there, must be the secret.
///   3. Else the Authorization (the password of Basic with any user name, or Bearer) must be the secret.
/// What is malformed does not verify; it is never an error.
///
/// Secrets and MACs are compared in constant time. Each key costs one pass over the body, a second one for a body that
/// begins with "payload=": the caller bounds the number of keys. An Error of class config only where OpenSSL offers no
/// HMAC-SHA-256. Not synchronised.
class SignatureCheck {
public:
  /// Keys with an empty secret never verify. `now` is the wall clock, for signatures with a time in them.
  SignatureCheck(const http::Fields& fields, std::span<const HookKey> keys, std::chrono::system_clock::time_point now);

  /// False: no key can verify any more, whatever the body is.
  [[nodiscard]] bool possible() const noexcept { return !candidates_.empty(); }
  /// Why no key can verify where possible() is false, or did where finish() named none: one sentence for the sender.
  /// Holds nothing of a secret or of the request.
  [[nodiscard]] std::string_view refusal() const noexcept;
  void update(std::string_view body);
  /// The indices of the keys that verify, ascending; nothing may follow.
  [[nodiscard]] std::vector<std::size_t> finish();

private:
  struct Candidate {
    std::size_t key;
    /// Nothing where a token already proved it.
    std::optional<crypto::HmacSha256> body;
    std::optional<crypto::HmacSha256> payload;
    std::optional<crypto::HmacSha256> standard;
    HookKind kind;
  };

  /// How near a delivery that no key can verify came to a proof. A later one is the more useful text.
  enum class Fault : std::uint8_t {
    no_proof,
    bad_mac,
    wrong_bearer,
    wrong_basic,
    wrong_gitlab_token,
    wrong_mac,
    stale_mac
  };

  [[nodiscard]] std::optional<Candidate> begin(const HookKey& key, std::size_t index) const;
  [[nodiscard]] Fault fault_of(const HookKey& key) const;
  [[nodiscard]] bool verifies(Candidate& candidate, bool form) const;

  SignatureClaims claims_;
  FormPayload form_;
  std::vector<Candidate> candidates_;
  Fault fault_ = Fault::no_proof;
};

}  // namespace adapter::admin
