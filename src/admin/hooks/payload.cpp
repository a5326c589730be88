// SPDX-License-Identifier: Apache-2.0
#include "payload.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "adapter/base/json_depth.hpp"
#include "adapter/base/text.hpp"
#include "adapter/http/query.hpp"

namespace adapter::admin {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_ref_bytes = 1024;
constexpr std::size_t max_word_bytes = 128;

constexpr std::array<std::string_view, 13> url_names = {"clone_url", "git_http_url", "http_url", "remoteUrl", "git_url",
                                                        "html_url",  "web_url",      "homepage", "webUrl",    "url",
                                                        "ssh_url",   "git_ssh_url",  "sshUrl"};

// The member at the end of the path, or null.
const Json* find(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* at = &value;
  for (const auto name : path) {
    const auto* const object = at->get_ptr<const Json::object_t*>();
    if (object == nullptr) {
      return nullptr;
    }
    const auto member = object->find(std::string(name));
    if (member == object->end()) {
      return nullptr;
    }
    at = &member->second;
  }
  return at;
}

// The text at the end of the path; "" where there is none, or one that is too long or holds a control character.
std::string_view text_at(const Json& value, std::initializer_list<std::string_view> path, std::size_t max_bytes) {
  const Json* const found = find(value, path);
  const auto* const text = found != nullptr ? found->get_ptr<const Json::string_t*>() : nullptr;
  const bool usable = text != nullptr && text->size() <= max_bytes &&
                      std::none_of(text->begin(), text->end(),
                                   [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  return usable ? std::string_view(*text) : std::string_view{};
}

std::span<const Json> list_at(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* const found = find(value, path);
  const auto* const list = found != nullptr ? found->get_ptr<const Json::array_t*>() : nullptr;
  return list != nullptr ? std::span<const Json>(*list) : std::span<const Json>{};
}

void add_url(Payload& payload, std::string_view url) {
  const bool known = std::find(payload.clone_urls.begin(), payload.clone_urls.end(), url) != payload.clone_urls.end();
  if (!url.empty() && !known && payload.clone_urls.size() < max_clone_urls) {
    payload.clone_urls.emplace_back(url);
  }
}

// Bitbucket Data Center names its pages and, when it is old, not where to clone from: …/projects/KEY/repos/SLUG/browse
// stands for …/scm/key/SLUG.git, …/users/NAME/repos/SLUG/browse for …/scm/~name/SLUG.git.
void add_data_center_url(Payload& payload, std::string_view page, std::string_view folder, std::string_view mark) {
  static constexpr std::string_view repositories = "/repos/";
  const auto begin = page.rfind(folder);
  const auto middle = begin == std::string_view::npos ? begin : page.find(repositories, begin + folder.size());
  if (middle == std::string_view::npos) {
    return;
  }
  const auto key = page.substr(begin + folder.size(), middle - begin - folder.size());
  const auto rest = page.substr(middle + repositories.size());
  const auto slug = rest.substr(0, rest.find('/'));
  if (key.empty() || slug.empty() || key.find('/') != std::string_view::npos) {
    return;
  }
  std::string url(page.substr(0, begin));
  url += "/scm/";
  url += mark;
  url += to_lower(key);
  url += '/';
  url += slug;
  add_url(payload, url + ".git");
}

void add_urls_at(Payload& payload, const Json& body, std::initializer_list<std::string_view> path) {
  const Json* const repository = find(body, path);
  if (repository == nullptr) {
    return;
  }
  for (const auto name : url_names) {
    add_url(payload, text_at(*repository, {name}, max_clone_url_bytes));
  }
  add_url(payload, text_at(*repository, {"links", "html", "href"}, max_clone_url_bytes));
  for (const Json& link : list_at(*repository, {"links", "clone"})) {
    add_url(payload, text_at(link, {"href"}, max_clone_url_bytes));
  }
  for (const Json& link : list_at(*repository, {"links", "self"})) {
    const auto page = text_at(link, {"href"}, max_clone_url_bytes);
    add_data_center_url(payload, page, "/projects/", "");
    add_data_center_url(payload, page, "/users/", "~");
  }
}

void add_change(Payload& payload, std::string_view ref, std::string_view commit, bool deleted) {
  if (ref.empty() || payload.changes.size() == max_ref_changes) {
    return;
  }
  RefChange change{std::string(ref), ObjectId::from_hex(commit), deleted};
  if (change.deleted || (change.commit && change.commit->is_zero())) {
    change.commit.reset();
    change.deleted = true;
  }
  payload.changes.push_back(std::move(change));
}

std::string full_name(std::string_view type, std::string_view name) {
  if (name.empty() || name.starts_with("refs/")) {
    return std::string(name);
  }
  return (type == "tag" || type == "TAG" ? "refs/tags/" : "refs/heads/") + std::string(name);
}

// GitHub, GitLab, Gitea, Forgejo, Gogs: one ref a delivery; a `create` or `delete` names it in short.
void add_single_change(Payload& payload, const Json& body) {
  const auto ref = text_at(body, {"ref"}, max_ref_bytes);
  const auto type = text_at(body, {"ref_type"}, max_word_bytes);
  if (!ref.starts_with("refs/") && type.empty()) {
    return;
  }
  const Json* const deleted = find(body, {"deleted"});
  const auto after = text_at(body, {"after"}, max_word_bytes);
  add_change(payload, full_name(type, ref), after.empty() ? text_at(body, {"sha"}, max_word_bytes) : after,
             deleted != nullptr && *deleted == true);
}

// Bitbucket Cloud: "new" is null where the ref was deleted, "old" where it was created.
void add_bitbucket_change(Payload& payload, const Json& change) {
  const Json* const created = find(change, {"new"});
  const bool deleted = created == nullptr || created->is_null();
  const Json* const shown = deleted ? find(change, {"old"}) : created;
  if (shown != nullptr) {
    add_change(payload, full_name(text_at(*shown, {"type"}, max_word_bytes), text_at(*shown, {"name"}, max_ref_bytes)),
               text_at(*shown, {"target", "hash"}, max_word_bytes), deleted);
  }
}

// Bitbucket Data Center, and GitLab's repository_update.
void add_listed_change(Payload& payload, const Json& change) {
  const auto id = text_at(change, {"ref", "id"}, max_ref_bytes);
  if (!id.empty()) {
    add_change(payload, id, text_at(change, {"toHash"}, max_word_bytes),
               text_at(change, {"type"}, max_word_bytes) == "DELETE");
    return;
  }
  add_change(payload, text_at(change, {"ref"}, max_ref_bytes), text_at(change, {"after"}, max_word_bytes), false);
}

void add_changes(Payload& payload, const Json& body) {
  add_single_change(payload, body);
  for (const Json& change : list_at(body, {"push", "changes"})) {
    add_bitbucket_change(payload, change);
  }
  for (const Json& change : list_at(body, {"changes"})) {
    add_listed_change(payload, change);
  }
  for (const Json& change : list_at(body, {"resource", "refUpdates"})) {
    add_change(payload, text_at(change, {"name"}, max_ref_bytes), text_at(change, {"newObjectId"}, max_word_bytes),
               false);
  }
}

std::string body_id(const Json& body) {
  std::string id(text_at(body, {"id"}, max_word_bytes));
  const Json* const number = find(body, {"notificationId"});
  if (number != nullptr && number->is_number_unsigned()) {
    id += "/" + std::to_string(number->get<std::uint64_t>());
  }
  return id;
}

std::string_view body_event(const Json& body) {
  for (const std::string_view name : {"eventType", "object_kind", "event_name"}) {
    if (const auto event = text_at(body, {name}, max_word_bytes); !event.empty()) {
      return event;
    }
  }
  return {};
}

}  // namespace

Payload read_payload(std::string_view body) {
  std::optional<std::string> form;
  if (body.size() <= max_payload_bytes && body.starts_with("payload=")) {
    form = http::query_value(body, "payload");
  }
  const std::string_view text = form ? std::string_view(*form) : body;
  if (text.size() > max_payload_bytes || !is_shallow_json(text)) {
    return {};
  }
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return {};
  }
  Payload payload;
  add_urls_at(payload, json, {"repository"});
  add_urls_at(payload, json, {"project"});
  add_urls_at(payload, json, {"resource", "repository"});
  add_changes(payload, json);
  payload.event = body_event(json);
  payload.id = body_id(json);
  return payload;
}

}  // namespace adapter::admin
