// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapter/wire/protocol_v2.hpp"

namespace {

namespace wire = adapter::wire;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// Gives packets to `take` until it answers false.
template <class Take>
void each_packet(std::string_view bytes, Take take) {
  wire::PktReader reader;
  reader.feed(bytes);
  while (true) {
    const auto pkt = reader.next();
    if (!pkt || !pkt->has_value() || !take(**pkt)) {
      return;
    }
  }
}

void read_capabilities(std::string_view bytes) {
  wire::CapabilitiesParser parser;
  each_packet(bytes, [&parser](const wire::Pkt& pkt) { return !parser.take(pkt) && !parser.done(); });
  const auto& result = parser.result();
  require(result.lines.size() <= 64);
  require(!parser.done() || result.version < 2 || result.object_format == "sha1");
  if (parser.done() && result.version == 2) {
    static_cast<void>(wire::ls_refs_request(result, {"HEAD", "refs/heads/main"}, "adapter/fuzz"));
  }
}

void read_refs(std::string_view bytes) {
  adapter::Limits limits;
  limits.max_refs = 3;
  wire::LsRefsParser parser({"HEAD", "refs/"}, limits);
  each_packet(bytes, [&parser](const wire::Pkt& pkt) { return !parser.take(pkt) && !parser.done(); });
  require(parser.refs().size() <= limits.max_refs);
  for (const auto& ref : parser.refs()) {
    require(wire::is_valid_ref_name(ref.name));
    require(!ref.id.is_zero() || (ref.name == "HEAD" && !ref.symref_target.empty()));
    require(ref.symref_target.empty() || wire::is_valid_ref_name(ref.symref_target));
  }
}

void read_fetch(std::string_view bytes) {
  wire::FetchParser parser;
  std::size_t pack_bytes = 0;
  each_packet(bytes, [&parser, &pack_bytes](const wire::Pkt& pkt) {
    const auto event = parser.take(pkt);
    if (!event) {
      require(event.error().text().size() < 8192);
      return false;
    }
    if (event->kind == wire::FetchParser::Event::Kind::pack) {
      pack_bytes += event->bytes.size();
    }
    return !parser.done();
  });
  require(!parser.done() || pack_bytes > 0);
}

}  // namespace

// The first byte chooses the parser, the rest is what a server answered.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4U) {
    case 0:
      read_capabilities(bytes);
      break;
    case 1:
      read_refs(bytes);
      break;
    case 2:
      read_fetch(bytes);
      break;
    default:
      static_cast<void>(wire::server_error(bytes));
      break;
  }
  return 0;
}
