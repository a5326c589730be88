// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

/// How lines get to standard error. Logging never waits for its reader: finished lines queue, in order, up to 1 MiB.
/// Over it the oldest are lost, and an event `log_lines_lost` counts them once the reader is back. For the program's
/// main parts; whoever only logs needs log.hpp. Any thread.
namespace adapter::log {

/// Text for people that is no event, in its place among the lines: written as it is (neither escaped nor redacted), and
/// lost like a line when the reader hangs. Ends with a line break, unless it draws on a terminal.
void print(std::string_view text);

/// From now on lines are written by a thread, which may block. Until then callers write what standard error takes
/// without waiting, and leave the rest to the next call. Call it once the process is confined (the thread keeps the
/// rights it started with) and has forked what it forks. False when there is no thread to be had: callers go on
/// writing.
bool start_thread() noexcept;

/// Waits until all lines so far are written, at most for `limit`: before the process ends. Zero: writes what can be
/// written at once. False when lines are left.
bool flush(std::chrono::milliseconds limit);

}  // namespace adapter::log
