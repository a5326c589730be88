// SPDX-License-Identifier: Apache-2.0
#include "process/bus_error.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <string>

namespace adapter::app {
namespace {

/// Reads a mapped page that its file has no bytes for any more.
[[noreturn]] void read_lost_page(log::Format format) {
  log_bus_errors(format);
  const int file = memfd_create("mapped", 0);
  constexpr std::size_t size = 4096;
  if (file < 0 || ftruncate(file, size) != 0) {
    _exit(1);
  }
  const void* const page = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  if (page == MAP_FAILED || ftruncate(file, 0) != 0) {
    _exit(2);
  }
  _exit(*static_cast<const volatile char*>(page));
}

TEST(BusErrorDeathTest, ALostPageIsLoggedAndEndsTheProcessBySigbus) {
  constexpr auto date = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z";
  EXPECT_EXIT(read_lost_page(log::Format::text), ::testing::KilledBySignal(SIGBUS),
              std::string(date) + " error   SIGBUS: .* event=crashed\n");
  EXPECT_EXIT(read_lost_page(log::Format::json), ::testing::KilledBySignal(SIGBUS),
              "\\{\"time\":\"" + std::string(date) +
                  "\",\"level\":\"error\",\"event\":\"crashed\",\"message\":\"SIGBUS: .*\"\\}\n");
}

}  // namespace
}  // namespace adapter::app
