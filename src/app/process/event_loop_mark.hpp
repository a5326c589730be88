// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace adapter::app {

/// While it lives this thread runs the event loop and must not touch files. It says so to the library of the tests that
/// watches over this (tests/support/loop_guard.cpp), where that is preloaded, and has no effect otherwise.
class EventLoopMark {
public:
  EventLoopMark() noexcept { set(true); }
  ~EventLoopMark() { set(false); }
  EventLoopMark(const EventLoopMark&) = delete;
  EventLoopMark& operator=(const EventLoopMark&) = delete;

private:
  static void set(bool runs) noexcept;
};

}  // namespace adapter::app
