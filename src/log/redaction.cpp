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
constexpr std::string_view replacement = "***";

/// Never destroyed: a worker may log while the process exits.
KnownSecrets& known_secrets() {
  static KnownSecrets& instance = *new KnownSecrets(max_retired_secrets);
  return instance;
}

/// Adds to `spans` where secrets are in `text`, and under up to `depth` encodings of it.
void search(std::string_view text, int depth, std::vector<Span>& spans) {
  known_secrets().find(text, spans);
  if (depth == 0) {
    return;
  }
  for (const Encoding encoding : all_encodings) {
    const std::optional<Decoded> inner = decoded(encoding, text);
    if (!inner) {
      continue;
    }
    std::vector<Span> found;
    search(inner->text, depth - 1, found);
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
  search(text, max_encodings, spans);
  return without(text, spans);
}

}  // namespace adapter::log
