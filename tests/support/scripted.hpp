// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/net/stream.hpp"
#include "connector.hpp"

/// Connections that follow a script instead of a network, with a fault at any step one likes.
namespace adapter::test {

/// One answer of the peer: it comes when a request that holds all of `expect` has been written.
struct Turn {
  std::vector<std::string> expect;
  std::string answer;
  bool ends = false;  ///< the peer closes after the answer
};

/// A connection: what the peer does, turn by turn. After the last turn the peer is silent, or answers by `respond`.
struct Script {
  std::vector<Turn> turns;
  bool dies_idle = false;  ///< is_quiet() says no: the peer has closed it between requests
  std::function<std::string(std::string_view request)> respond = {};
  std::size_t max_read_bytes = std::numeric_limits<std::size_t>::max();  ///< of one read_some()
};

enum class Fault { none, error, timeout, cancellation };

inline std::string fault_name(const testing::TestParamInfo<Fault>& fault) {
  static const std::vector<std::string> names = {"None", "Error", "Timeout", "Cancellation"};
  return names.at(static_cast<std::size_t>(fault.param));
}

/// Counts every wait of every stream and connect; at number `at` the fault strikes.
struct Faults {
  Fault kind = Fault::none;
  int at = -1;
  int steps = 0;
  asio::cancellation_signal cancel;  ///< of the task under test

  asio::awaitable<void> step() {
    const int now = steps++;
    if (now != at || kind == Fault::none) {
      co_return;
    }
    if (kind == Fault::error) {
      throw Error(ErrorClass::network, "injected error at step " + std::to_string(now));
    }
    if (kind == Fault::timeout) {
      throw Error(ErrorClass::timeout, "injected timeout at step " + std::to_string(now));
    }
    const auto executor = co_await asio::this_coro::executor;
    asio::post(executor, [this] { cancel.emit(asio::cancellation_type::terminal); });
    co_await silence();
  }

  /// Until cancelled.
  static asio::awaitable<void> silence() {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer never(executor);
    never.expires_at(asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  }
};

/// What all connections of a test have in common.
struct Network {
  std::deque<Script> scripts;  ///< one a connection, in order
  Faults faults;
  int open = 0;                                    ///< streams that exist
  int connects = 0;                                ///< connections opened
  int max_open = std::numeric_limits<int>::max();  ///< descriptors of the process
  std::vector<std::string> requests;               ///< every request, as written
  std::vector<std::string> phases;                 ///< of deadlines, in order
};

class ScriptedStream final : public net::Stream {
public:
  ScriptedStream(Network& network, Script script) : network_(network), script_(std::move(script)) { ++network_.open; }
  ~ScriptedStream() override { --network_.open; }
  ScriptedStream(const ScriptedStream&) = delete;
  ScriptedStream& operator=(const ScriptedStream&) = delete;

  asio::awaitable<std::size_t> read_some(std::span<char> buffer) override {
    co_await network_.faults.step();
    if (incoming_.empty() && !ended_) {
      co_await Faults::silence();
    }
    const std::size_t count = std::min({incoming_.size(), buffer.size(), script_.max_read_bytes});
    std::memcpy(buffer.data(), incoming_.data(), count);
    incoming_.erase(0, count);
    co_return count;
  }

  asio::awaitable<void> write(std::string_view bytes) override {
    co_await network_.faults.step();
    network_.requests.emplace_back(bytes);
    if (turn_ < script_.turns.size()) {
      const Turn& turn = script_.turns[turn_++];
      for (const std::string& text : turn.expect) {
        EXPECT_NE(bytes.find(text), std::string_view::npos) << "no \"" << text << "\" in:\n" << bytes;
      }
      incoming_ += turn.answer;
      ended_ = turn.ends;
    } else if (script_.respond) {
      incoming_ += script_.respond(bytes);
    }
  }

  void set_deadline(std::chrono::steady_clock::time_point, std::string_view phase) override {
    network_.phases.emplace_back(phase);
  }
  [[nodiscard]] bool is_quiet() noexcept override { return incoming_.empty() && !ended_ && !script_.dies_idle; }
  void close() noexcept override {}

private:
  Network& network_;
  Script script_;
  std::size_t turn_ = 0;
  std::string incoming_;
  bool ended_ = false;
};

class ScriptedConnector final : public net::Connector {
public:
  explicit ScriptedConnector(Network& network) : network_(network) {}

  asio::awaitable<std::unique_ptr<net::Stream>> connect(http::Origin, net::ConnectionSettings) override {
    ++network_.connects;
    co_await network_.faults.step();
    if (network_.open >= network_.max_open) {
      throw net::OutOfDescriptors("Too many open files");
    }
    if (network_.scripts.empty()) {
      throw Error(ErrorClass::network, "connect failed: no script left");
    }
    auto stream = std::make_unique<ScriptedStream>(network_, std::move(network_.scripts.front()));
    network_.scripts.pop_front();
    co_return std::move(stream);
  }

private:
  Network& network_;
};

/// How a task ended.
struct Outcome {
  bool finished = false;
  bool cancelled = false;
  std::optional<Error> error;
};

/// Runs one coroutine until the loop has nothing left to do; `cancel` ends it early.
inline Outcome run(asio::io_context& loop, asio::awaitable<void> task, asio::cancellation_signal& cancel) {
  Outcome outcome;
  auto ended = [&](const std::exception_ptr& failure) {
    try {
      if (failure) {
        std::rethrow_exception(failure);
      }
      outcome.finished = true;
    } catch (const Error& error) {
      outcome.error = error;
    } catch (const asio::system_error& error) {
      outcome.cancelled = error.code() == asio::error::operation_aborted;
    }
  };
  asio::co_spawn(loop, std::move(task), asio::bind_cancellation_slot(cancel.slot(), ended));
  loop.restart();
  // Until the task has ended: timers of idle connections may still be there.
  while (!outcome.finished && !outcome.error && !outcome.cancelled && loop.run_one() > 0) {
  }
  return outcome;
}

/// An answer with a Content-Length.
inline std::string answer(int status, std::string_view type, std::string_view body, std::string_view more_fields = "") {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Reason\r\n";
  if (!type.empty()) {
    text += "Content-Type: " + std::string(type) + "\r\n";
  }
  text += more_fields;
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  text += body;
  return text;
}

}  // namespace adapter::test
