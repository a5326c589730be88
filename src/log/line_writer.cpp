// SPDX-License-Identifier: Apache-2.0
#include "line_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

namespace adapter::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What a queued line costs besides its bytes.
constexpr std::size_t line_overhead_bytes = 64;

std::size_t cost_of(const std::string& text) noexcept {
  return text.size() + line_overhead_bytes;
}

/// Whether the descriptor can be written to (or is broken) before `until`; time_point::max() waits for it.
bool wait_writable(int descriptor, steady_clock::time_point until) noexcept {
  while (true) {
    int timeout_ms = -1;
    if (until != steady_clock::time_point::max()) {
      const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
      timeout_ms = static_cast<int>(std::clamp<milliseconds::rep>(left, 0, INT_MAX));
    }
    pollfd entry{descriptor, POLLOUT, 0};
    const int count = poll(&entry, 1, timeout_ms);
    if (count >= 0 || errno != EINTR) {
      return count != 0;
    }
  }
}

/// The thread's own: handlers run on the threads that expect them.
class SignalsBlocked {
public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
  sigset_t before_{};
};

}  // namespace

struct LineWriter::Core {
  enum class Result : std::uint8_t { written, not_yet, refused };

  Core(int to, LostLine line) : descriptor(to), lost_line(std::move(line)) {}

  const int descriptor;
  const LostLine lost_line;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> lines;
  std::size_t bytes = 0;
  std::uint64_t lost = 0;
  int error_number = 0;  ///< of the last write that lost a line
  bool threaded = false;
  bool ending = false;
  /// Some thread is in write_lines(), and only it touches what follows.
  bool writing = false;

  std::string current;               ///< what is left of the line being written
  std::uint64_t current_counts = 0;  ///< lost lines that `current` speaks of; 0: it is a line itself
  bool torn = false;                 ///< the last line that was refused had been written in part

  /// With the mutex held.
  void add(std::string text) {
    bytes += cost_of(text);
    lines.push_back(std::move(text));
    while (bytes > max_queued_bytes) {
      bytes -= cost_of(lines.front());
      lines.pop_front();
      ++lost;
    }
  }

  /// With the mutex held: the next text into `current`, the count of lost lines before the line that follows them.
  bool take_next() {
    if (!current.empty()) {
      return true;
    }
    if (lines.empty()) {
      return false;
    }
    current_counts = lost;
    if (lost != 0) {
      current = lost_line(lost, std::exchange(error_number, 0));
      lost = 0;
    } else {
      current = std::move(lines.front());
      lines.pop_front();
      bytes -= cost_of(current);
    }
    if (std::exchange(torn, false)) {
      current.insert(0, 1, '\n');
    }
    return true;
  }

  /// Writes until the queue is empty or the descriptor has taken nothing before `until`. Not for two threads at once:
  /// `writing` was false. `lock` is released while it writes.
  void write_lines(std::unique_lock<std::mutex>& lock, steady_clock::time_point until) {
    writing = true;
    try {
      write_all(lock, until);
    } catch (const std::bad_alloc&) {
      // No memory to speak of what was lost: the next line tries again.
      if (!lock.owns_lock()) {
        lock.lock();
      }
      drop_front();
    }
    writing = false;
    changed.notify_all();
  }

  void write_all(std::unique_lock<std::mutex>& lock, steady_clock::time_point until) {
    while (take_next()) {
      lock.unlock();
      int failure = 0;
      const Result result = write_current(until, failure);
      lock.lock();
      if (result == Result::not_yet) {
        return;
      }
      if (result == Result::refused) {
        // The line after a count goes the same way by itself, and the next line tries again.
        lost += std::max<std::uint64_t>(current_counts, 1);
        error_number = failure;
        current.clear();
        if (current_counts != 0) {
          drop_front();
        }
      }
    }
  }

  /// With the mutex held, and while nothing writes.
  [[nodiscard]] bool has_work() const noexcept { return !lines.empty() || !current.empty(); }

  void drop_front() {
    if (!lines.empty()) {
      bytes -= cost_of(lines.front());
      lines.pop_front();
      ++lost;
    }
  }

  /// `failure`: why a line was refused.
  Result write_current(steady_clock::time_point until, int& failure) {
    while (!current.empty()) {
      std::size_t piece = current.size();
      if (until != steady_clock::time_point::max()) {
        // A pipe that is writable takes this much without blocking.
        piece = std::min<std::size_t>(piece, PIPE_BUF);
        if (!wait_writable(descriptor, until)) {
          return Result::not_yet;
        }
      }
      const ssize_t count = write(descriptor, current.data(), piece);
      if (count >= 0) {
        current.erase(0, static_cast<std::size_t>(count));
        torn = !current.empty();
      } else if (errno == EAGAIN) {
        // Somebody made the descriptor non-blocking for all who share it.
        if (!wait_writable(descriptor, until)) {
          return Result::not_yet;
        }
      } else if (errno != EINTR) {
        failure = errno;
        return Result::refused;
      }
    }
    return Result::written;
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return ending || (!writing && has_work()); });
      if (ending) {
        return;
      }
      write_lines(lock, steady_clock::time_point::max());
    }
  }
};

LineWriter::LineWriter(int descriptor, LostLine lost_line)
    : core_(std::make_shared<Core>(descriptor, std::move(lost_line))) {}

LineWriter::~LineWriter() {
  const std::lock_guard lock(core_->mutex);
  core_->ending = true;
  core_->changed.notify_all();
}

void LineWriter::submit(std::string text) {
  std::unique_lock lock(core_->mutex);
  core_->add(std::move(text));
  if (core_->threaded) {
    core_->changed.notify_all();
  } else if (!core_->writing) {
    core_->write_lines(lock, steady_clock::now());
  }
}

bool LineWriter::start_thread() noexcept {
  try {
    const std::lock_guard lock(core_->mutex);
    if (!core_->threaded) {
      const SignalsBlocked blocked;
      std::thread([core = core_] { core->run(); }).detach();
      core_->threaded = true;
    }
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

bool LineWriter::flush(milliseconds limit) {
  const auto until = steady_clock::now() + limit;
  std::unique_lock lock(core_->mutex);
  const auto all_written = [this] { return !core_->writing && !core_->has_work(); };
  if (!core_->threaded && !core_->writing) {
    core_->write_lines(lock, until);
  }
  return core_->changed.wait_until(lock, until, all_written);
}

std::size_t LineWriter::queued_bytes() const {
  const std::lock_guard lock(core_->mutex);
  return core_->bytes;
}

}  // namespace adapter::log
