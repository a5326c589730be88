// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>

#include <functional>
#include <thread>

#include "adapter/base/file.hpp"

namespace adapter::app {

/// Takes SIGTERM, SIGINT, SIGHUP and SIGUSR1 on a thread of its own, so that a stop does not depend on the loop. All
/// threads hold them back (prepare_process()); what comes while no such object lives is taken by the next one.
class SignalThread {
public:
  /// `at_once` is called on this object's thread with each signal, then `on_loop` on the loop, also when this object is
  /// gone by then: what it refers to lives as long as the loop runs. Throws a storage error when the system has no
  /// descriptor, a std::system_error when it has no thread.
  SignalThread(asio::any_io_executor loop, std::function<void(int)> at_once, std::function<void(int)> on_loop);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

private:
  void run() const;

  asio::any_io_executor loop_;
  std::function<void(int)> at_once_;
  std::function<void(int)> on_loop_;
  UniqueFd signals_;
  UniqueFd end_;
  std::thread thread_;
};

}  // namespace adapter::app
