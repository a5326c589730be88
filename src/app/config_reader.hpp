// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "adapter/async/shared_job.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/base/error.hpp"
#include "adapter/config/load.hpp"

namespace adapter::app {

/// Reads the files of a configuration on Lane::files, so that a mount that hangs holds up nothing but the reading. Loop
/// thread. A cancelled caller leaves its read to the worker.
class ConfigReader {
public:
  static constexpr std::chrono::seconds usual_patience{5};

  /// `workers`, and the loop, outlive the reads. `slow` is called, on the loop, once for each read that takes longer
  /// than `patience`.
  ConfigReader(async::Workers& workers, std::function<void()> slow, std::chrono::milliseconds patience = usual_patience)
      : slow_(std::move(slow)),
        patience_(patience),
        load_(workers, "load the configuration", async::Lane::files),
        look_(workers, "look at the configuration", async::Lane::files),
        check_(workers, "look at the secrets of the admin port", async::Lane::files) {}

  /// What `work` returns on a worker. One call at a time of each; `work` owns what it uses.
  asio::awaitable<config::Loaded> load(std::function<config::Loaded()> work) { return read(load_, std::move(work)); }
  asio::awaitable<config::Sources> look(std::function<config::Sources()> work) { return read(look_, std::move(work)); }
  /// The same for files that the configuration names, without a call of `slow`. Calls meanwhile share the result.
  asio::awaitable<std::optional<Error>> check(std::function<std::optional<Error>()> work) {
    std::optional<std::optional<Error>> result =
        co_await check_.run(std::move(work), async::SharedJob<std::optional<Error>>::forever);
    co_return std::move(*result);
  }

private:
  template <class T>
  asio::awaitable<T> read(async::SharedJob<T>& job, std::function<T()> work) {
    std::optional<T> result = co_await job.run(work, patience_);
    if (!result) {
      slow_();
      result = co_await job.run(std::move(work), async::SharedJob<T>::forever);
    }
    co_return std::move(*result);
  }

  std::function<void()> slow_;
  std::chrono::milliseconds patience_;
  async::SharedJob<config::Loaded> load_;
  async::SharedJob<config::Sources> look_;
  async::SharedJob<std::optional<Error>> check_;
};

}  // namespace adapter::app
