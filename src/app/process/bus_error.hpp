// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "adapter/log/log.hpp"

namespace adapter::app {

/// From now on a SIGBUS logs `crashed` before it ends the process: a mapped page of a file that the volume does not
/// deliver, or a file that became shorter. The line goes to standard error at once, past the queue of the log, and is
/// lost when its reader takes nothing for half a second. The handler calls async-signal-safe functions only. Any
/// thread; again changes the format.
void log_bus_errors(log::Format format) noexcept;

}  // namespace adapter::app
