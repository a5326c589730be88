// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapter/wire/pkt_line.hpp"

namespace {

// All packets as text, and how it ended.
std::string read(std::string_view bytes, std::size_t piece) {
  using adapter::wire::PktKind;
  std::string out;
  adapter::wire::PktReader reader;
  while (!bytes.empty()) {
    const std::string part(bytes.substr(0, piece));
    bytes.remove_prefix(part.size());
    reader.feed(part);
    while (true) {
      const auto pkt = reader.next();
      if (!pkt) {
        return out + pkt.error().text();
      }
      if (!pkt->has_value()) {
        break;
      }
      switch ((*pkt)->kind) {
        case PktKind::data:
          adapter::wire::append_pkt(out, (*pkt)->payload);
          break;
        case PktKind::flush:
          adapter::wire::append_flush(out);
          break;
        case PktKind::delim:
          adapter::wire::append_delim(out);
          break;
        case PktKind::response_end:
          out += "0002";
          break;
      }
    }
  }
  return out + (reader.at_boundary() ? "." : "…");
}

}  // namespace

// The first byte says how the rest is divided; no division may change the packets.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = std::max<std::size_t>(data[0], 1);
  if (read(bytes, std::max<std::size_t>(bytes.size(), 1)) != read(bytes, piece)) {
    std::abort();
  }
  return 0;
}
