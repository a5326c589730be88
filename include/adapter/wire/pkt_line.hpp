// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"

/// Git's wire format without I/O. Sources: gitprotocol-common(5), gitprotocol-v2(5), gitprotocol-pack(5).
namespace adapter::wire {

inline constexpr std::size_t max_pkt_bytes = 65520;  ///< four digits included

void append_pkt(std::string& out, std::string_view payload);  ///< payload at most max_pkt_bytes - 4 (asserted)
void append_flush(std::string& out);                          ///< 0000
void append_delim(std::string& out);                          ///< 0001

enum class PktKind : std::uint8_t { data, flush, delim, response_end };

struct Pkt {
  PktKind kind = PktKind::flush;
  std::string_view payload;  ///< for data; may be empty (0004)
  /// payload without one trailing LF.
  [[nodiscard]] std::string_view line() const noexcept;
};

/// Cuts a byte stream into packets. Feed it bytes as they arrive, then take packets until there is none.
/// Holds at most one packet and what was fed last. Lengths 0003 and over 65520, and digits that are not hexadecimal,
/// are errors of class protocol; when the first bytes look like HTML or text the error says that this is no git server.
class PktReader {
public:
  /// Precondition: next() returned nothing. The bytes must stay valid until next() returns nothing again.
  void feed(std::string_view bytes) noexcept { input_ = bytes; }
  /// The next packet; its payload is valid until the next call of next() or feed().
  [[nodiscard]] Result<std::optional<Pkt>> next();
  /// Whether the stream may end here (not inside a packet).
  [[nodiscard]] bool at_boundary() const noexcept { return (partial_.empty() || partial_taken_) && input_.empty(); }

private:
  /// Moves input into partial_ until that holds so many bytes; false when the input ran out.
  [[nodiscard]] bool fill(std::size_t size_bytes);

  std::string_view input_;
  std::string partial_;
  bool partial_taken_ = false;
  bool first_ = true;
};

}  // namespace adapter::wire
