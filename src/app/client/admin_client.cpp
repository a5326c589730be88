// SPDX-License-Identifier: Apache-2.0
#include "client/admin_client.hpp"

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <utility>

#include "adapter/async/task_scope.hpp"
#include "adapter/async/timeout.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"
#include "client/json_fields.hpp"
#include "commands.hpp"
#include "process/process.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

constexpr std::size_t max_body_bytes = 64 * mib;
/// Of requests that wait for their syncs at the same time; the daemon lets 32 wait in all.
constexpr std::size_t max_connections = 16;

net::ClientOptions client_options(std::chrono::milliseconds patience) {
  net::ClientOptions options;
  options.deadlines.first_byte = patience;
  options.connections_per_host = max_connections;
  return options;
}

bool is_json(const http::ResponseHead& head) {
  const std::string_view type = head.fields.get("Content-Type").value_or("");
  const std::string media = to_lower(trim(type.substr(0, type.find(';'))));
  return media == "application/json" || media == "application/problem+json";
}

NoDaemon nobody_at(const AdminTarget& target, const std::string& why) {
  const char* const changed =
      " (where admin.listen is now; a daemon that was started before a change of that key "
      "listens where it was then until it is restarted: name that with --admin)";
  return {ErrorClass::network, "no daemon answers at " + target.url.origin().to_string() + ": " + why +
                                   (target.from_configuration ? changed : "")};
}

}  // namespace

std::string path_segment(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte / 16];
      out += digits[byte % 16];
    }
  }
  return out;
}

AdminClient::AdminClient(const asio::any_io_executor& executor, AdminTarget target, std::chrono::milliseconds patience)
    : target_(std::move(target)),
      patience_(patience),
      client_(net::make_http_client(executor, workers_, client_options(patience))) {}

net::Request AdminClient::make_request(std::string method, std::string_view route, std::string_view query) {
  net::Request request(std::move(method), target_.url.with_suffix(route, query));
  request.fields.add("Accept", "application/json, application/problem+json");
  request.fields.add("User-Agent", std::string("adapter/") + version);
  // Whoever named the URL may mean this machine by any name.
  request.settings.allow_loopback = true;
  request.settings.ca_file = target_.ca_file;
  if (target_.token) {
    static_cast<void>(target_.token->refresh().value());
    std::string field = "Bearer ";
    field += target_.token->value().reveal();
    // find_admin() has seen to it that http leads no further than this machine; Request::authorization never goes
    // there.
    request.fields.add("Authorization", field);
  }
  return request;
}

asio::awaitable<AdminAnswer> AdminClient::exchange(net::Request request) {
  AdminAnswer answer;
  const auto response = co_await client_->send(std::move(request));
  const http::ResponseHead& head = response->head();
  answer.status = head.status;
  answer.retry_after = http::retry_after(head, std::chrono::system_clock::now());
  if (!is_json(head)) {
    throw Error(ErrorClass::protocol,
                "what answers there (with status " + std::to_string(head.status) + ") is no admin port of adapter");
  }
  while (true) {
    const std::string_view part = co_await response->read_body();
    if (part.empty()) {
      break;
    }
    if (answer.body.size() + part.size() > max_body_bytes) {
      throw Error(ErrorClass::limit, "the answer is larger than " + std::to_string(max_body_bytes / mib) + " MiB");
    }
    answer.body += part;
  }
  co_return answer;
}

asio::awaitable<AdminAnswer> AdminClient::ask(std::string method, std::string route, std::string query) {
  net::Request request = make_request(std::move(method), route, query);
  asio::awaitable<AdminAnswer> running = exchange(std::move(request));
  try {
    AdminAnswer answer = co_await async::with_timeout(std::move(running), patience_, "the answer");
    co_return answer;
  } catch (const Error& error) {
    throw nobody_at(target_, error.text());
  }
}

std::string AdminClient::problem(const AdminAnswer& answer) const {
  if (answer.status == 401) {
    return target_.token ? "the daemon refuses the token in " + escape(target_.token_file)
                         : "the daemon wants its token, and none was sent: " + target_.no_token +
                               "; name its file with --admin-token-file";
  }
  const std::string detail = text_in(parse_json(answer.body), "detail");
  if (answer.status == 404 && !detail.starts_with("there is no repository")) {
    return "no admin port is at " + escape(target_.url.display()) + " (status 404: " + escape(detail) +
           "); --admin takes the URL of the status page";
  }
  return detail.empty() ? "the daemon answers with status " + std::to_string(answer.status) : escape(detail);
}

void AdminClient::close() noexcept {
  client_->close();
}

namespace {

/// Whatever ends the work, nothing is left then that would keep the loop going.
class LastThing {
public:
  LastThing(AdminClient& client, asio::signal_set& signals) : client_(client), signals_(signals) {}
  ~LastThing() {
    client_.close();
    std::error_code ignored;
    signals_.cancel(ignored);
  }
  LastThing(const LastThing&) = delete;
  LastThing& operator=(const LastThing&) = delete;

private:
  AdminClient& client_;
  asio::signal_set& signals_;
};

asio::awaitable<void> run(AdminClient& client, const AdminWork& work, asio::signal_set& signals, int& exit_code) {
  const LastThing last_thing(client, signals);
  try {
    asio::awaitable<int> running = work(client);
    exit_code = co_await std::move(running);
  } catch (const NoDaemon& error) {
    std::fprintf(stderr, "adapter: %s\n", error.text().c_str());
    exit_code = exit_no_daemon;
  } catch (const Error& error) {
    std::fprintf(stderr, "adapter: %s\n", error.text().c_str());
    exit_code = exit_failed;
  }
}

}  // namespace

int run_client(AdminTarget target, std::chrono::milliseconds patience, const AdminWork& work, bool until_interrupted) {
  asio::io_context loop(1);
  asio::signal_set signals(loop.get_executor());
  if (until_interrupted) {
    signals.add(SIGINT);
    signals.add(SIGTERM);
  }
  release_signals();
  AdminClient client(loop.get_executor(), std::move(target), patience);
  async::TaskScope scope(loop.get_executor());
  int exit_code = exit_ok;
  scope.spawn("client", run(client, work, signals, exit_code));
  signals.async_wait([&scope](const std::error_code& failure, int) {
    if (!failure) {
      scope.cancel();
    }
  });
  loop.run();
  return exit_code;
}

}  // namespace adapter::app
