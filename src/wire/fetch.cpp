// SPDX-License-Identifier: Apache-2.0
#include <cassert>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/wire/protocol_v2.hpp"
#include "parsing.hpp"

namespace adapter::wire {
namespace {

constexpr std::size_t max_boundary_commits = 1'000'000;

void append_ids(std::string& out, std::string_view verb, const std::vector<ObjectId>& ids) {
  for (const auto& id : ids) {
    append_pkt(out, std::string(verb) + " " + id.to_hex() + "\n");
  }
}

}  // namespace

std::string fetch_request(const Capabilities& capabilities, const FetchArguments& arguments, std::string_view agent) {
  assert(!arguments.wants.empty());
  std::string request;
  append_command(request, "fetch", capabilities, agent);
  append_delim(request);
  append_pkt(request, "thin-pack\n");
  append_pkt(request, "ofs-delta\n");
  if (capabilities.fetch_shallow) {
    append_ids(request, "shallow", arguments.shallow);
    if (arguments.depth > 0) {
      append_pkt(request, "deepen " + std::to_string(arguments.depth) + "\n");
    }
  }
  append_ids(request, "want", arguments.wants);
  append_ids(request, "have", arguments.haves);
  append_pkt(request, "done\n");
  append_flush(request);
  return request;
}

Result<FetchParser::Event> FetchParser::take(const Pkt& pkt) {
  if (auto error = error_packet(pkt)) {
    return std::move(*error);
  }
  if (section_ == Section::packfile) {
    return take_pack(pkt);
  }
  std::optional<Error> error;
  if (section_ == Section::done) {
    error = bad_answer("answer to fetch goes on after its end");
  } else if (pkt.kind == PktKind::data) {
    error = take_line(pkt.line());
  } else {
    error = end_section(pkt.kind);
  }
  if (error) {
    return std::move(*error);
  }
  return Event{};
}

std::optional<Error> FetchParser::end_section(PktKind kind) {
  const bool inside = section_ == Section::acknowledgments || section_ == Section::shallow_info;
  if (kind == PktKind::delim && inside) {
    last_section_ = section_;
    section_ = Section::between;
    return std::nullopt;
  }
  if (kind == PktKind::flush) {
    return bad_answer("answer to fetch ended before a pack");
  }
  return bad_answer("answer to fetch holds a packet of a kind that does not belong there");
}

std::optional<Error> FetchParser::take_line(std::string_view line) {
  switch (section_) {
    case Section::start:
    case Section::between:
      return begin_section(line);
    case Section::acknowledgments:
      return take_acknowledgment(line);
    case Section::shallow_info:
      return take_boundary(line);
    case Section::packfile:
    case Section::done:
      break;
  }
  return std::nullopt;
}

std::optional<Error> FetchParser::begin_section(std::string_view line) {
  Section next = Section::start;
  if (line == "acknowledgments") {
    next = Section::acknowledgments;
  } else if (line == "shallow-info") {
    next = Section::shallow_info;
  } else if (line == "packfile") {
    next = Section::packfile;
  } else {
    return bad_answer("answer to fetch holds a section that was not asked for: \"" + escape(line, 80) + "\"");
  }
  if (next <= last_section_) {
    return bad_answer("answer to fetch holds its sections in a wrong order");
  }
  section_ = next;
  return std::nullopt;
}

std::optional<Error> FetchParser::take_acknowledgment(std::string_view line) {
  auto rest = line;
  const auto word = take_until(rest, ' ');
  const bool plain = rest.empty() && (word == "NAK" || word == "ready");
  if (plain || (word == "ACK" && parse_id(rest))) {
    return std::nullopt;
  }
  return bad_answer("answer to fetch holds a malformed acknowledgment: \"" + escape(line, 80) + "\"");
}

std::optional<Error> FetchParser::take_boundary(std::string_view line) {
  auto rest = line;
  const auto word = take_until(rest, ' ');
  const auto id = parse_id(rest);
  if (!id || (word != "shallow" && word != "unshallow")) {
    return bad_answer("answer to fetch holds malformed shallow information: \"" + escape(line, 80) + "\"");
  }
  if (shallow_.size() + unshallow_.size() >= max_boundary_commits) {
    return Error(ErrorClass::limit, "the server names more than 1000000 commits at the boundary of a shallow history");
  }
  (word == "shallow" ? shallow_ : unshallow_).push_back(*id);
  return std::nullopt;
}

Result<FetchParser::Event> FetchParser::take_pack(const Pkt& pkt) {
  if (pkt.kind == PktKind::flush) {
    if (!pack_seen_) {
      return bad_answer("answer to fetch ended before a pack");
    }
    section_ = Section::done;
    return Event{};
  }
  if (pkt.kind != PktKind::data || pkt.payload.empty()) {
    return bad_answer("pack is interrupted by a packet of a kind that does not belong there");
  }
  const auto bytes = pkt.payload.substr(1);
  switch (pkt.payload.front()) {
    case '\1':
      if (bytes.empty()) {
        return Event{};  // sent to keep the connection alive
      }
      pack_seen_ = true;
      return Event{Event::Kind::pack, bytes};
    case '\2':
      return Event{Event::Kind::progress, bytes.substr(0, max_sideband_line_bytes)};
    case '\3':
      return server_error(bytes);
    default:
      return bad_answer("pack comes on a side-band channel other than 1, 2 and 3");
  }
}

}  // namespace adapter::wire
