// SPDX-License-Identifier: Apache-2.0
#include "connection_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "adapter/base/error.hpp"

namespace adapter::net {

using std::chrono::steady_clock;

/// One idle connection. All are in one list, oldest first; each host's settings have the places of theirs, oldest first
/// too.
struct ConnectionPool::Idle {
  std::unique_ptr<Stream> stream;
  steady_clock::time_point expires;
  std::vector<std::list<Idle>::iterator>* siblings = nullptr;  ///< of the same host and settings, itself among them
  Traffic* traffic = nullptr;                                  ///< of the host
};

struct ConnectionPool::Host {
  Host(const asio::any_io_executor& executor, std::size_t limit, Traffic& host_traffic)
      : traffic(host_traffic), places(executor, limit) {}
  Traffic& traffic;
  async::Semaphore places;
  std::map<ConnectionSettings, std::vector<std::list<Idle>::iterator>> idle;  ///< empty ones go when it is swept
};

struct ConnectionPool::Core : std::enable_shared_from_this<Core> {
  Core(asio::any_io_executor loop, const ClientOptions& client_options)
      : executor(std::move(loop)), options(client_options), timer(executor) {}

  asio::any_io_executor executor;
  ClientOptions options;
  asio::steady_timer timer;
  TrafficTable traffic;
  std::map<http::Origin, std::shared_ptr<Host>> hosts;
  std::list<Idle> idle;
  std::size_t busy = 0;
  std::uint64_t opened = 0;
  bool timer_armed = false;
  bool closed = false;

  void keep(Host& host, const ConnectionSettings& settings, std::unique_ptr<Stream> stream) {
    auto& siblings = host.idle[settings];
    Idle entry{std::move(stream), steady_clock::now() + options.idle_timeout, &siblings, &host.traffic};
    entry.stream->set_deadline(steady_clock::time_point::max(), "idle");
    siblings.push_back(idle.insert(idle.end(), std::move(entry)));
    ++host.traffic.idle;
    while (idle.size() > options.max_idle_connections) {
      drop_oldest();
    }
    arm();
  }

  void drop_oldest() {
    const auto oldest = idle.begin();
    --oldest->traffic->idle;
    oldest->siblings->erase(oldest->siblings->begin());
    idle.erase(oldest);
  }

  void arm() {
    if (timer_armed || closed || idle.empty()) {
      return;
    }
    timer_armed = true;
    timer.expires_at(idle.front().expires);
    timer.async_wait([weak = weak_from_this()](const std::error_code& error) {
      const auto self = weak.lock();
      if (self && !error) {
        self->timer_armed = false;
        self->sweep();
      }
    });
  }

  void sweep() {
    const auto now = steady_clock::now();
    while (!idle.empty() && idle.front().expires <= now) {
      drop_oldest();
    }
    for (auto& [origin, host] : hosts) {
      std::erase_if(host->idle, [](const auto& entry) { return entry.second.empty(); });
    }
    // A host is forgotten when nobody but this map knows it.
    std::erase_if(hosts, [](const auto& entry) { return entry.second.use_count() == 1 && entry.second->idle.empty(); });
    arm();
  }
};

ConnectionPool::Lease& ConnectionPool::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    end();
    stream = std::move(other.stream);
    core_ = std::move(other.core_);
    host_ = std::move(other.host_);
    settings_ = std::move(other.settings_);
    permit_ = std::move(other.permit_);
  }
  return *this;
}

Traffic& ConnectionPool::Lease::traffic() const noexcept {
  return host_->traffic;
}

bool ConnectionPool::Lease::take_idle() {
  const auto siblings = host_->idle.find(settings_);
  while (siblings != host_->idle.end() && !siblings->second.empty()) {
    const auto newest = siblings->second.back();
    siblings->second.pop_back();
    stream = std::move(newest->stream);
    core_->idle.erase(newest);
    --host_->traffic.idle;
    if (stream->is_quiet()) {
      return true;
    }
    stream.reset();
  }
  return false;
}

void ConnectionPool::Lease::give_back() {
  if (core_ && stream && !core_->closed) {
    core_->keep(*host_, settings_, std::move(stream));
  }
  end();
}

void ConnectionPool::Lease::end() noexcept {
  stream.reset();
  if (core_) {
    --core_->busy;
    --host_->traffic.busy;
  }
  permit_.release();
  host_.reset();
  core_.reset();
}

ConnectionPool::ConnectionPool(asio::any_io_executor executor, const ClientOptions& options)
    : core_(std::make_shared<Core>(std::move(executor), options)) {}

ConnectionPool::~ConnectionPool() {
  close();
}

asio::awaitable<ConnectionPool::Lease> ConnectionPool::acquire(http::Origin origin, ConnectionSettings settings) {
  const std::shared_ptr<Core> core = core_;
  auto& known = core->hosts[origin];
  if (!known) {
    known = std::make_shared<Host>(core->executor, core->options.connections_per_host,
                                   core->traffic.of(origin.authority()));
  }
  const std::shared_ptr<Host> host = known;
  async::Semaphore::Permit permit = co_await host->places.acquire();
  if (core->closed) {
    throw Error(ErrorClass::cancelled, "the HTTP client is closed");
  }
  Lease lease;
  lease.core_ = core;
  lease.host_ = host;
  lease.settings_ = std::move(settings);
  lease.permit_ = std::move(permit);
  ++core->busy;
  ++host->traffic.busy;
  co_return std::move(lease);
}

void ConnectionPool::set_connections_per_host(std::size_t limit) {
  core_->options.connections_per_host = limit;
  for (auto& [origin, host] : core_->hosts) {
    host->places.resize(limit);
  }
}

void ConnectionPool::count_opened() noexcept {
  ++core_->opened;
}

bool ConnectionPool::drop_half_of_idle() {
  const std::size_t kept = core_->idle.size() / 2;
  const bool any = !core_->idle.empty();
  while (core_->idle.size() > kept) {
    core_->drop_oldest();
  }
  return any;
}

void ConnectionPool::close() noexcept {
  core_->closed = true;
  core_->timer.cancel();
  for (auto& [origin, host] : core_->hosts) {
    host->idle.clear();
    host->traffic.idle = 0;
  }
  core_->idle.clear();
}

HttpClient::Stats ConnectionPool::stats() const {
  HttpClient::Stats stats;
  stats.busy = core_->busy;
  stats.idle = core_->idle.size();
  stats.opened = core_->opened;
  stats.hosts = core_->traffic.stats();
  return stats;
}

std::size_t ConnectionPool::known_hosts() const noexcept {
  return core_->hosts.size();
}

}  // namespace adapter::net
