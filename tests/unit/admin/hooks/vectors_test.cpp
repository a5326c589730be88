// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "hooks/clone_url.hpp"
#include "hooks/delivery.hpp"
#include "hooks/payload.hpp"
#include "hooks/signature.hpp"

namespace adapter::admin {
namespace {

using Json = nlohmann::json;

Json vectors() {
  std::ifstream file(WEBHOOK_VECTORS);
  return Json::parse(file);
}

http::Fields fields_of(const Json& vector) {
  http::Fields fields;
  for (const auto& field : vector.at("headers")) {
    fields.add(field.at(0).get<std::string>(), field.at(1).get<std::string>());
  }
  return fields;
}

std::vector<std::size_t> verified(const Json& vector, std::size_t piece) {
  std::vector<HookKey> keys;
  for (const auto& secret : vector.at("secrets")) {
    keys.push_back({Secret(secret.get<std::string>()), hook_kind(vector.at("kind").get<std::string>()).value()});
  }
  const std::chrono::system_clock::time_point now{std::chrono::seconds(vector.at("now").get<std::int64_t>())};
  SignatureCheck check(fields_of(vector), keys, now);
  const auto body = vector.at("body").get<std::string>();
  for (std::size_t at = 0; at < body.size(); at += piece) {
    check.update(std::string_view(body).substr(at, piece));
  }
  return check.finish();
}

std::string_view name_of(HookEvent event) {
  return event == HookEvent::push ? "push" : event == HookEvent::ping ? "ping" : "other";
}

Json changes_of(const Payload& payload) {
  Json changes = Json::array();
  for (const auto& change : payload.changes) {
    changes.push_back({{"ref", change.ref},
                       {"commit", change.commit ? Json(change.commit->to_hex()) : Json()},
                       {"deleted", change.deleted}});
  }
  return changes;
}

TEST(WebhookVectors, AreVerifiedAsTheForgesSignThem) {
  std::size_t good = 0;
  std::size_t bad = 0;
  for (const auto& vector : vectors()) {
    const auto expected = vector.at("verified").get<std::vector<std::size_t>>();
    (expected.empty() ? bad : good) += 1;
    for (const std::size_t piece : {1U, 3U, 100U, 1U << 20U}) {
      EXPECT_EQ(verified(vector, piece), expected) << vector.at("name") << " in pieces of " << piece;
    }
  }
  EXPECT_GE(good, 70U);
  EXPECT_GE(bad, 90U);
}

TEST(WebhookVectors, MeanWhatTheForgesSay) {
  std::size_t looked_at = 0;
  for (const auto& vector : vectors()) {
    const auto payload = read_payload(vector.at("body").get<std::string>());
    const auto delivery = read_delivery(fields_of(vector), payload);
    if (vector.contains("event")) {
      EXPECT_EQ(name_of(delivery.event), vector.at("event").get<std::string>()) << vector.at("name");
    }
    if (vector.contains("id")) {
      EXPECT_EQ(delivery.id, vector.at("id").get<std::string>()) << vector.at("name");
    }
    if (vector.contains("changes")) {
      EXPECT_EQ(changes_of(payload), vector.at("changes")) << vector.at("name");
    }
    if (vector.contains("repository")) {
      ++looked_at;
      const auto url = http::Url::parse(vector.at("repository").get<std::string>()).value();
      EXPECT_TRUE(std::any_of(payload.clone_urls.begin(), payload.clone_urls.end(), [&](const std::string& text) {
        return same_repository(url, text);
      })) << vector.at("name");
      const auto other = url.with_suffix("x");
      EXPECT_FALSE(std::any_of(payload.clone_urls.begin(), payload.clone_urls.end(), [&](const std::string& text) {
        return same_repository(other, text);
      })) << vector.at("name");
    }
  }
  EXPECT_GE(looked_at, 50U);
}

}  // namespace
}  // namespace adapter::admin
