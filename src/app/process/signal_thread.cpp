// SPDX-License-Identifier: Apache-2.0
#include "process/signal_thread.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <asio/post.hpp>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "process/process.hpp"

namespace adapter::app {

SignalThread::SignalThread(asio::any_io_executor loop, std::function<void(int)> at_once,
                           std::function<void(int)> on_loop)
    : loop_(std::move(loop)), at_once_(std::move(at_once)), on_loop_(std::move(on_loop)) {
  const sigset_t handled = handled_signals();
  signals_ = UniqueFd(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  end_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_ || !end_) {
    throw storage_error(errno, "make", "a descriptor for signals");
  }
  thread_ = std::thread([this] { run(); });
}

SignalThread::~SignalThread() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(end_.get(), &one, sizeof one);  // the first one always fits
  thread_.join();
}

void SignalThread::run() const {
  std::array<pollfd, 2> waits{pollfd{signals_.get(), POLLIN, 0}, pollfd{end_.get(), POLLIN, 0}};
  while (true) {
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    signalfd_siginfo taken{};
    while (read(signals_.get(), &taken, sizeof taken) == sizeof taken) {
      const int signal = static_cast<int>(taken.ssi_signo);
      at_once_(signal);
      asio::post(loop_, [on_loop = on_loop_, signal] { on_loop(signal); });
    }
    if ((waits[1].revents & POLLIN) != 0) {
      return;
    }
  }
}

}  // namespace adapter::app
