// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/async/semaphore.hpp"
#include "adapter/base/error.hpp"
#include "adapter/transport/remote.hpp"
#include "host_turns.hpp"

namespace adapter::sync {

/// Turns for broad questions, which list all refs of a remote and may be answered with limits.max_advertisement_bytes:
/// `most` run at a time, one a host, first come, first served. A question that is slow ends while another one waits for
/// its turn, so that no host holds up others for long. Loop thread only; must outlive its turns and its questions.
class BroadQuestions {
public:
  using Refs = std::vector<wire::Ref>;

  struct Options {
    std::size_t most = 2;                          ///< >= 1
    std::chrono::milliseconds window{10'000};      ///< over which the rate is taken; 10 ms or more
    std::uint64_t slow_bytes_per_second = 65'536;  ///< a question with less is slow
  };

  explicit BroadQuestions(asio::any_io_executor executor) : BroadQuestions(std::move(executor), Options()) {}
  BroadQuestions(asio::any_io_executor executor, Options options);

  /// The right to ask a host.
  using Turn = HostTurns::Turn;
  /// Waits for the turn of a host. A cancelled waiter throws asio::system_error(operation_aborted).
  asio::awaitable<Turn> acquire(std::string host) { return hosts_.acquire(std::move(host)); }

  /// One of `most`; given back by its destructor.
  using Place = async::Semaphore::Permit;
  /// A place that is free now and that no waiter may have.
  [[nodiscard]] std::optional<Place> try_place() noexcept { return places_.try_acquire(); }
  /// Waits for a place, first come, first served. A cancelled waiter throws asio::system_error(operation_aborted).
  asio::awaitable<Place> acquire_place() { return places_.acquire(); }

  /// Runs `question`, which asks `remote` in `place`. Throws what the question throws, and class timeout when it is
  /// slow while another one waits. `turn` and `remote` outlive the call.
  asio::awaitable<Refs> run(const Turn& turn, Place place, const transport::Remote& remote,
                            asio::awaitable<Refs> question);

  /// Questions that have the turn of their host and wait for one of `most`.
  [[nodiscard]] std::size_t waiting() const noexcept { return places_.waiting(); }

private:
  asio::awaitable<std::optional<Error>> until_slow(const Turn& turn, const transport::Remote& remote) const;

  asio::any_io_executor executor_;
  Options options_;
  HostTurns hosts_;  ///< one turn each
  async::Semaphore places_;
};

}  // namespace adapter::sync
