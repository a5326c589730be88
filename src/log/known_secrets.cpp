// SPDX-License-Identifier: Apache-2.0
#include "known_secrets.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "adapter/base/text.hpp"

namespace adapter::log {
namespace {

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

/// Adds those of `secret`, unless it is too short.
void add_spellings_of(std::string_view secret, std::vector<Spelling>& spellings) {
  if (secret.size() < KnownSecrets::min_secret_bytes) {
    return;
  }
  spellings.push_back({std::string(secret), false});
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
}

/// A server that takes UTF-8 for Latin-1, or that converts one to the other, repeats a secret in other bytes.
std::vector<Spelling> spellings_of(std::string_view secret) {
  std::vector<Spelling> spellings;
  add_spellings_of(secret, spellings);
  const bool is_ascii = std::all_of(secret.begin(), secret.end(), [](unsigned char c) { return c < 0x80; });
  if (!is_ascii) {
    add_spellings_of(utf8_of_latin1(secret), spellings);
    add_spellings_of(latin1_of_utf8(secret).value_or(""), spellings);
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

void add_span(std::string_view text, Span span, bool in_base64, std::vector<Span>& spans) {
  const bool is_hidden = !spans.empty() && spans.back().begin <= span.begin && span.end <= spans.back().end;
  if (!is_hidden) {
    spans.push_back(in_base64 ? base64_word(text, span) : span);
  }
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
    std::list<Known> made;
    place = made.insert(made.end(), Known{secret, 0, {}});
    try {
      add_spellings(*place);
      places_.emplace(place->secret.reveal(), place);
    } catch (...) {
      remove_spellings(*place);
      throw;
    }
    owned_.splice(owned_.end(), made);
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
  while (retired_.size() > max_retired_) {
    remove_spellings(retired_.front());
    places_.erase(retired_.front().secret.reveal());
    retired_.pop_front();
  }
}

/// What it added before it failed is in known.uses.
void KnownSecrets::add_spellings(Known& known) {
  const std::vector<Spelling> spellings = spellings_of(known.secret.reveal());
  known.uses.reserve(spellings.size());
  for (const Spelling& spelling : spellings) {
    const auto [place, is_new] = spellings_.try_emplace(spelling.text);
    known.uses.push_back({place, spelling.in_base64});
    ++(spelling.in_base64 ? place->second.in_base64 : place->second.plain);
    if (is_new) {
      ++starts_[start_of(spelling.text)];
    }
  }
}

void KnownSecrets::remove_spellings(const Known& known) noexcept {
  for (const Use& use : known.uses) {
    Uses& uses = use.spelling->second;
    --(use.in_base64 ? uses.in_base64 : uses.plain);
    if (uses.plain + uses.in_base64 > 0) {
      continue;
    }
    const auto start = starts_.find(start_of(use.spelling->first));
    spellings_.erase(use.spelling);
    if (start == starts_.end()) {
      continue;  // add_spellings() had no memory for it
    }
    --start->second;
    if (start->second == 0) {
      starts_.erase(start);
    }
  }
}

/// Adds that `bytes` were read up to `at`, if a spelling begins with them.
void KnownSecrets::add_reading(std::string_view bytes, std::size_t at, Search& search) const {
  search.spend(bytes.size());
  const auto found = spellings_.lower_bound(bytes);
  if (found != spellings_.end() && found->first.starts_with(bytes)) {
    search.readings.insert({at, bytes.size(), found});
  }
}

/// Reads on from `at`, where `bytes` have been read, until they are enough to look a spelling up.
void KnownSecrets::begin_reading(std::size_t at, const std::string& bytes, Search& search) const {
  search.spend(bytes.size());
  if (bytes.size() >= min_secret_bytes) {
    if (starts_.contains(start_of(bytes))) {
      add_reading(bytes, at, search);
    }
    return;
  }
  if (at == search.text.size()) {
    return;
  }
  begin_reading(at + 1, bytes + search.text[at], search);
  if (const std::optional<Unit> unit = read_unit(search.text.substr(at))) {
    begin_reading(at + unit->length, bytes + unit->bytes, search);
  }
}

/// Adds that `bytes` follow, and end at `end` of the text.
void KnownSecrets::go_on(const Reading& reading, std::string_view bytes, std::size_t end, Search& search) const {
  const std::string_view spelling = reading.spelling->first;
  if (spelling.substr(reading.length).starts_with(bytes)) {
    search.spend(bytes.size());
    search.readings.insert({end, reading.length + bytes.size(), reading.spelling});
  } else {
    add_reading(std::string(spelling.substr(0, reading.length)).append(bytes), end, search);
  }
}

void KnownSecrets::find(std::string_view text, std::vector<Span>& spans, std::size_t& steps) const {
  const std::shared_lock lock(mutex_);
  Search search{text, steps, {}};
  Readings& readings = search.readings;
  std::size_t next_unit = text.find_first_of(unit_leads);
  for (std::size_t begin = 0; begin + min_secret_bytes <= text.size() && steps > 0; ++begin) {
    if (next_unit < begin) {
      next_unit = text.find_first_of(unit_leads, begin);
    }
    const bool is_plain = next_unit - begin >= min_secret_bytes;
    if (!is_plain || starts_.contains(start_of(text.substr(begin)))) {
      begin_reading(begin, "", search);
    }
    while (!readings.empty() && steps > 0) {
      const Reading reading = readings.extract(readings.begin()).value();
      const std::string_view rest = text.substr(reading.at);
      const std::optional<std::size_t> more = reading.is_whole() ? 0 : bytes_before_cut(rest);
      if (more) {
        add_span(text, {begin, reading.at + *more}, reading.spelling->second.in_base64 > 0, spans);
      }
      if (rest.empty()) {
        continue;
      }
      go_on(reading, rest.substr(0, 1), reading.at + 1, search);
      if (const std::optional<Unit> unit = read_unit(rest)) {
        go_on(reading, unit->bytes, reading.at + unit->length, search);
      }
    }
  }
}

}  // namespace adapter::log
