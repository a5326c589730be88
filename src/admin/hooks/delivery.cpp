// SPDX-License-Identifier: Apache-2.0
#include "delivery.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

namespace adapter::admin {
namespace {

// In this order: Gitea and Forgejo send the names of those they descend from, too.
constexpr std::array<std::string_view, 6> event_fields = {"X-Forgejo-Event", "X-Gitea-Event",  "X-Gogs-Event",
                                                          "X-GitHub-Event",  "X-Gitlab-Event", "X-Event-Key"};

// GitLab's last two in this order: X-Gitlab-Event-UUID is the same for all that one event sets off.
constexpr std::array<std::string_view, 8> id_fields = {"X-Forgejo-Delivery",    "X-Gitea-Delivery",   "X-Gogs-Delivery",
                                                       "X-GitHub-Delivery",     "webhook-id",         "Idempotency-Key",
                                                       "X-Gitlab-Webhook-UUID", "X-Gitlab-Event-UUID"};

// Only with X-Event-Key: reverse proxies like to add an X-Request-Id of their own.
constexpr std::array<std::string_view, 2> bitbucket_id_fields = {"X-Request-UUID", "X-Request-Id"};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) noexcept {
  return std::find(words.begin(), words.end(), word) != words.end();
}

HookEvent event_of_word(std::string_view word, const Payload& payload) noexcept {
  if (is_one_of(word, {"ping", "diagnostics:ping"})) {
    return HookEvent::ping;
  }
  // A system hook of GitLab says in its body what it is.
  if (word == "System Hook") {
    return is_one_of(payload.event, {"push", "tag_push", "repository_update", ""}) ? HookEvent::push : HookEvent::other;
  }
  return is_one_of(word, {"push", "create", "delete", "Push Hook", "Tag Push Hook", "repo:push", "repo:refs_changed",
                          "mirror:repo_synchronized"})
             ? HookEvent::push
             : HookEvent::other;
}

std::string usable_id(std::string_view id) {
  const bool usable = id.size() <= max_delivery_id_bytes &&
                      std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  return usable ? std::string(id) : std::string();
}

template <std::size_t N>
std::string first_id(const http::Fields& fields, const std::array<std::string_view, N>& names) {
  for (const auto name : names) {
    if (auto id = usable_id(fields.get(name).value_or("")); !id.empty()) {
      return id;
    }
  }
  return {};
}

}  // namespace

Delivery read_delivery(const http::Fields& fields, const Payload& payload) {
  Delivery delivery;
  // A body without a word for it (a generic sender) is a push: somebody with the secret asks for a look.
  delivery.event = is_one_of(payload.event, {"git.push", "push", "tag_push", "repository_update", ""})
                       ? HookEvent::push
                       : HookEvent::other;
  for (const auto name : event_fields) {
    if (const auto word = fields.get(name)) {
      delivery.event = event_of_word(*word, payload);
      break;
    }
  }
  delivery.id = first_id(fields, id_fields);
  if (delivery.id.empty() && fields.get("X-Event-Key")) {
    delivery.id = first_id(fields, bitbucket_id_fields);
  }
  if (delivery.id.empty()) {
    delivery.id = usable_id(payload.id);
  }
  return delivery;
}

}  // namespace adapter::admin
