// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"

namespace adapter::log {
namespace {

constexpr std::size_t max_secrets = 1024;
constexpr std::size_t min_secret_bytes = 4;
constexpr std::string_view replacement = "***";
constexpr std::string_view cut_mark = "…";

/// One spelling of a secret, min_secret_bytes or longer.
struct Needle {
  std::string spelling;
  bool in_base64 = false;
  friend bool operator==(const Needle&, const Needle&) = default;
};

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
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

std::vector<Needle> needles_of(std::string_view secret) {
  std::vector<Needle> needles;
  const auto add = [&needles](std::string spelling, bool in_base64) {
    Needle needle{std::move(spelling), in_base64};
    if (std::find(needles.begin(), needles.end(), needle) == needles.end()) {
      needles.push_back(std::move(needle));
    }
  };
  add(std::string(secret), false);
  add(escape(secret, secret.size() * 8), false);
  add(json_escaped(secret), false);
  for (std::size_t skip = 0; skip < 3; ++skip) {
    std::string core = base64_core(secret, skip);
    add(core, true);
    std::replace(core.begin(), core.end(), '+', '-');
    std::replace(core.begin(), core.end(), '/', '_');
    add(std::move(core), true);
  }
  return needles;
}

/// The registered secrets, found by the first bytes of their spellings. Any thread.
class Needles {
public:
  void insert(const Secret& secret) {
    const std::unique_lock lock(mutex_);
    const auto known = std::find(secrets_.begin(), secrets_.end(), secret);
    if (known != secrets_.end()) {
      std::rotate(known, known + 1, secrets_.end());
      return;
    }
    secrets_.push_back(secret);
    for (Needle& needle : needles_of(secret.reveal())) {
      starts_.set(pair_at(needle.spelling, 0));
      by_start_[key_at(needle.spelling, 0)].push_back(std::move(needle));
    }
    if (secrets_.size() > max_secrets) {
      erase(secrets_.front());
      secrets_.pop_front();
    }
    any_ = true;
  }

  [[nodiscard]] bool any() const noexcept { return any_; }

  void find(std::string_view text, std::vector<Span>& spans) const {
    const std::shared_lock lock(mutex_);
    for (std::size_t at = 0; at + min_secret_bytes <= text.size(); ++at) {
      if (!starts_.test(pair_at(text, at))) {
        continue;
      }
      const auto found = by_start_.find(key_at(text, at));
      if (found == by_start_.end()) {
        continue;
      }
      for (const Needle& needle : found->second) {
        const std::size_t length = match(text.substr(at), needle.spelling);
        const bool hidden = !spans.empty() && spans.back().begin <= at && at + length <= spans.back().end;
        if (length > 0 && !hidden) {
          spans.push_back(needle.in_base64 ? base64_word(text, at, length) : Span{at, at + length});
        }
      }
    }
  }

private:
  static std::size_t pair_at(std::string_view text, std::size_t at) noexcept {
    return static_cast<std::size_t>(static_cast<unsigned char>(text[at])) << 8U |
           static_cast<unsigned char>(text[at + 1]);
  }
  static std::uint32_t key_at(std::string_view text, std::size_t at) noexcept {
    std::uint32_t key = 0;
    std::memcpy(&key, text.data() + at, sizeof key);
    return key;
  }

  /// How many bytes at the start of `text` spell the secret, or begin it and were then cut; else 0.
  static std::size_t match(std::string_view text, std::string_view spelling) noexcept {
    const std::size_t most = std::min(text.size(), spelling.size());
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(most);
    const auto length =
        static_cast<std::size_t>(std::mismatch(text.begin(), end, spelling.begin()).first - text.begin());
    const bool was_cut = length >= min_secret_bytes && text.substr(length).starts_with(cut_mark);
    return length == spelling.size() || was_cut ? length : 0;
  }

  /// The characters at the edges hold bits of the secret, and the rest is what it was sent with.
  static Span base64_word(std::string_view text, std::size_t at, std::size_t length) noexcept {
    Span span{at, at + length};
    while (span.begin > 0 && is_base64(text[span.begin - 1])) {
      --span.begin;
    }
    while (span.end < text.size() && is_base64(text[span.end])) {
      ++span.end;
    }
    return span;
  }

  void erase(const Secret& secret) {
    for (const Needle& needle : needles_of(secret.reveal())) {
      const auto place = by_start_.find(key_at(needle.spelling, 0));
      std::vector<Needle>& candidates = place->second;
      candidates.erase(std::find(candidates.begin(), candidates.end(), needle));
      if (candidates.empty()) {
        by_start_.erase(place);
      }
    }
  }

  mutable std::shared_mutex mutex_;
  std::deque<Secret> secrets_;  ///< the oldest in front
  std::unordered_map<std::uint32_t, std::vector<Needle>> by_start_;
  std::bitset<65536> starts_;  ///< the first two bytes of a spelling that is, or was, there
  std::atomic<bool> any_ = false;
};

/// Never destroyed: a worker may log while the process exits.
Needles& needles() {
  static Needles& instance = *new Needles;
  return instance;
}

/// `text` with its %XX decoded, and where each byte of it began in `text`; one more at the end.
struct Decoded {
  std::string text;
  std::vector<std::size_t> origins;
};

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

Decoded percent_decoded(std::string_view text) {
  Decoded decoded;
  for (std::size_t at = 0; at < text.size();) {
    decoded.origins.push_back(at);
    const bool room = text[at] == '%' && at + 2 < text.size();
    const int high = room ? hex_value(text[at + 1]) : -1;
    const int low = room ? hex_value(text[at + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded.text.push_back(static_cast<char>(high * 16 + low));
      at += 3;
    } else {
      decoded.text.push_back(text[at]);
      at += 1;
    }
  }
  decoded.origins.push_back(text.size());
  return decoded;
}

std::string without(std::string_view text, std::vector<Span>& spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& left, const Span& right) { return left.begin < right.begin; });
  std::string out;
  std::size_t copied = 0;
  for (const Span& span : spans) {
    if (span.begin >= copied) {
      out += text.substr(copied, span.begin - copied);
      out += replacement;
    }
    copied = std::max(copied, span.end);
  }
  out += text.substr(copied);
  return out;
}

}  // namespace

void redact(const Secret& secret) {
  if (secret.reveal().size() >= min_secret_bytes) {
    needles().insert(secret);
  }
}

std::string redacted(std::string_view text) {
  if (!needles().any()) {
    return std::string(text);
  }
  std::vector<Span> spans;
  needles().find(text, spans);
  if (text.find('%') != std::string_view::npos) {
    const Decoded decoded = percent_decoded(text);
    std::vector<Span> inner;
    needles().find(decoded.text, inner);
    for (const Span& span : inner) {
      spans.push_back({decoded.origins[span.begin], decoded.origins[span.end]});
    }
  }
  return without(text, spans);
}

}  // namespace adapter::log
