// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/wire/protocol_v2.hpp"
#include "parsing.hpp"

namespace adapter::wire {
namespace {

constexpr std::size_t max_lines = 64;
constexpr std::size_t max_line_bytes = 1024;
constexpr std::string_view preamble = "# service=git-upload-pack";

void keep_line(Capabilities& capabilities, std::string_view line) {
  if (capabilities.lines.size() < max_lines) {
    capabilities.lines.emplace_back(line.substr(0, max_line_bytes));
  }
}

void read_fetch_features(Capabilities& capabilities, std::string_view features) {
  while (!features.empty()) {
    const auto feature = take_until(features, ' ');
    capabilities.fetch_shallow |= feature == "shallow";
    capabilities.fetch_filter |= feature == "filter";
    capabilities.fetch_wait_for_done |= feature == "wait-for-done";
    capabilities.fetch_sideband_all |= feature == "sideband-all";
  }
}

// The first line of v0 and v1: "<id> SP <ref> NUL <capabilities>". Nothing when it is no such line.
std::optional<Capabilities> read_old_advertisement(std::string_view line, int version) {
  auto rest = line;
  const auto id = take_until(rest, ' ');
  const bool has_id = looks_like_sha256(id) || ObjectId::from_hex(id).has_value();
  if (!has_id || rest.empty()) {
    return std::nullopt;
  }
  Capabilities result;
  result.version = version;
  if (looks_like_sha256(id)) {
    result.object_format = "sha256";
  }
  static_cast<void>(take_until(rest, '\0'));
  while (!rest.empty()) {
    auto value = take_until(rest, ' ');
    keep_line(result, value);
    const auto key = take_until(value, '=');
    if (key == "agent") {
      result.agent = value.substr(0, max_line_bytes);
    } else if (key == "object-format") {
      result.object_format = value.substr(0, max_line_bytes);
    }
  }
  return result;
}

}  // namespace

std::optional<Error> CapabilitiesParser::take(const Pkt& pkt) {
  if (done_) {
    // What follows the first line of v0 and v1 are refs, which nobody asked this parser about.
    return result_.version == 2 ? std::optional(bad_answer("list of capabilities goes on after its end"))
                                : std::nullopt;
  }
  if (auto error = error_packet(pkt)) {
    return error;
  }
  switch (pkt.kind) {
    case PktKind::data:
      return version_seen_ ? take_capability(pkt.line()) : take_first_line(pkt.line());
    case PktKind::flush:
      if (preamble_ && !preamble_ended_) {
        preamble_ended_ = true;
        return std::nullopt;
      }
      return finish();
    case PktKind::delim:
    case PktKind::response_end:
      break;
  }
  return bad_answer("list of capabilities holds a packet of a kind that does not belong there");
}

std::optional<Error> CapabilitiesParser::take_first_line(std::string_view line) {
  if (!preamble_ && line == preamble) {
    preamble_ = true;
    return std::nullopt;
  }
  if (preamble_ && !preamble_ended_) {
    return bad_answer("list of capabilities has no flush packet after its preamble");
  }
  if (line == "version 2") {
    result_.version = 2;
    version_seen_ = true;
    return std::nullopt;
  }
  if (line == "version 1" && !version_1_) {
    version_1_ = true;
    return std::nullopt;
  }
  auto old = read_old_advertisement(line, version_1_ ? 1 : 0);
  if (!old) {
    return bad_answer("answer does not begin as a git server's does: \"" + escape(line, 80) +
                      "\"; check that the URL is that of a repository");
  }
  result_ = std::move(*old);
  version_seen_ = true;
  done_ = true;
  if (result_.object_format != "sha1") {
    return unsupported_object_format(result_.object_format);
  }
  return std::nullopt;
}

std::optional<Error> CapabilitiesParser::take_capability(std::string_view line) {
  keep_line(result_, line);
  auto value = line;
  const auto key = take_until(value, '=');
  if (key == "agent") {
    result_.agent = value.substr(0, max_line_bytes);
  } else if (key == "ls-refs") {
    has_ls_refs_ = true;
    while (!value.empty()) {
      result_.ls_refs_unborn |= take_until(value, ' ') == "unborn";
    }
  } else if (key == "fetch") {
    has_fetch_ = true;
    read_fetch_features(result_, value);
  } else if (key == "object-format" && value != "sha1") {
    result_.object_format = value.substr(0, max_line_bytes);
    return unsupported_object_format(value);
  }
  return std::nullopt;
}

std::optional<Error> CapabilitiesParser::finish() {
  if (!version_seen_ && (preamble_ended_ || version_1_)) {
    // An empty repository, which has no ref to put capabilities on.
    result_.version = version_1_ ? 1 : 0;
    done_ = true;
    return std::nullopt;
  }
  if (!version_seen_) {
    return bad_answer("list of capabilities is empty; check that the URL is that of a repository");
  }
  if (!has_ls_refs_ || !has_fetch_) {
    return bad_answer("list of capabilities names no " + std::string(has_ls_refs_ ? "fetch" : "ls-refs") +
                      ", without which it cannot be followed");
  }
  done_ = true;
  return std::nullopt;
}

}  // namespace adapter::wire
