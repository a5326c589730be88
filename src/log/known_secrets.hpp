// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapter/base/secret.hpp"

namespace adapter::log {

/// The bytes [begin, end) of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The secrets that are kept out of logs, and the search for their spellings: plain, and the base64 characters that a
/// secret determines wherever it stands in what was encoded. A secret is known while it has an owner, and as one of the
/// last `max_retired` that lost their last owner. Any thread. Outlives every Place that it gave out.
class KnownSecrets {
  struct Known {
    Secret secret;
    std::size_t owners = 0;
  };

public:
  using Place = std::list<Known>::iterator;
  /// Shorter secrets are not searched for: too much of other text would match.
  static constexpr std::size_t min_secret_bytes = 4;

  explicit KnownSecrets(std::size_t max_retired) : max_retired_(max_retired) {}

  /// Adds an owner to `secret`, which has min_secret_bytes or more. Each call is paired with one of release().
  [[nodiscard]] Place acquire(const Secret& secret);
  void release(Place place) noexcept;

  /// Whether a secret was ever added.
  [[nodiscard]] bool any() const noexcept { return any_; }

  /// Adds to `spans` where a known secret is spelled in `text`, or where one begins and was cut at "…"; of base64 the
  /// whole word. The time grows with the length of the text, and with the logarithm of the number of secrets.
  void find(std::string_view text, std::vector<Span>& spans) const;

private:
  /// How many secrets have a spelling, by what the spelling is.
  struct Uses {
    std::size_t plain = 0;
    std::size_t in_base64 = 0;
  };
  using Spellings = std::map<std::string, Uses, std::less<>>;

  void add_spellings(std::string_view secret);
  void remove_spellings(std::string_view secret);
  [[nodiscard]] Spellings::const_iterator first_with(std::string_view prefix) const;
  void find_at(std::string_view text, std::size_t at, std::vector<Span>& spans) const;

  const std::size_t max_retired_;
  mutable std::shared_mutex mutex_;
  std::list<Known> owned_;
  std::list<Known> retired_;  ///< the longest without an owner in front
  std::unordered_map<std::string_view, Place> places_;
  Spellings spellings_;
  std::unordered_map<std::uint32_t, std::size_t> starts_;  ///< how many of spellings_ begin with these four bytes
  std::atomic<bool> any_ = false;
};

}  // namespace adapter::log
