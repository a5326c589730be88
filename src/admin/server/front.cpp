// SPDX-License-Identifier: Apache-2.0
#include "server/front.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <iterator>
#include <utility>

#include "adapter/log/log.hpp"

namespace adapter::admin {
namespace {

/// Read from one client before the next has its turn.
constexpr std::size_t max_read_bytes = 16 * kib;
/// After a last answer: so that it is not lost to a reset because the client was still sending.
constexpr std::chrono::seconds max_drain_time{2};
constexpr std::size_t max_drain_bytes = 32 * mib;
constexpr std::chrono::milliseconds stop_grace{300};
/// A full queue of new connections makes the kernel drop the next ones, and those come again a second later.
constexpr int accepts_in_a_row = 1024;
constexpr std::size_t kept_for_health = 8;
constexpr int longest_poll_ms = 60'000;
constexpr int retry_accept_ms = 50;

UniqueFd open_reserve() noexcept {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Front::Front(UniqueFd listener, RequestHandler handler, IsUrgent is_urgent)
    : listener_(std::move(listener)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reserve_(open_reserve()),
      handler_(std::move(handler)),
      is_urgent_(is_urgent),
      threads_(max_request_threads, "admin"),
      urgent_threads_(1, "admin-health") {}

void Front::start() {
  urgent_threads_.prepare();
  threads_.prepare();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "admin-front");
    run();
  });
}

void Front::stop() {
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(stopping_, true)) {
      return;  // of those in busy_, the ones that no thread had begun are gone
    }
    // Those who are being answered may have it whole, streams their last chunk.
    given_back_.wait_for(lock, stop_grace, [this] { return busy_.empty(); });
    for (Channel* const channel : busy_) {
      channel->shut_down();
    }
  }
  eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) {
    thread_.join();
  }
  urgent_threads_.stop();
  threads_.stop();
  // Clients that were answered, or wait for a thread, learn that nothing more comes. Only a handler that gives its
  // channel back still looks at these, and that channel is closed then.
  clients_.clear();
  const std::lock_guard lock(mutex_);
  returned_.clear();
}

void Front::join() {
  stop();
  urgent_threads_.join();
  threads_.join();
  // Channels of requests that no thread had begun went with them.
  busy_.clear();
}

void Front::run() {
  std::vector<pollfd> items;
  std::vector<Clients::iterator> owners;
  while (true) {
    items.assign({pollfd{wake_.get(), POLLIN, 0}, pollfd{listener_.get(), POLLIN, 0}});
    owners.clear();
    for (auto client = clients_.begin(); client != clients_.end(); ++client) {
      items.push_back(pollfd{client->channel->fd(), POLLIN, 0});
      owners.push_back(client);
    }
    ::poll(items.data(), items.size(), poll_time());
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        return;
      }
    }
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (items[i + 2].revents != 0 && !advance(*owners[i])) {
        clients_.erase(owners[i]);
      }
    }
    if (items[0].revents != 0) {
      take_back();
    }
    if (items[1].revents != 0) {
      accept_clients();
    }
    end_overdue();
  }
}

int Front::poll_time() const {
  Clock::time_point next = Clock::time_point::max();
  for (const Client& client : clients_) {
    next = std::min(next, client.deadline);
  }
  if (next == Clock::time_point::max()) {
    return longest_poll_ms;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, longest_poll_ms));
}

void Front::end_overdue() {
  const Clock::time_point now = Clock::now();
  std::erase_if(clients_, [now](const Client& client) { return client.deadline <= now; });
}

void Front::accept_clients() {
  for (int i = 0; i < accepts_in_a_row && accept_one(); ++i) {
  }
}

bool Front::accept_one() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) {
    const bool none_left = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (none_left && !clients_.empty()) {
      clients_.pop_front();
      return true;
    }
    if (none_left && reserve_) {
      // No idle client can make room. The newcomer gets the descriptor kept back: health is asked for most of all now.
      reserve_.reset();
      return true;
    }
    if (none_left) {
      // Somebody was quicker to take the one kept back. The listener stays readable: without a pause this would spin.
      ::poll(nullptr, 0, retry_accept_ms);
      reserve_ = open_reserve();
      return false;
    }
    return errno == EINTR || errno == ECONNABORTED;
  }
  if (!reserve_) {
    reserve_ = open_reserve();
  }
  const int yes = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  make_room();
  Client& client = clients_.emplace_back(std::make_unique<Channel>(std::move(socket)));
  client.deadline = Clock::now() + max_head_time;
  // What a quick client has sent already is looked at before anybody can push it out.
  if (!advance(client)) {
    clients_.pop_back();
  }
  return true;
}

