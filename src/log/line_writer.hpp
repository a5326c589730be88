// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace adapter::log {

/// Writes lines to a descriptor whose reader may be slow or may hang. submit() never waits for that reader: lines
/// queue, in order, up to max_queued_bytes. Over it the oldest queued lines are lost, and the next line that is written
/// is preceded by one that counts them. A line that the descriptor refuses (reader gone, disk full) is lost too.
///
/// Until start_thread() the callers themselves write what the descriptor takes without waiting; afterwards a thread
/// writes, and it may block. Any thread. The thread shares ownership of what it needs, so that destruction does not
/// wait for it; it does not keep the process from ending. A child made by fork() has the queue but not the thread.
class LineWriter {
public:
  static constexpr std::size_t max_queued_bytes = std::size_t{1} << 20U;  ///< the line being written not counted

  /// Text, with its line break, that says how many lines were lost. `error_number`: of the last write that failed; 0
  /// when the reader was too slow.
  using LostLine = std::function<std::string(std::uint64_t count, int error_number)>;

  /// `descriptor` outlives the process's last line. It is not changed: other processes may share its flags.
  LineWriter(int descriptor, LostLine lost_line);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// `text` is one line or several, with the last line break. It is written in one piece.
  void submit(std::string text);

  /// From now on a thread of its own writes. Its signals are blocked. False when there is no thread to be had: then
  /// callers go on writing. Again does nothing.
  bool start_thread() noexcept;

  /// Waits until all lines are written, at most for `limit`; zero writes what can be written at once. Whether all are.
  bool flush(std::chrono::milliseconds limit);

  [[nodiscard]] std::size_t queued_bytes() const;

private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace adapter::log
