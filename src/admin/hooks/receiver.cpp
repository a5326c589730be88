// SPDX-License-Identifier: Apache-2.0
#include "hooks/receiver.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "hooks/clone_url.hpp"
#include "hooks/delivery.hpp"

namespace adapter::admin {
namespace {

constexpr std::chrono::minutes between_refusal_logs{1};

Reply json(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

/// Empty, and said in the log, when it cannot be read: then nothing is signed with it.
Secret secret_in(auth::SharedSecret& secret, const std::string& file) {
  auth::SharedSecret::Look look = secret.look();
  if (look.is_news) {
    log::warning("hook_secret_unreadable", look.failure->text(), {{"file", file}});
  }
  return std::move(look.value);
}

}  // namespace

/// A body among those that arrive, while it lives.
class HookReceiver::Turn {
public:
  Turn(HookReceiver& receiver, RequestBody& body) : receiver_(receiver), body_(body) {
    const std::lock_guard lock(receiver_.mutex_);
    if (receiver_.receiving_.size() >= max_receiving) {
      receiver_.receiving_.front()->cut();
      receiver_.receiving_.pop_front();
    }
    receiver_.receiving_.push_back(&body_);
  }
  ~Turn() {
    const std::lock_guard lock(receiver_.mutex_);
    receiver_.receiving_.remove(&body_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

private:
  HookReceiver& receiver_;
  RequestBody& body_;
};

void HookReceiver::apply(const config::Config& config) {
  auto hooks = std::make_shared<Hooks>();
  for (const config::Repository& repository : config.repositories) {
    if (!repository.webhook) {
      continue;
    }
    std::vector<std::string> files;
    for (const std::filesystem::path& file : repository.webhook->secret_files) {
      files.push_back(file.native());
      std::shared_ptr<auth::SharedSecret>& secret = hooks->secrets[files.back()];
      if (!secret) {
        secret =
            std::make_shared<auth::SharedSecret>(config::SecretSource{config::SecretSource::Kind::file, files.back()});
      }
    }
    hooks->all.push_back({repository.name, repository.url, hook_kind(repository.webhook->kind).value_or(HookKind::any),
                          std::move(files)});
  }
  const std::lock_guard lock(mutex_);
  hooks_ = std::move(hooks);
}

void HookReceiver::check_secrets() {
  std::shared_ptr<const Hooks> hooks;
  {
    const std::lock_guard lock(mutex_);
    hooks = hooks_;
  }
  for (const auto& [file, secret] : hooks->secrets) {
    static_cast<void>(secret_in(*secret, file));
  }
}

HookReceiver::Candidates HookReceiver::candidates(const Hooks& hooks, const std::optional<std::string>& name) {
  Candidates found;
  std::map<std::pair<std::string, HookKind>, std::size_t> known;
  for (const Hook& hook : hooks.all) {
    if (name && hook.name != *name) {
      continue;
    }
    for (const std::string& file : hook.secret_files) {
      const auto [place, is_new] = known.try_emplace({file, hook.kind}, found.keys.size());
      if (is_new && found.keys.size() == max_shared_secrets) {
        known.erase(place);
        continue;
      }
      if (is_new) {
        found.keys.push_back({secret_in(*hooks.secrets.at(file), file), hook.kind});
        found.owners.emplace_back();
        found.unreadable += found.keys.back().secret.empty() ? 1U : 0U;
      }
      found.owners[place->second].push_back(&hook);
    }
  }
  return found;
}

Reply HookReceiver::deliver(const http::RequestHead& head, RequestBody& body, const std::optional<std::string>& name) {
  std::shared_ptr<const Hooks> hooks;
  {
    const std::lock_guard lock(mutex_);
    hooks = hooks_;
  }
  const bool there = name ? std::ranges::any_of(hooks->all, [&](const Hook& hook) { return hook.name == *name; })
                          : !hooks->all.empty();
  if (!there) {
    return problem(404, name ? "no repository of this name has a webhook" : "no repository has a webhook");
  }
  if (!name && head.content_length.value_or(0) > max_payload_bytes) {
    return problem(413, "a body over 1 MiB is taken by POST /hooks/NAME only");
  }
  const Received received = receive(head, body, candidates(*hooks, name));
  return received.refusal ? *received.refusal : take(head, received, name);
}

HookReceiver::Received HookReceiver::receive(const http::RequestHead& head, RequestBody& body,
                                             const Candidates& candidates) {
  Received received;
  SignatureCheck check(head.fields, candidates.keys, std::chrono::system_clock::now());
  if (!check.possible()) {
    received.refusal = refuse(candidates, check.refusal(), head.path);
    return received;
  }
  received.kept = head.content_length.value_or(0) <= max_payload_bytes;
  const RequestBody::End end = [&] {
    const Turn turn(*this, body);
    return body.read([&](std::string_view bytes) {
      check.update(bytes);
      if (received.kept) {
        received.text += bytes;
      }
      return true;
    });
  }();
  if (end != RequestBody::End::complete) {
    received.refusal =
        problem(end == RequestBody::End::timed_out ? 408 : 400, "the body did not arrive as its length says");
    return received;
  }
  for (const std::size_t key : check.finish()) {
    for (const Hook* const hook : candidates.owners[key]) {
      if (std::ranges::find(received.owners, hook) == received.owners.end()) {
        received.owners.push_back(hook);
      }
    }
  }
  if (received.owners.empty()) {
    received.refusal = refuse(candidates, check.refusal(), head.path);
  }
  return received;
}

Reply HookReceiver::take(const http::RequestHead& head, const Received& received,
                         const std::optional<std::string>& name) {
  Payload payload;
  if (received.kept) {
    const std::lock_guard one_at_a_time(parsing_);  // a parsed body can be many times as large
    payload = read_payload(received.text);
  }
  const Delivery delivery = read_delivery(head.fields, payload);
  if (delivery.event == HookEvent::ping) {
    parts_.metrics.count_delivery("ping");
    return json(200, "{\"ping\":true}\n");
  }
  std::vector<std::string> accepted;
  for (const Hook* const hook : received.owners) {
    const bool meant = name || std::ranges::any_of(payload.clone_urls, [&](const std::string& url) {
                         return same_repository(hook->url, url);
                       });
    if (meant && delivery.event == HookEvent::push) {
      accepted.push_back(hook->name);
    }
  }
  if (accepted.empty()) {
    parts_.metrics.count_delivery("unmatched");
    return json(200, "{\"accepted\":[]}\n");
  }
  {
    const std::lock_guard lock(mutex_);
    if (!recent_.is_first(name.value_or(""), delivery.id, std::chrono::steady_clock::now())) {
      parts_.metrics.count_delivery("duplicate");
      return json(200, "{\"duplicate\":true}\n");
    }
  }
  parts_.metrics.count_delivery("accepted");
  std::string list;
  for (const std::string& each : accepted) {
    announce(each, payload);
    list += (list.empty() ? "\"" : ",\"") + each + "\"";
  }
  return json(202, "{\"accepted\":[" + list + "]}\n");
}

void HookReceiver::announce(const std::string& name, const Payload& payload) {
  std::vector<sync::Announcement> pushes;
  pushes.reserve(payload.changes.size() + 1);
  for (const RefChange& change : payload.changes) {
    pushes.push_back({change.ref, change.commit});
  }
  if (pushes.empty()) {
    pushes.emplace_back();
  }
  log::debug("hook_received", "a webhook says that there was a push",
             {{"repository", name}, {"refs", payload.changes.size()}});
  asio::post(parts_.loop, [name, pushes = std::move(pushes), &daemon = parts_.daemon] {
    sync::Engine* const engine = daemon.engine();
    for (const sync::Announcement& push : pushes) {
      if (engine != nullptr) {
        engine->announce(name, push);
      }
    }
  });
}

/// `where` is what the delivery asked for.
Reply HookReceiver::refuse(const Candidates& candidates, std::string_view why, const std::string& where) {
  const bool judged = candidates.unreadable < candidates.keys.size();
  std::string text(judged ? why : "the adapter cannot read the secret of this webhook; its log names the file");
  if (judged && candidates.unreadable > 0) {
    text += "; one of the secrets cannot be read by the adapter, whose log names the file";
  }
  parts_.metrics.count_delivery("refused");
  {
    const std::lock_guard lock(mutex_);
    ++refusals_;
    const auto now = std::chrono::steady_clock::now();
    if (!refusal_logged_ || now - *refusal_logged_ >= between_refusal_logs) {
      // Whoever can reach the port can cause these: one line a minute.
      log::warning("hooks_refused", text, {{"path", where}, {"count", refusals_}});
      refusal_logged_ = now;
      refusals_ = 0;
    }
  }
  return problem(judged ? 401 : 503, text);
}

}  // namespace adapter::admin
