// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "adapter/log/log.hpp"
#include "encodings.hpp"
#include "known_secrets.hpp"

namespace adapter::log {
namespace {

constexpr std::size_t max_retired_secrets = 1024;
/// Around a secret whose characters may be encoded too: an answer in JSON, say, that was escaped for a log.
constexpr int max_encodings = 2;
/// All searches of a text take up to three steps a byte for prose, JSON and HTML, and up to 90 where it mixes all of
/// the encodings. A million steps last some 40 ms; no text that comes here is much longer than 16 KiB.
constexpr std::size_t steps_per_byte = 96;
constexpr std::size_t steps_for_short_text = 65'536;
constexpr std::string_view replacement = "***";

/// Never destroyed: a worker may log while the process exits.
KnownSecrets& known_secrets() {
  static KnownSecrets& instance = *new KnownSecrets(max_retired_secrets);
  return instance;
}

/// Adds to `spans` where secrets are in `text`, and under up to `depth` encodings of it; some of them where no
/// `steps` are left.
void search(std::string_view text, int depth, std::size_t& steps, std::vector<Span>& spans) {
  known_secrets().find(text, spans, steps);
  if (depth == 0) {
    return;
  }
  for (const Encoding encoding : all_encodings) {
    const std::optional<Decoded> inner = decoded(encoding, text);
    if (!inner) {
      continue;
    }
    std::vector<Span> found;
    search(inner->text, depth - 1, steps, found);
    for (const Span& span : found) {
      spans.push_back(inner->origin_of(span));
    }
  }
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
  std::size_t steps = steps_for_short_text + steps_per_byte * text.size();
  search(text, max_encodings, steps, spans);
  return steps > 0 ? without(text, spans) : std::string(replacement);
}

}  // namespace adapter::log
