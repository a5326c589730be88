// SPDX-License-Identifier: Apache-2.0
// The daemon's look at the volume that it owns.
#include <optional>
#include <utility>

#include "adapter/log/log.hpp"
#include "daemon.hpp"

namespace adapter::app {
namespace {

constexpr std::chrono::seconds volume_look_interval{2};

}  // namespace

/// Holds the locks on what data_dir and .adapter are now. A data_dir that is another one ends the program: the sandbox
/// and the locks hold the old directory, and a new process takes the new one.
asio::awaitable<void> Daemon::watch_volume() {
  std::string told;  // a failure that does not change is logged once
  while (!stop_asked_) {
    const auto again = std::chrono::steady_clock::now() + volume_look_interval;
    co_await volume_watch_.wait_until(again);
    std::string failure;
    std::optional<publish::DirectoryState> state;
    try {
      auto job = [lock = lock_.get()](const std::stop_token&) { return lock->renew(); };
      state = co_await async::run_blocking(*workers_, std::move(job), "look at the locks of the volume",
                                           async::Lane::quick);
    } catch (const publish::DirectoryBusy& busy) {
      log::error("data_directory_busy", busy.text());
      end_with(exit_busy);
      co_return;
    } catch (const Error& error) {
      failure = error.text();
    }
    if (!failure.empty() && failure != told) {
      log::warning("data_directory_unseen", failure, {{"data_dir", config_->data_dir.native()}});
    }
    told = failure;
    if (state == publish::DirectoryState::remade) {
      log::warning("data_directory_remade", "the directory .adapter was removed; it is made and locked anew",
                   {{"data_dir", config_->data_dir.native()}});
      engine_->check_all_now();
    }
    if (state == publish::DirectoryState::replaced) {
      log::error(
          "data_directory_replaced",
          "data_dir is another directory or mount than at the start; the program ends, so that a new start takes it",
          {{"data_dir", config_->data_dir.native()}});
      end_with(exit_failed);
      co_return;
    }
  }
}

void Daemon::end_with(int exit_code) {
  exit_code_ = exit_code;
  stop_asked_ = true;
  stop_deadline_.arm();
  stop_deadline_.heard_by_loop();
  wakeup_.wake();
}

}  // namespace adapter::app