void Front::make_room() {
  std::size_t busy = 0;
  {
    const std::lock_guard lock(mutex_);
    busy = busy_.size() + returned_.size();
  }
  while (!clients_.empty() && clients_.size() + busy >= max_connections) {
    clients_.pop_front();
  }
}

void Front::take_back() {
  eventfd_t count = 0;
  eventfd_read(wake_.get(), &count);
  std::vector<std::pair<std::unique_ptr<Channel>, bool>> returned;
  {
    const std::lock_guard lock(mutex_);
    returned.swap(returned_);
  }
  for (auto& [channel, keep] : returned) {
    Client& client = clients_.emplace_back(std::move(channel));
    client.idle = keep;
    client.draining = !keep;
    client.deadline = Clock::now() + (keep ? max_idle_time : max_drain_time);
    if (!keep) {
      client.channel->finish_writing();
    }
    if (!advance(client)) {
      clients_.pop_back();
    }
  }
}

bool Front::advance(Client& client) {
  if (client.draining) {
    return drain(client);
  }
  std::string& buffer = client.channel->buffer();
  Channel::Outcome outcome = Channel::Outcome::ok;
  if (buffer.empty()) {
    outcome = client.channel->receive(max_read_bytes);
  }
  if (outcome == Channel::Outcome::ended) {
    return false;
  }
  if (!buffer.empty() && std::exchange(client.idle, false)) {
    client.deadline = Clock::now() + max_head_time;
  }
  buffer.erase(0, client.parser.feed(buffer));
  if (!client.parser.done()) {
    return true;
  }
  hand_over(client);
  return false;
}

bool Front::drain(Client& client) {
  const Channel::Outcome outcome = client.channel->receive(max_read_bytes);
  client.drained_bytes += client.channel->buffer().size();
  client.channel->buffer().clear();
  return outcome != Channel::Outcome::ended && client.drained_bytes <= max_drain_bytes;
}

void Front::hand_over(Client& client) {
  if (!client.channel->has_room()) {
    return;  // it goes on asking and does not read what it is told: no thread shall wait for it
  }
  const bool urgent = client.parser.complete() && is_urgent_(client.parser.head());
  if (!reserve_) {
    reserve_ = open_reserve();
  }
  if (!urgent && !reserve_) {
    return;  // this client may be the one that has the descriptor kept back
  }
  {
    const std::lock_guard lock(mutex_);
    // The rest is for those who ask for health.
    if (stopping_ || (!urgent && busy_.size() >= max_connections - kept_for_health)) {
      return;
    }
    busy_.insert(client.channel.get());
  }
  // std::function copies: the channel travels in a box.
  auto box = std::make_shared<std::unique_ptr<Channel>>(std::move(client.channel));
  (urgent ? urgent_threads_ : threads_).submit([this, box, parser = std::move(client.parser)](HttpServer& server) {
    serve(server, std::move(*box), parser);
  });
}

void Front::serve(HttpServer& server, std::unique_ptr<Channel> channel, const http::RequestHeadParser& parser) {
  bool keep = false;
  try {
    if (parser.complete()) {
      keep = server.exchange(*channel, parser.head(), handler_);
    } else {
      const RequestHandler refuse = [&](const http::RequestHead&, RequestBody&) {
        Reply reply = problem(parser.refusal().status, parser.refusal().reason);
        reply.close = true;
        return reply;
      };
      server.exchange(*channel, http::RequestHead(), refuse);
    }
  } catch (const std::exception& error) {
    log::error("admin_failed", error.what());
  }
  give_back(std::move(channel), keep);
}

void Front::give_back(std::unique_ptr<Channel> channel, bool keep) {
  {
    const std::lock_guard lock(mutex_);
    busy_.erase(channel.get());
    if (!stopping_) {
      returned_.emplace_back(std::move(channel), keep);
    }
    given_back_.notify_all();
  }
  eventfd_write(wake_.get(), 1);
}

}  // namespace adapter::admin
