// SPDX-License-Identifier: Apache-2.0
#include "signature.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace adapter::admin {
namespace {

// The MACs that count for a key of this kind; an old SHA-1 signature only where it is alone, and then it is malformed.
std::vector<const MacClaim*> counting(const SignatureClaims& claims, HookKind kind) {
  std::vector<const MacClaim*> found;
  for (const auto& claim : claims.macs) {
    if (allows(kind, claim.scheme)) {
      found.push_back(&claim);
    }
  }
  const auto is_sha1 = [](const MacClaim* claim) { return claim->is_sha1; };
  if (!std::all_of(found.begin(), found.end(), is_sha1)) {
    std::erase_if(found, is_sha1);
  }
  return found;
}

bool proved_by_token(const SignatureClaims& claims, const HookKey& key) {
  for (const auto& claim : claims.tokens) {
    if (allows(key.kind, claim.scheme)) {
      return claim.secret == key.secret;
    }
  }
  return false;
}

bool is_stale(const std::vector<const MacClaim*>& macs) {
  return std::any_of(macs.begin(), macs.end(), [](const MacClaim* claim) { return claim->is_stale; });
}

bool is_among(const MacClaim& claim, const crypto::HmacSha256::Digest& digest) {
  return std::any_of(claim.digests.begin(), claim.digests.end(),
                     [&](const std::string& theirs) { return constant_time_equal(theirs, crypto::bytes_of(digest)); });
}

}  // namespace

SignatureCheck::SignatureCheck(const http::Fields& fields, std::span<const HookKey> keys,
                               std::chrono::system_clock::time_point now)
    : claims_(read_signature_claims(fields, now)) {
  for (std::size_t index = 0; index < keys.size(); ++index) {
    if (auto candidate = begin(keys[index], index)) {
      candidates_.push_back(std::move(*candidate));
    } else {
      fault_ = std::max(fault_, fault_of(keys[index]));
    }
  }
}

SignatureCheck::Fault SignatureCheck::fault_of(const HookKey& key) const {
  if (key.secret.empty()) {
    return Fault::no_proof;
  }
  if (!counting(claims_, key.kind).empty()) {
    return Fault::bad_mac;
  }
  for (const auto& claim : claims_.tokens) {
    if (allows(key.kind, claim.scheme)) {
      return claim.scheme == Scheme::gitlab_token ? Fault::wrong_gitlab_token
             : claim.scheme == Scheme::basic      ? Fault::wrong_basic
                                                  : Fault::wrong_bearer;
    }
  }
  return Fault::no_proof;
}

std::string_view SignatureCheck::refusal() const noexcept {
  switch (fault_) {
    case Fault::wrong_gitlab_token:
      return "the token in X-Gitlab-Token is not the secret of this webhook";
    case Fault::wrong_basic:
      return "the password in Authorization is not the secret of this webhook";
    case Fault::wrong_bearer:
      return "the token in Authorization is not the secret of this webhook";
    case Fault::bad_mac:
      return "the signature cannot be right: it is malformed, repeated, made with SHA-1, or not of the kind of "
             "this webhook's secret";
    case Fault::wrong_mac:
      return "the signature does not fit the body and the secret";
    case Fault::stale_mac:
      return "the signature is right, and its webhook-timestamp is more than five minutes from the time here: compare "
             "the "
             "clocks, or send the delivery anew";
    case Fault::no_proof:
      break;
  }
  return "the delivery is not signed, or not in a way that this webhook allows";
}

std::optional<SignatureCheck::Candidate> SignatureCheck::begin(const HookKey& key, std::size_t index) const {
  Candidate candidate{index, std::nullopt, std::nullopt, std::nullopt, key.kind};
  const auto macs = counting(claims_, key.kind);
  if (key.secret.empty() || (macs.empty() && !proved_by_token(claims_, key))) {
    return std::nullopt;
  }
  for (const auto* const claim : macs) {
    if (claim->digests.empty()) {
      return std::nullopt;
    }
    if (claim->scheme != Scheme::standard) {
      if (!candidate.body) {
        candidate.body.emplace(key.secret);
        candidate.payload.emplace(key.secret);
      }
      continue;
    }
    const auto standard_key = standard_webhooks_key(key.secret);
    if (!standard_key) {
      return std::nullopt;
    }
    candidate.standard.emplace(*standard_key);
    candidate.standard->update(claims_.standard_prefix);
  }
  return candidate;
}

void SignatureCheck::update(std::string_view body) {
  const auto payload = form_.update(body);
  for (auto& candidate : candidates_) {
    if (candidate.body) {
      candidate.body->update(body);
    }
    if (candidate.payload && !payload.empty()) {
      candidate.payload->update(payload);
    }
    if (candidate.standard) {
      candidate.standard->update(body);
    }
  }
}

bool SignatureCheck::verifies(Candidate& candidate, bool form) const {
  std::optional<crypto::HmacSha256::Digest> body;
  std::optional<crypto::HmacSha256::Digest> payload;
  std::optional<crypto::HmacSha256::Digest> standard;
  if (candidate.body) {
    body = candidate.body->finish();
  }
  if (candidate.payload && form) {
    payload = candidate.payload->finish();
  }
  if (candidate.standard) {
    standard = candidate.standard->finish();
  }
  const auto macs = counting(claims_, candidate.kind);
  return std::all_of(macs.begin(), macs.end(), [&](const MacClaim* claim) {
    if (claim->scheme == Scheme::standard) {
      return is_among(*claim, *standard);
    }
    return is_among(*claim, *body) || (payload && is_among(*claim, *payload));
  });
}

std::vector<std::size_t> SignatureCheck::finish() {
  std::vector<std::size_t> verified;
  for (auto& candidate : candidates_) {
    if (!verifies(candidate, form_.well_formed())) {
      fault_ = std::max(fault_, Fault::wrong_mac);
    } else if (is_stale(counting(claims_, candidate.kind))) {
      fault_ = Fault::stale_mac;
    } else {
      verified.push_back(candidate.key);
    }
  }
  return verified;
}

}  // namespace adapter::admin
