// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapter/http/message.hpp"

namespace {

struct Outcome {
  std::string error;
  std::string body;
  std::size_t left_over = 0;
  bool keep_alive = false;
  int status = 0;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::string_view bytes, std::size_t piece, bool expect_body) {
  Outcome outcome;
  adapter::http::ResponseParser parser(expect_body);
  while (!bytes.empty() && !parser.done()) {
    const auto step = parser.feed(bytes.substr(0, piece));
    if (!step) {
      outcome.error = step.error().text();
      return outcome;
    }
    if (step->consumed == 0) {
      std::abort();
    }
    outcome.body += step->body;
    bytes.remove_prefix(step->consumed);
  }
  if (const auto error = parser.end_of_stream()) {
    outcome.error = error->text();
  }
  outcome.left_over = bytes.size();
  outcome.keep_alive = parser.keep_alive();
  outcome.status = parser.head().status;
  static_cast<void>(adapter::http::retry_after(parser.head(), std::chrono::system_clock::time_point{}));
  return outcome;
}

}  // namespace

// The first byte says how the rest is divided; no division may change what is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool expect_body = (data[0] & 1U) == 0;
  const std::size_t piece = std::max<std::size_t>(data[0] / 2U, 1);
  if (!(read(bytes, std::max<std::size_t>(bytes.size(), 1), expect_body) == read(bytes, piece, expect_body))) {
    std::abort();
  }
  return 0;
}
