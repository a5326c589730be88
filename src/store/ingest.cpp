// SPDX-License-Identifier: Apache-2.0
#include "ingest.hpp"

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/system_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include "adapter/base/units.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t chunk_bytes = 256 * kib;

/// Removes the files where blocking is allowed.
void discard(async::Workers& workers, std::shared_ptr<Quarantine> quarantine) {
  if (quarantine) {
    auto job = [quarantine = std::move(quarantine), jobs = workers.jobs(), owner = workers.owner()]() mutable {
      const async::JobList::Entry listed(*jobs, std::move(owner), "remove an abandoned transfer");
      quarantine.reset();
    };
    workers.post(async::Lane::work, std::move(job));
  }
}

}  // namespace

struct PackIngest::Flight {
  Flight(async::Workers& shared, std::shared_ptr<Quarantine> first)
      : workers(shared, shared.owner()), quarantine(std::move(first)) {}
  async::Workers workers;  ///< its own: a job may outlast the ingest and its store
  std::shared_ptr<Quarantine> quarantine;
  std::stop_source stop;
  std::optional<asio::steady_timer> landed;  ///< cancelled when the job ends
  std::exception_ptr failure;
  bool busy = false;
  bool abandoned = false;
};

PackIngest::PackIngest(async::Workers& workers, const Layout& layout, const Limits& limits)
    : counts_(std::make_shared<ProgressCounts>()),
      flight_(std::make_shared<Flight>(workers, std::make_shared<Quarantine>(layout, limits, counts_))),
      max_pack_bytes_(limits.max_pack_bytes) {}

PackIngest::~PackIngest() {
  flight_->stop.request_stop();
  flight_->abandoned = true;
  if (!flight_->busy) {
    discard(flight_->workers, std::move(flight_->quarantine));
  }
}

asio::awaitable<void> PackIngest::write(std::string_view bytes) {
  const auto executor = co_await asio::this_coro::executor;
  accepted_bytes_ += bytes.size();
  if (accepted_bytes_ > max_pack_bytes_) {
    throw Error(ErrorClass::limit,
                "the pack has more than " + format_size(max_pack_bytes_) + " (limits.max_pack_bytes)");
  }
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), chunk_bytes - buffer_.size());
    buffer_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (buffer_.size() == chunk_bytes) {
      co_await settle();
      launch(executor);
    }
  }
}

asio::awaitable<void> PackIngest::settle() {
  while (flight_->busy) {
    std::error_code woken;
    flight_->landed->expires_at(asio::steady_timer::time_point::max());
    co_await flight_->landed->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      throw asio::system_error(asio::error::operation_aborted);
    }
  }
  if (flight_->failure) {
    std::rethrow_exception(flight_->failure);
  }
}

void PackIngest::launch(const asio::any_io_executor& executor) {
  if (!flight_->landed) {
    flight_->landed.emplace(executor);
  }
  flight_->busy = true;
  std::string chunk = std::move(buffer_);
  buffer_ = {};
  buffer_.reserve(chunk_bytes);
  auto job = [quarantine = flight_->quarantine, token = flight_->stop.get_token(),
              chunk = std::move(chunk)](const std::stop_token&) { quarantine->append(chunk, token); };
  auto done = [flight = flight_](std::exception_ptr failure) {
    flight->busy = false;
    flight->failure = std::move(failure);
    flight->landed->cancel();
    if (flight->abandoned) {
      discard(flight->workers, std::move(flight->quarantine));
    }
  };
  asio::co_spawn(executor, async::run_blocking(flight_->workers, std::move(job), "index a pack"), std::move(done));
}

std::shared_ptr<Quarantine> PackIngest::take_quarantine() noexcept {
  return std::move(flight_->quarantine);
}

}  // namespace adapter::store
