// SPDX-License-Identifier: Apache-2.0
#include "known_secrets.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <mutex>
#include <new>
#include <optional>
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

std::vector<Spelling> spellings_of(std::string_view secret) {
  std::vector<Spelling> spellings;
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

/// How much of a unit stands between the start of `text` and the mark of a cut; nullopt when no mark follows.
std::optional<std::size_t> bytes_before_cut(std::string_view text) {
  const std::size_t mark = text.substr(0, max_unit_bytes + cut_mark.size()).find(cut_mark);
  const bool follows =
      mark == 0 || (mark != std::string_view::npos && unit_leads.find(text[0]) != std::string_view::npos);
  return follows ? std::optional(mark) : std::nullopt;
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
    return;  // the secret stays known until the next release()
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

/// Adds that `bytes` were read up to `at`, if a spelling begins with them.
void KnownSecrets::add_reading(std::string_view bytes, std::size_t at, Readings& readings) const {
  const auto found = spellings_.lower_bound(bytes);
  if (found != spellings_.end() && found->first.starts_with(bytes)) {
    readings.insert({at, bytes.size(), found});
  }
}

/// Reads on from `at`, where `bytes` have been read, until they are enough to look a spelling up.
void KnownSecrets::begin_reading(std::string_view text, std::size_t at, const std::string& bytes,
                                 Readings& readings) const {
  if (bytes.size() >= min_secret_bytes) {
    if (starts_.contains(start_of(bytes))) {
      add_reading(bytes, at, readings);
    }
    return;
  }
  if (at == text.size()) {
    return;
  }
  begin_reading(text, at + 1, bytes + text[at], readings);
  if (const std::optional<Unit> unit = read_unit(text.substr(at))) {
    begin_reading(text, at + unit->length, bytes + unit->bytes, readings);
  }
}

/// Adds that `bytes` follow, and end at `end` of the text.
void KnownSecrets::go_on(const Reading& reading, std::string_view bytes, std::size_t end, Readings& readings) const {
  const std::string_view spelling = reading.spelling->first;
  if (spelling.substr(reading.length).starts_with(bytes)) {
    readings.insert({end, reading.length + bytes.size(), reading.spelling});
  } else {
    add_reading(std::string(spelling.substr(0, reading.length)).append(bytes), end, readings);
  }
}

void KnownSecrets::find(std::string_view text, std::vector<Span>& spans) const {
  const std::shared_lock lock(mutex_);
  Readings readings;
  std::size_t next_unit = text.find_first_of(unit_leads);
  for (std::size_t begin = 0; begin + min_secret_bytes <= text.size(); ++begin) {
    if (next_unit < begin) {
      next_unit = text.find_first_of(unit_leads, begin);
    }
    const bool is_plain = next_unit - begin >= min_secret_bytes;
    if (!is_plain || starts_.contains(start_of(text.substr(begin)))) {
      begin_reading(text, begin, "", readings);
    }
    while (!readings.empty()) {
      const Reading reading = readings.extract(readings.begin()).value();
      const std::string_view rest = text.substr(reading.at);
      const std::optional<std::size_t> more = reading.is_whole() ? 0 : bytes_before_cut(rest);
      if (more) {
        add_span(text, {begin, reading.at + *more}, reading.spelling->second.in_base64 > 0, spans);
      }
      if (rest.empty()) {
        continue;
      }
      go_on(reading, rest.substr(0, 1), reading.at + 1, readings);
      if (const std::optional<Unit> unit = read_unit(rest)) {
        go_on(reading, unit->bytes, reading.at + unit->length, readings);
      }
    }
  }
}

}  // namespace adapter::log
