// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "known_secrets.hpp"

namespace adapter::log {
namespace {

constexpr std::size_t max_retired_secrets = 1024;
constexpr std::string_view replacement = "***";

/// Never destroyed: a worker may log while the process exits.
KnownSecrets& known_secrets() {
  static KnownSecrets& instance = *new KnownSecrets(max_retired_secrets);
  return instance;
}

/// `text` with its %XX decoded, and where each byte of it began in `text`; one more at the end.
struct Decoded {
  std::string text;
  std::vector<std::size_t> origins;
};

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

/// One owner of a known secret.
class Redaction::Owner {
public:
  explicit Owner(const Secret& secret) : place_(known_secrets().acquire(secret)) {}
  ~Owner() { known_secrets().release(place_); }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

private:
  KnownSecrets::Place place_;
};

Redaction::Redaction(const Secret& secret) {
  if (secret.reveal().size() >= KnownSecrets::min_secret_bytes) {
    owner_ = std::make_shared<const Owner>(secret);
  }
}

std::string redacted(std::string_view text) {
  if (!known_secrets().any()) {
    return std::string(text);
  }
  std::vector<Span> spans;
  known_secrets().find(text, spans);
  if (text.find('%') != std::string_view::npos) {
    const Decoded decoded = percent_decoded(text);
    std::vector<Span> inner;
    known_secrets().find(decoded.text, inner);
    for (const Span& span : inner) {
      spans.push_back({decoded.origins[span.begin], decoded.origins[span.end]});
    }
  }
  return without(text, spans);
}

}  // namespace adapter::log
