// SPDX-License-Identifier: Apache-2.0
#include "adapter/wire/pkt_line.hpp"

#include <algorithm>
#include <cassert>

#include "adapter/base/text.hpp"

namespace adapter::wire {
namespace {

constexpr std::size_t header_bytes = 4;
constexpr std::size_t hex_id_size = 40;
constexpr std::string_view no_git_server =
    "; this is no git server, or none that speaks smart HTTP: check that the URL is that of a repository";

Error bad_header(std::string_view header, bool first) {
  if (first && header.front() == '<') {
    return Error(ErrorClass::protocol, "the server answered with a web page" + std::string(no_git_server));
  }
  std::string text = "the server's answer holds a malformed packet length: " + escape(header);
  if (first) {
    text += no_git_server;
  }
  return Error(ErrorClass::protocol, std::move(text));
}

// The info/refs of a dumb server begins with an object id and a tab, and an object id begins like a packet length.
bool looks_dumb(std::string_view bytes) noexcept {
  return bytes[hex_id_size] == '\t' &&
         std::all_of(bytes.begin(), bytes.begin() + hex_id_size, [](char c) { return hex_value(c) >= 0; });
}

Result<std::size_t> parse_length(std::string_view header, bool first) {
  std::size_t length = 0;
  for (const char c : header) {
    const int digit = hex_value(c);
    if (digit < 0) {
      return bad_header(header, first);
    }
    length = length * 16 + static_cast<std::size_t>(digit);
  }
  if (length == 3 || length > max_pkt_bytes) {
    return bad_header(header, first);
  }
  return length;
}

Pkt make_pkt(std::size_t length, std::string_view packet) noexcept {
  switch (length) {
    case 0:
      return Pkt{PktKind::flush, {}};
    case 1:
      return Pkt{PktKind::delim, {}};
    case 2:
      return Pkt{PktKind::response_end, {}};
    default:
      return Pkt{PktKind::data, packet.substr(header_bytes)};
  }
}

}  // namespace

void append_pkt(std::string& out, std::string_view payload) {
  assert(payload.size() <= max_pkt_bytes - header_bytes);
  constexpr std::string_view digits = "0123456789abcdef";
  const auto length = payload.size() + header_bytes;
  out += digits[length >> 12 & 0xf];
  out += digits[length >> 8 & 0xf];
  out += digits[length >> 4 & 0xf];
  out += digits[length & 0xf];
  out += payload;
}

void append_flush(std::string& out) {
  out += "0000";
}

void append_delim(std::string& out) {
  out += "0001";
}

std::string_view Pkt::line() const noexcept {
  return payload.ends_with('\n') ? payload.substr(0, payload.size() - 1) : payload;
}

bool PktReader::fill(std::size_t size_bytes) {
  if (partial_.size() < size_bytes) {
    const auto take = std::min(size_bytes - partial_.size(), input_.size());
    partial_.append(input_.substr(0, take));
    input_.remove_prefix(take);
  }
  return partial_.size() >= size_bytes;
}

Result<std::optional<Pkt>> PktReader::next() {
  if (partial_taken_) {
    partial_.clear();
    partial_taken_ = false;
  }
  // A packet that lies whole in the input is not copied; one that began in earlier bytes is put together in partial_.
  const bool copied = !partial_.empty() || input_.size() < header_bytes;
  if (copied && !fill(header_bytes)) {
    return std::optional<Pkt>();
  }
  const auto length = parse_length((copied ? std::string_view(partial_) : input_).substr(0, header_bytes), first_);
  if (!length) {
    return length.error();
  }
  const auto size = std::max(*length, header_bytes);
  const bool whole = !copied && input_.size() >= size;
  if (first_ && size > hex_id_size) {
    if (!whole && !fill(hex_id_size + 1)) {
      return std::optional<Pkt>();
    }
    if (looks_dumb(whole ? input_ : std::string_view(partial_))) {
      return Error(ErrorClass::protocol,
                   "the server answered as a plain file server does" + std::string(no_git_server));
    }
  }
  if (!whole && !fill(size)) {
    return std::optional<Pkt>();
  }
  first_ = false;
  if (!whole) {
    partial_taken_ = true;
    return std::optional(make_pkt(*length, partial_));
  }
  const auto packet = input_.substr(0, size);
  input_.remove_prefix(size);
  return std::optional(make_pkt(*length, packet));
}

}  // namespace adapter::wire
