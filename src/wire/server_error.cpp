// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/wire/protocol_v2.hpp"
#include "parsing.hpp"

namespace adapter::wire {

Error server_error(std::string_view message) {
  const auto words = trim(message);
  std::string text = "the server says: " + escape(words, max_sideband_line_bytes);
  const std::string lower = to_lower(words.substr(0, max_sideband_line_bytes));
  if (lower.find("not our ref") != std::string::npos) {
    return Error(ErrorClass::not_found,
                 text +
                     " (the server has no such commit, or does not give it out; where ref is a commit id, correct it "
                     "or push that commit to a branch; else the ref has just moved, and the next check finds it)");
  }
  if (lower.find("repository not found") != std::string::npos ||
      lower.find("repository does not exist") != std::string::npos) {
    return Error(ErrorClass::not_found, std::move(text));
  }
  return Error(ErrorClass::protocol, std::move(text));
}

Error bad_answer(std::string message) {
  return Error(ErrorClass::protocol, "the server's " + std::move(message));
}

std::optional<Error> error_packet(const Pkt& pkt) {
  constexpr std::string_view mark = "ERR ";
  if (pkt.kind != PktKind::data || !pkt.payload.starts_with(mark)) {
    return std::nullopt;
  }
  return server_error(pkt.payload.substr(mark.size()));
}

std::optional<ObjectId> parse_id(std::string_view hex) noexcept {
  const auto id = ObjectId::from_hex(hex);
  return id && !id->is_zero() ? id : std::nullopt;
}

bool looks_like_sha256(std::string_view hex) noexcept {
  return hex.size() == 64 &&
         std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Error unsupported_object_format(std::string_view format) {
  return Error(ErrorClass::protocol, "the repository names its objects with " + escape(format, 32) +
                                         "; only sha1 is supported, so this repository cannot be synced");
}

std::string_view take_until(std::string_view& rest, char separator) noexcept {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

void append_command(std::string& out, std::string_view command, const Capabilities& capabilities,
                    std::string_view agent) {
  append_pkt(out, "command=" + std::string(command) + "\n");
  // A capability the server did not name makes it refuse the request. sha1 is what it assumes without object-format.
  if (!capabilities.agent.empty() && !agent.empty()) {
    append_pkt(out, "agent=" + std::string(agent) + "\n");
  }
}

}  // namespace adapter::wire
