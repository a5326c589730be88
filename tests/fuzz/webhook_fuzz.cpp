// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/http/request_head.hpp"
#include "hooks/clone_url.hpp"
#include "hooks/delivery.hpp"
#include "hooks/payload.hpp"
#include "hooks/recent_deliveries.hpp"
#include "hooks/signature.hpp"

namespace {

namespace admin = adapter::admin;

// None of them stands in the corpus, and nobody guesses them: what verifies was not signed.
const std::array<std::string_view, 3> secrets = {"mEr6nTPfbnA3q5yxGVlB",
                                                 "whsec_kq0zqkWPi6BqmxGIgRlWmxE9cXo+lXEkyM7tVJCfDx4=", "zQ2hX0w7bRk1"};
constexpr std::chrono::system_clock::time_point now{std::chrono::seconds(1795435200)};

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

std::vector<admin::HookKey> all_keys() {
  std::vector<admin::HookKey> keys;
  for (const auto secret : secrets) {
    for (const std::string_view kind :
         {"", "github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket", "azure", "generic"}) {
      keys.push_back({adapter::Secret(secret), admin::hook_kind(kind).value()});
    }
  }
  return keys;
}

std::vector<std::size_t> verified(const adapter::http::Fields& fields, std::string_view body, std::size_t piece) {
  static const auto keys = all_keys();
  admin::SignatureCheck check(fields, keys, now);
  for (std::size_t at = 0; at < body.size(); at += piece) {
    check.update(body.substr(at, piece));
  }
  return check.finish();
}

// The same fields, with the right MAC of the body where they have one of this name.
adapter::http::Fields with_right_mac(const adapter::http::Fields& fields, std::string_view body) {
  adapter::crypto::HmacSha256 mac{adapter::Secret(secrets[0])};
  mac.update(body);
  const adapter::crypto::HmacSha256::Digest digest = mac.finish();
  adapter::http::Fields result;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    if (!adapter::equal_ignoring_case(name, "X-Hub-Signature-256")) {
      result.add(name, value);
    }
  }
  result.add("X-Hub-Signature-256", "sha256=" + adapter::to_hex(adapter::crypto::bytes_of(digest)));
  return result;
}

void check_payload(const adapter::http::Fields& fields, std::string_view body) {
  const auto payload = admin::read_payload(body);
  require(payload.clone_urls.size() <= admin::max_clone_urls && payload.changes.size() <= admin::max_ref_changes);
  const auto configured = adapter::http::Url::parse("https://git.example.com/team/docs.git").value();
  for (const auto& url : payload.clone_urls) {
    require(!url.empty() && url.size() <= 2 * admin::max_clone_url_bytes);
    require(!admin::same_repository(configured, url) || url.find("docs") != std::string::npos);
  }
  static_cast<void>(admin::same_repository(configured, body.substr(0, 3000)));
  for (const auto& change : payload.changes) {
    require(!change.ref.empty() && (!change.deleted || !change.commit));
  }
  const auto delivery = admin::read_delivery(fields, payload);
  require(delivery.id.size() <= 128 && delivery.id.find_first_of("\r\n ") == std::string::npos);
  admin::RecentDeliveries recent;
  require(recent.is_first("", delivery.id, {}));
  require(recent.is_first("", delivery.id, {}) == delivery.id.empty());
}

}  // namespace

// Input: how the body is divided, a request's head, its body. Without a secret nothing verifies; with one, only the
// kinds that its scheme is for do.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  adapter::http::RequestHeadParser parser;
  const auto used = parser.feed(bytes);
  if (!parser.complete()) {
    check_payload({}, bytes);
    return 0;
  }
  const auto& fields = parser.head().fields;
  const auto body = bytes.substr(used);
  const std::size_t piece = std::max<std::size_t>(data[0], 1);
  require(verified(fields, body, piece).empty());
  const auto right = with_right_mac(fields, body);
  const auto keys = verified(right, body, piece);
  require(keys == verified(right, body, std::max<std::size_t>(body.size(), 1)));
  require(std::all_of(keys.begin(), keys.end(), [](std::size_t key) { return key < 9; }));
  require(std::find(keys.begin(), keys.end(), 1U) != keys.end());
  check_payload(fields, body);
  return 0;
}
