// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapter/http/query.hpp"
#include "adapter/http/request_head.hpp"

namespace {

using adapter::http::RequestHead;
using adapter::http::RequestHeadParser;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

/// What a caller sees, as text; and what holds for every head that was accepted.
std::string read(std::string_view bytes, std::size_t piece) {
  RequestHeadParser parser;
  std::size_t used = 0;
  while (used < bytes.size() && !parser.done()) {
    const auto step = parser.feed(bytes.substr(used, piece));
    require(step > 0);
    used += step;
  }
  if (parser.refused()) {
    return std::to_string(parser.refusal().status) + parser.refusal().reason;
  }
  if (!parser.complete()) {
    require(used == bytes.size() && used <= adapter::http::max_request_head_bytes);
    return "incomplete";
  }
  const RequestHead& head = parser.head();
  require(bytes.substr(0, used).ends_with("\r\n\r\n") && used <= adapter::http::max_request_head_bytes);
  require(head.target.starts_with('/') && head.path.starts_with('/') && head.target.starts_with(head.path));
  require(head.fields.count("Transfer-Encoding") == 0 && head.fields.count("Content-Length") <= 1);
  require(head.fields.count("Host") <= 1 && (head.minor_version == 0 || !head.host.empty()));
  std::string text = head.method + ' ' + head.target + ' ' + head.query + ' ' + head.host;
  require(std::none_of(text.begin(), text.end(), [](char c) { return c < ' ' || c == '\x7f'; }));
  text += std::to_string(head.minor_version) + std::to_string(head.content_length.value_or(1));
  text += head.keep_alive ? 'k' : 'c';
  text += head.expects_continue ? 'e' : 'n';
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    const auto [name, value] = head.fields.at(i);
    require(!name.empty() && value.find_first_of("\r\n") == std::string_view::npos);
    text += '\n';
    text += name;
    text += ':';
    text += value;
  }
  static_cast<void>(adapter::http::query_value(head.query, "wait"));
  return text + std::to_string(used);
}

}  // namespace

// The first byte says how the rest is divided; no division may change what is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  require(read(bytes, std::max<std::size_t>(bytes.size(), 1)) == read(bytes, std::max<std::size_t>(data[0], 1)));
  return 0;
}
