// SPDX-License-Identifier: Apache-2.0
#include "known_secrets.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <mutex>
#include <new>
#include <utility>

#include "adapter/base/text.hpp"

namespace adapter::log {
namespace {

constexpr std::string_view cut_mark = "…";

/// One spelling of a secret, KnownSecrets::min_secret_bytes or longer.
struct Spelling {
  std::string text;
  bool in_base64 = false;
};

/// The base64 characters that depend on `secret` alone when `skip` unknown bytes (0 to 2) stand before it.
std::string base64_core(std::string_view secret, std::size_t skip) {
  const std::string padded = std::string(skip, 'x') + std::string(secret);
  const std::string encoded = base64(padded);
  const std::size_t begin = (skip * 8 + 5) / 6;
  const std::size_t end = padded.size() * 8 / 6;
  return encoded.substr(begin, end - begin);
}

bool is_base64(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
         c == '-' || c == '_' || c == '=';
}

/// RFC 8259 §7, as the usual writers do it.
std::string json_escaped(std::string_view text) {
  static constexpr std::string_view from = "\"\\\b\f\n\r\t";
  static constexpr std::string_view to = "\"\\bfnrt";
  std::string out;
  for (const char c : text) {
    const std::size_t known = from.find(c);
    if (known != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(to[known]);
    } else if (static_cast<unsigned char>(c) < 0x20U) {
      std::array<char, 8> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += buffer.data();
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::vector<Spelling> spellings_of(std::string_view secret) {
  std::vector<Spelling> spellings;
  spellings.push_back({std::string(secret), false});
  spellings.push_back({escape(secret, secret.size() * 8), false});
  spellings.push_back({json_escaped(secret), false});
  for (std::size_t skip = 0; skip < 3; ++skip) {
    const std::string core = base64_core(secret, skip);
    spellings.push_back({core, true});
    std::string for_urls = core;
    std::replace(for_urls.begin(), for_urls.end(), '+', '-');
    std::replace(for_urls.begin(), for_urls.end(), '/', '_');
    if (for_urls != core) {
      spellings.push_back({std::move(for_urls), true});
    }
  }
  return spellings;
}

std::uint32_t start_of(std::string_view text) noexcept {
  std::uint32_t start = 0;
  std::memcpy(&start, text.data(), sizeof start);
  return start;
}

/// The characters at the edges hold bits of the secret, and the rest is what it was sent with.
Span base64_word(std::string_view text, Span span) noexcept {
  while (span.begin > 0 && is_base64(text[span.begin - 1])) {
    --span.begin;
  }
  while (span.end < text.size() && is_base64(text[span.end])) {
    ++span.end;
  }
  return span;
}

}  // namespace

static_assert(KnownSecrets::min_secret_bytes == sizeof(std::uint32_t), "what starts_ counts by");

KnownSecrets::Place KnownSecrets::acquire(const Secret& secret) {
  const std::unique_lock lock(mutex_);
  Place place;
  const auto known = places_.find(secret.reveal());
  if (known != places_.end()) {
    place = known->second;
    if (place->owners == 0) {
      owned_.splice(owned_.end(), retired_, place);
    }
  } else {
    owned_.push_back({secret, 0});
    place = std::prev(owned_.end());
    places_.emplace(place->secret.reveal(), place);
    add_spellings(place->secret.reveal());
    any_ = true;
  }
  ++place->owners;
  return place;
}

void KnownSecrets::release(Place place) noexcept {
  const std::unique_lock lock(mutex_);
  --place->owners;
  if (place->owners > 0) {
    return;
  }
  retired_.splice(retired_.end(), owned_, place);
  try {
    while (retired_.size() > max_retired_) {
      const std::string_view oldest = retired_.front().secret.reveal();
      remove_spellings(oldest);
      places_.erase(oldest);
      retired_.pop_front();
    }
  } catch (const std::bad_alloc&) {
    // The secret stays known until the next release().
  }
}

void KnownSecrets::add_spellings(std::string_view secret) {
  for (const Spelling& spelling : spellings_of(secret)) {
    const auto [place, is_new] = spellings_.try_emplace(spelling.text);
    ++(spelling.in_base64 ? place->second.in_base64 : place->second.plain);
    if (is_new) {
      ++starts_[start_of(spelling.text)];
    }
  }
}

void KnownSecrets::remove_spellings(std::string_view secret) {
  for (const Spelling& spelling : spellings_of(secret)) {
    const auto place = spellings_.find(spelling.text);
    Uses& uses = place->second;
    --(spelling.in_base64 ? uses.in_base64 : uses.plain);
    if (uses.plain + uses.in_base64 > 0) {
      continue;
    }
    spellings_.erase(place);
    const auto start = starts_.find(start_of(spelling.text));
    --start->second;
    if (start->second == 0) {
      starts_.erase(start);
    }
  }
}

/// The first of spellings_ that begins with `prefix`; their end when none does.
KnownSecrets::Spellings::const_iterator KnownSecrets::first_with(std::string_view prefix) const {
  const auto found = spellings_.lower_bound(prefix);
  return found != spellings_.end() && found->first.starts_with(prefix) ? found : spellings_.end();
}

void KnownSecrets::find(std::string_view text, std::vector<Span>& spans) const {
  const std::shared_lock lock(mutex_);
  for (std::size_t at = 0; at + min_secret_bytes <= text.size(); ++at) {
    if (starts_.contains(start_of(text.substr(at)))) {
      find_at(text, at, spans);
    }
  }
}

/// Follows the text from `at` for as long as spellings begin with it.
void KnownSecrets::find_at(std::string_view text, std::size_t at, std::vector<Span>& spans) const {
  std::size_t length = min_secret_bytes;
  auto spelling = first_with(text.substr(at, length));
  while (spelling != spellings_.end()) {
    const bool is_whole = spelling->first.size() == length;
    const bool is_hidden = !spans.empty() && spans.back().begin <= at && at + length <= spans.back().end;
    if (!is_hidden && (is_whole || text.substr(at + length).starts_with(cut_mark))) {
      const Span span{at, at + length};
      spans.push_back(spelling->second.in_base64 > 0 ? base64_word(text, span) : span);
    }
    if (at + length == text.size()) {
      return;
    }
    ++length;
    if (is_whole || spelling->first[length - 1] != text[at + length - 1]) {
      spelling = first_with(text.substr(at, length));
    }
  }
}

}  // namespace adapter::log
