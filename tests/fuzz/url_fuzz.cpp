// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapter/http/url.hpp"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

// A URL that was read prints as one that reads as the same, covers itself, and can stand in a request line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(adapter::http::is_loopback_name(text));
  const auto url = adapter::http::Url::parse(text);
  if (!url) {
    require(url.error().error_class() == adapter::ErrorClass::config);
    require(url.error().text().size() < 300);
    return 0;
  }
  const auto again = adapter::http::Url::parse(url->to_string());
  require(again.has_value() && *again == *url && again->to_string() == url->to_string());
  require(url->is_below(*url));
  require(url->target().starts_with('/'));
  for (const char c : url->to_string()) {
    require(c > ' ' && c < '\x7f' && c != '\\' && c != '#');
  }
  const auto below = url->with_suffix("info/refs", "service=git-upload-pack");
  require(below.is_below(*url));
  return 0;
}
