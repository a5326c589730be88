// SPDX-License-Identifier: Apache-2.0
#include "adapter/admin/server.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "api.hpp"
#include "board.hpp"
#include "hooks/receiver.hpp"
#include "metrics/metrics.hpp"
#include "page/page.hpp"
#include "server/access.hpp"
#include "server/front.hpp"
#include "server/listener.hpp"
#include "server/routes.hpp"
#include "snapshot.hpp"

namespace adapter::admin {
namespace {

Reply token_missing() {
  Reply reply = problem(401, "this needs the token: as Bearer, or as the password of Basic with any user name");
  reply.fields.emplace_back("WWW-Authenticate", "Basic realm=\"adapter\", charset=\"UTF-8\"");
  return reply;
}

Reply page() {
  Reply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.body = page_html();
  reply.fields.emplace_back("Content-Security-Policy", page_content_security_policy());
  reply.fields.emplace_back("X-Frame-Options", "DENY");
  return reply;
}

bool asks_for_health(const http::RequestHead& head) {
  const Route route = match_route(head.method, head.path).route;
  return (route == Route::healthz || route == Route::readyz) && !head.content_length;
}

using Names = std::set<std::string, std::less<>>;

/// Both of those who are told of events. Not of a repository that a reload removes while it ends what it has begun:
/// nobody would ever forget it again.
class Observers final : public sync::Observer {
public:
  Observers(Board& board, Metrics& metrics, const Names& configured)
      : board_(board), metrics_(metrics), configured_(configured) {}
  void on_event(const sync::Event& event) noexcept override {
    if (event.repository.empty() || configured_.contains(event.repository)) {
      metrics_.on_event(event);
      board_.on_event(event);
    }
  }

private:
  Board& board_;
  Metrics& metrics_;
  const Names& configured_;
};

class LiveServer final : public Server {
public:
  LiveServer(const asio::any_io_executor& loop, Daemon& daemon, Listener listener,
             const std::shared_ptr<const config::Config>& config, Options options)
      : parts_{loop,
               daemon,
               board_,
               metrics_,
               std::make_shared<SnapshotSource>(loop, daemon, board_),
               std::move(options)},
        observers_(board_, metrics_, names_),
        address_(std::move(listener.address)),
        api_(parts_),
        receiver_(parts_),
        front_(
            std::move(listener.socket),
            [this](const http::RequestHead& head, RequestBody& body) {
              const async::JobList::Entry listed(*parts_.options.jobs, "", "answer a request");
              return answer(head, body);
            },
            &asks_for_health) {
    if (config) {
      LiveServer::apply(config);
      if (auto failure = LiveServer::check_secrets()) {
        throw Error(std::move(*failure));
      }
    } else {
      access_.apply(config::Admin(), address_);
    }
    parts_.snapshots->start_beating();
    front_.start();
  }
  ~LiveServer() override { LiveServer::join(); }
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  sync::Observer& observer() noexcept override { return observers_; }
  void apply(std::shared_ptr<const config::Config> config) override;
  [[nodiscard]] std::optional<Error> check_secrets() override {
    receiver_.check_secrets();
    return access_.check_token();
  }
  [[nodiscard]] const std::string& address() const noexcept override { return address_; }
  void stop() override {
    board_.stop();
    parts_.snapshots->stop();
    parts_.snapshots->stop_beating();
    front_.stop();
  }
  void join() override {
    LiveServer::stop();
    front_.join();
  }

private:
  Reply answer(const http::RequestHead& head, RequestBody& body);
  Reply answer_open(const Match& match, const http::RequestHead& head, RequestBody& body);
  Reply answer_with_token(const Match& match, const http::RequestHead& head, RequestBody& body);

  Board board_;
  Metrics metrics_;
  Parts parts_;
  Observers observers_;
  std::string address_;
  Access access_;
  Api api_;
  HookReceiver receiver_;
  Names names_;  ///< that are configured; of the loop thread
  Front front_;  // last: its threads use all of the above
};

void LiveServer::apply(std::shared_ptr<const config::Config> config) {
  Names names;
  for (const config::Repository& repository : config->repositories) {
    names.insert(repository.name);
  }
  for (const std::string& name : names_) {
    if (!names.contains(name)) {
      metrics_.forget(name);
    }
  }
  board_.retain(names, SecretPaths(*config));
  names_ = std::move(names);
  receiver_.apply(*config);
  parts_.snapshots->set_config(config);
  access_.apply(config->admin, address_);
}

Reply LiveServer::answer(const http::RequestHead& head, RequestBody& body) {
  const Match match = match_route(head.method, head.path);
  if (!access_.host_is_allowed(head)) {
    return problem(421, "this host name is not answered; list it in admin.allowed_hosts");
  }
  if (match.route == Route::none) {
    return problem(404, "there is nothing here");
  }
  if (!match.method_fits) {
    Reply reply = problem(405, "this is for " + std::string(match.allow) + " only");
    reply.fields.emplace_back("Allow", match.allow);
    return reply;
  }
  const bool hook = match.route == Route::hook || match.route == Route::hooks;
  if (head.content_length.value_or(0) > (hook ? max_hook_body_bytes : max_body_bytes)) {
    return problem(413, "the body is too large");
  }
  if (head.method != "POST" && head.content_length.value_or(0) != 0) {
    return problem(400, "a GET has no body here");
  }
  if (head.method == "POST" && Access::is_foreign(head)) {
    return problem(403, "a page of another site may not ask for this");
  }
  return answer_open(match, head, body);
}

/// What does not need the token by itself.
Reply LiveServer::answer_open(const Match& match, const http::RequestHead& head, RequestBody& body) {
  switch (match.route) {
    case Route::healthz:
      return api_.healthz();
    case Route::readyz:
      return api_.readyz(access_.has_token(head));
    case Route::hook:
      return receiver_.deliver(head, body, match.name);
    case Route::hooks:
      return receiver_.deliver(head, body, std::nullopt);
    default:
      break;
  }
  if (!access_.has_token(head)) {
    return token_missing();
  }
  if (head.method == "POST") {
    // Nobody's body is of interest here; read, so that the connection can go on.
    const RequestBody::End end = body.read([](std::string_view) { return true; });
    if (end != RequestBody::End::complete) {
      return problem(end == RequestBody::End::timed_out ? 408 : 400, "the body did not arrive");
    }
  }
  return answer_with_token(match, head, body);
}

Reply LiveServer::answer_with_token(const Match& match, const http::RequestHead& head, RequestBody& body) {
  switch (match.route) {
    case Route::page:
      return page();
    case Route::metrics:
      return api_.metrics();
    case Route::repositories:
      return api_.repositories();
    case Route::repository:
      return api_.repository(match.name);
    case Route::sync:
      return api_.sync(match.name, head, body);
    case Route::events:
      return api_.events(head);
    case Route::reload:
      return api_.reload();
    case Route::prunable:
      return api_.prunable();
    case Route::prune:
      return api_.prune(head);
    default:
      return problem(404, "there is nothing here");
  }
}

}  // namespace

std::unique_ptr<Server> make_server(const asio::any_io_executor& loop, Daemon& daemon, const std::string& listen,
                                    const std::shared_ptr<const config::Config>& config, Options options) {
  return std::make_unique<LiveServer>(loop, daemon, listen_on(listen), config, std::move(options));
}

std::string library_version() {
  return http_library_version();
}

}  // namespace adapter::admin
