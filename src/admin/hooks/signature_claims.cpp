// SPDX-License-Identifier: Apache-2.0
#include "signature_claims.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "adapter/base/text.hpp"
#include "hooks/delivery.hpp"

namespace adapter::admin {
namespace {

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t max_signatures = 16;
constexpr std::size_t max_timestamp_digits = 12;
constexpr std::string_view sha256_prefix = "sha256=";
constexpr std::string_view whsec_prefix = "whsec_";

constexpr std::array<std::pair<std::string_view, HookKind>, 9> kind_names = {{
    {"", HookKind::any},
    {"github", HookKind::github},
    {"gitlab", HookKind::gitlab},
    {"gitea", HookKind::gitea},
    {"forgejo", HookKind::forgejo},
    {"gogs", HookKind::gogs},
    {"bitbucket", HookKind::bitbucket},
    {"azure", HookKind::azure},
    {"generic", HookKind::generic},
}};

struct HexField {
  Scheme scheme;
  std::string_view name;
  std::string_view prefix;
};

constexpr std::array<HexField, 7> hex_fields = {{
    {Scheme::hub_256, "X-Hub-Signature-256", sha256_prefix},
    {Scheme::hub, "X-Hub-Signature", sha256_prefix},
    {Scheme::gitea, "X-Gitea-Signature", ""},
    {Scheme::forgejo, "X-Forgejo-Signature", ""},
    {Scheme::gogs, "X-Gogs-Signature", ""},
    {Scheme::signature_256, "X-Signature-256", sha256_prefix},
    {Scheme::signature, "X-Signature", sha256_prefix},
}};

// The one value of the field; "" where it is repeated, which no reading of it makes sound.
std::optional<std::string_view> single(const http::Fields& fields, std::string_view name) {
  const auto value = fields.get(name);
  return value && fields.count(name) > 1 ? std::optional<std::string_view>("") : value;
}

std::vector<std::string> hex_digest(std::string_view value, std::string_view prefix) {
  if (!value.starts_with(prefix) || value.size() != prefix.size() + 2 * digest_bytes) {
    return {};
  }
  auto digest = from_hex(value.substr(prefix.size()));
  return digest ? std::vector<std::string>{std::move(*digest)} : std::vector<std::string>{};
}

// "v1,BASE64 v1,BASE64 v1a,…": those of other versions are not ours to judge.
std::vector<std::string> standard_digests(std::string_view value) {
  std::vector<std::string> digests;
  std::size_t seen = 0;
  for (const auto entry : split(value, ' ')) {
    if (++seen > max_signatures) {
      return {};
    }
    if (!entry.starts_with("v1,")) {
      continue;
    }
    if (auto digest = from_base64(entry.substr(3)); digest && digest->size() == digest_bytes) {
      digests.push_back(std::move(*digest));
    }
  }
  return digests;
}

// A "." in the id would let the same signed bytes be divided in several ways.
bool is_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= max_delivery_id_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '.'; });
}

bool is_timestamp(std::string_view text) noexcept {
  return !text.empty() && text.size() <= max_timestamp_digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_fresh(std::string_view timestamp, std::chrono::system_clock::time_point now) noexcept {
  std::int64_t seconds = 0;
  std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), seconds);
  const auto ours = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  return std::abs(ours - seconds) <= std::chrono::seconds(max_signature_age).count();
}

void read_standard(const http::Fields& fields, std::chrono::system_clock::time_point now, SignatureClaims& claims) {
  const auto signature = single(fields, "webhook-signature");
  if (!signature) {
    return;
  }
  MacClaim claim{Scheme::standard};
  const auto id = single(fields, "webhook-id").value_or("");
  const auto timestamp = single(fields, "webhook-timestamp").value_or("");
  if (is_id(id) && is_timestamp(timestamp)) {
    claim.is_stale = !is_fresh(timestamp, now);
    claim.digests = standard_digests(*signature);
    claims.standard_prefix = std::string(id) + '.' + std::string(timestamp) + '.';
  }
  claims.macs.push_back(std::move(claim));
}

TokenClaim read_authorization(std::string_view value) {
  const auto blank = value.find(' ');
  const auto scheme = value.substr(0, blank);
  const auto credentials = blank == std::string_view::npos ? std::string_view{} : trim(value.substr(blank + 1));
  if (equal_ignoring_case(scheme, "Bearer")) {
    return {Scheme::bearer, Secret(credentials)};
  }
  if (!equal_ignoring_case(scheme, "Basic")) {
    return {Scheme::bearer, Secret()};
  }
  auto decoded = from_base64(credentials);
  const Secret pair = decoded ? Secret(std::move(*decoded)) : Secret();
  const auto colon = pair.reveal().find(':');
  return {Scheme::basic, colon == std::string_view::npos ? Secret() : Secret(pair.reveal().substr(colon + 1))};
}

}  // namespace

std::optional<HookKind> hook_kind(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(kind_names.begin(), kind_names.end(), [&](const auto& entry) { return entry.first == name; });
  return found == kind_names.end() ? std::nullopt : std::optional(found->second);
}

bool allows(HookKind kind, Scheme scheme) noexcept {
  switch (kind) {
    case HookKind::any:
      return true;
    case HookKind::github:
      return scheme == Scheme::hub_256;
    case HookKind::gitlab:
      return scheme == Scheme::standard || scheme == Scheme::gitlab_token;
    case HookKind::gitea:
      return scheme == Scheme::gitea;
    case HookKind::forgejo:
      // Older Forgejos know only the name that they had as Gitea.
      return scheme == Scheme::forgejo || scheme == Scheme::gitea;
    case HookKind::gogs:
      return scheme == Scheme::gogs;
    case HookKind::bitbucket:
      return scheme == Scheme::hub;
    case HookKind::azure:
      return scheme == Scheme::basic;
    case HookKind::generic:
      return scheme == Scheme::signature_256 || scheme == Scheme::signature || scheme == Scheme::hub_256 ||
             scheme == Scheme::standard || scheme == Scheme::basic || scheme == Scheme::bearer;
  }
  return false;
}

SignatureClaims read_signature_claims(const http::Fields& fields, std::chrono::system_clock::time_point now) {
  SignatureClaims claims;
  for (const auto& [scheme, name, prefix] : hex_fields) {
    if (const auto value = single(fields, name)) {
      const bool is_sha1 = scheme == Scheme::hub && value->starts_with("sha1=");
      claims.macs.push_back({scheme, hex_digest(*value, prefix), is_sha1, false});
    }
  }
  read_standard(fields, now, claims);
  if (const auto token = single(fields, "X-Gitlab-Token")) {
    claims.tokens.push_back({Scheme::gitlab_token, Secret(*token)});
  }
  if (const auto authorization = single(fields, "Authorization")) {
    claims.tokens.push_back(read_authorization(*authorization));
  }
  return claims;
}

std::optional<Secret> standard_webhooks_key(const Secret& secret) {
  const auto text = secret.reveal();
  if (!text.starts_with(whsec_prefix)) {
    return std::nullopt;
  }
  auto key = from_base64(text.substr(whsec_prefix.size()));
  if (!key || key->empty()) {
    return std::nullopt;
  }
  return Secret(std::move(*key));
}

}  // namespace adapter::admin
