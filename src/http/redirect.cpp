// SPDX-License-Identifier: Apache-2.0
#include "adapter/http/redirect.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "adapter/base/limits.hpp"

namespace adapter::http {
namespace {

constexpr std::string_view discovery_path = "/info/refs";
constexpr std::string_view discovery_query = "service=git-upload-pack";

Error unusable(const Url& from, std::string_view reason) {
  return Error(ErrorClass::protocol,
               from.display() + " redirected to an address that cannot be used: " + std::string(reason));
}

// "scheme:" at the front, as RFC 3986 §4.1 tells a URI from a relative reference.
bool has_scheme(std::string_view reference) noexcept {
  const auto end = reference.find_first_of(":/?#");
  if (end == std::string_view::npos || end == 0 || reference[end] != ':') {
    return false;
  }
  return std::all_of(reference.begin(), reference.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
           c == '.';
  });
}

// RFC 3986 §5.2.4. Plain dots only: percent-encoded ones stay, for Url::parse to refuse.
std::string remove_dot_segments(std::string_view path) {
  std::string output;
  while (!path.empty()) {
    const auto end = path.find('/', 1);
    const auto segment = path.substr(0, end);  // with its leading slash
    const bool last = end == std::string_view::npos;
    path = last ? std::string_view{} : path.substr(end);
    if (segment == "/.." || segment == "/.") {
      if (segment == "/..") {
        const auto slash = output.rfind('/');
        output.resize(slash == std::string::npos ? 0 : slash);
      }
      if (last) {
        output += '/';
      }
      continue;
    }
    output += segment;
  }
  return output;
}

// RFC 3986 §5.2.2 and §5.3 for a reference without scheme.
std::string resolve(const Url& from, std::string_view reference) {
  if (reference.starts_with("//")) {
    return from.origin().scheme + ":" + std::string(reference);
  }
  const auto tail_at = std::min(reference.find_first_of("?#"), reference.size());
  const auto path = reference.substr(0, tail_at);
  const auto tail = reference.substr(tail_at);
  std::string target = from.origin().to_string();
  if (path.empty()) {
    target += from.path();
  } else if (path.starts_with('/')) {
    target += remove_dot_segments(path);
  } else {
    const auto folder = from.path().substr(0, from.path().rfind('/') + 1);
    target += remove_dot_segments(folder + std::string(path));
  }
  target += tail;
  return target;
}

}  // namespace

bool is_redirect_status(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<Url> redirect_target(const Url& from, std::string_view location, int hops_so_far) {
  if (hops_so_far >= max_redirects) {
    return Error(ErrorClass::protocol,
                 from.display() + " was redirected more than " + std::to_string(max_redirects) + " times");
  }
  if (location.empty()) {
    return unusable(from, "the Location is missing or empty");
  }
  auto target = Url::parse(has_scheme(location) ? std::string(location) : resolve(from, location));
  if (!target) {
    return unusable(from, target.error().text());
  }
  if (target->origin() != from.origin()) {
    return Error(ErrorClass::policy, from.origin().to_string() + " redirected to " + target->origin().to_string() +
                                         ", another origin, which is not followed; if that is where the repository "
                                         "lives now, write it as its url");
  }
  return target;
}

Result<Url> base_after_redirect(const Url& landed) {
  const std::string_view path = landed.path();
  const bool query_known = landed.query().empty() || landed.query() == discovery_query;
  if (!path.ends_with(discovery_path) || !query_known) {
    return Error(ErrorClass::protocol, "the redirect ended at " + landed.display() +
                                           ", which is not the /info/refs of a repository; check the repository's url");
  }
  return Url::parse(landed.origin().to_string() + std::string(path.substr(0, path.size() - discovery_path.size())));
}

}  // namespace adapter::http
