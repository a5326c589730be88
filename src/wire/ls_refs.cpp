// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/wire/protocol_v2.hpp"
#include "parsing.hpp"

namespace adapter::wire {
namespace {

Error bad_line(std::string_view reason, std::string_view line) {
  return bad_answer("list of refs holds " + std::string(reason) + ": \"" + escape(line, 200) + "\"");
}

std::optional<Error> read_attribute(Ref& ref, std::string_view attribute, std::string_view line) {
  auto value = attribute;
  const auto key = take_until(value, ':');
  if (key == "peeled") {
    const auto id = parse_id(value);
    if (!id || ref.peeled) {
      return bad_line("a malformed or repeated peeled id", line);
    }
    ref.peeled = id;
  } else if (key == "symref-target" && ref.name == "HEAD") {
    if (!is_valid_ref_name(value) || !ref.symref_target.empty()) {
      return bad_line("a malformed or repeated target of a symbolic ref", line);
    }
    ref.symref_target = value;
  }
  return std::nullopt;  // attributes of a later version of git are no concern of ours
}

/// `ref-prefix refs/heads/main` also brings main-2: a hundred thousand such neighbours must not count against the one.
bool is_asked_for(std::string_view name, std::string_view prefix) {
  return prefix.ends_with('/') ? name.starts_with(prefix) : name == prefix;
}

}  // namespace

std::string ls_refs_request(const Capabilities& capabilities, const std::vector<std::string>& prefixes,
                            std::string_view agent) {
  std::string request;
  append_command(request, "ls-refs", capabilities, agent);
  append_delim(request);
  append_pkt(request, "peel\n");
  append_pkt(request, "symrefs\n");
  if (capabilities.ls_refs_unborn) {
    append_pkt(request, "unborn\n");
  }
  for (const auto& prefix : prefixes) {
    append_pkt(request, "ref-prefix " + prefix + "\n");
  }
  append_flush(request);
  return request;
}

LsRefsParser::LsRefsParser(std::vector<std::string> prefixes, const Limits& limits, std::size_t most_kept)
    : prefixes_(std::move(prefixes)), max_refs_(limits.max_refs), most_kept_(most_kept) {}

std::optional<Error> LsRefsParser::take(const Pkt& pkt) {
  if (done_) {
    return bad_answer("list of refs goes on after its end");
  }
  if (auto error = error_packet(pkt)) {
    return error;
  }
  switch (pkt.kind) {
    case PktKind::data:
      return take_ref(pkt.line());
    case PktKind::flush:
      return finish();
    case PktKind::delim:
    case PktKind::response_end:
      break;
  }
  return bad_answer("list of refs holds a packet of a kind that does not belong there");
}

std::optional<Error> LsRefsParser::take_ref(std::string_view line) {
  auto rest = line;
  const auto id = take_until(rest, ' ');
  Ref ref;
  ref.name = take_until(rest, ' ');
  const bool unborn = id == "unborn";
  if (!unborn) {
    const auto parsed = parse_id(id);
    if (!parsed) {
      return looks_like_sha256(id) ? unsupported_object_format("sha256") : bad_line("a malformed line", line);
    }
    ref.id = *parsed;
  }
  const bool matches = prefixes_.empty() || std::any_of(prefixes_.begin(), prefixes_.end(), [&ref](const auto& prefix) {
                         return is_asked_for(ref.name, prefix);
                       });
  if (!matches) {
    return std::nullopt;
  }
  if (!is_valid_ref_name(ref.name) || (unborn && ref.name != "HEAD")) {
    return bad_line("a ref with a name that git does not allow", line);
  }
  while (!rest.empty()) {
    if (auto error = read_attribute(ref, take_until(rest, ' '), line)) {
      return error;
    }
  }
  if (unborn && (ref.symref_target.empty() || ref.peeled)) {
    return bad_line("an unborn HEAD that does not say which branch it means", line);
  }
  if (count_ >= max_refs_) {
    return Error(ErrorClass::limit, "the server lists more than " + std::to_string(max_refs_) +
                                        " matching refs; name one ref, or raise limits.max_refs");
  }
  ++count_;
  if (refs_.size() < most_kept_) {
    refs_.push_back(std::move(ref));
  }
  return std::nullopt;
}

std::optional<Error> LsRefsParser::finish() {
  // Once, at the end: a set kept all along would cost as much memory as the refs.
  std::vector<std::string_view> names;
  names.reserve(refs_.size());
  for (const auto& ref : refs_) {
    names.emplace_back(ref.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return bad_line("the same ref twice", *twice);
  }
  done_ = true;
  return std::nullopt;
}

}  // namespace adapter::wire
