// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "adapter/base/secret.hpp"
#include "encodings.hpp"

namespace adapter::log {

/// The secrets that are kept out of logs, and the search for their spellings: plain, and the base64 characters that a
/// secret determines wherever it stands in what was encoded. A secret is known while it has an owner, and as one of the
/// last `max_retired` that lost their last owner. Any thread. Outlives every Place that it gave out.
class KnownSecrets {
  /// How many secrets have a spelling, by what the spelling is.
  struct Uses {
    std::size_t plain = 0;
    std::size_t in_base64 = 0;
  };
  using Spellings = std::map<std::string, Uses, std::less<>>;
  /// A spelling that a secret has.
  struct Use {
    Spellings::iterator spelling;
    bool in_base64 = false;
  };
  struct Known {
    Secret secret;
    std::size_t owners = 0;
    std::vector<Use> uses;
  };

public:
  using Place = std::list<Known>::iterator;
  /// Shorter secrets are not searched for: too much of other text would match.
  static constexpr std::size_t min_secret_bytes = 4;

  /// A step of find() compares so many.
  static constexpr std::size_t bytes_per_step = 64;

  explicit KnownSecrets(std::size_t max_retired) : max_retired_(max_retired) {}

  /// Adds an owner to `secret`, which has min_secret_bytes or more. Each call is paired with one of release(), but one
  /// that throws bad_alloc, which adds nothing.
  [[nodiscard]] Place acquire(const Secret& secret);
  void release(Place place) noexcept;

  /// Whether a secret was ever added.
  [[nodiscard]] bool any() const noexcept { return any_; }

  /// Adds to `spans` where a known secret is spelled in `text`, each character as it is or as a unit of an encoding, or
  /// where one begins and was cut at "…"; of base64 the whole word. The time grows with the length of the text, and
  /// with the logarithm of the number of secrets. Where text repeats much of secrets that repeat themselves it grows
  /// with their length too, so that the search counts `steps` down: one for each way to read a byte, and more where
  /// much is compared. It ends, with some of the spans, where no steps are left.
  void find(std::string_view text, std::vector<Span>& spans, std::size_t& steps) const;

private:
  void add_spellings(Known& known);
  void remove_spellings(const Known& known) noexcept;
  /// One of the ways to read a text up to `at`: what was read is the first `length` bytes of `spelling`, which is the
  /// first of spellings_ that begins so.
  struct Reading {
    std::size_t at = 0;
    std::size_t length = 0;
    Spellings::const_iterator spelling;

    [[nodiscard]] bool is_whole() const { return spelling->first.size() == length; }
    friend bool operator<(const Reading& left, const Reading& right) {
      return std::tie(left.at, left.length, left.spelling->first) <
             std::tie(right.at, right.length, right.spelling->first);
    }
  };
  using Readings = std::set<Reading>;
  struct Search {
    std::string_view text;
    std::size_t& steps;
    Readings readings;

    /// For `bytes` that are looked up or compared.
    void spend(std::size_t bytes) noexcept { steps -= std::min(steps, 1 + bytes / bytes_per_step); }
  };

  void begin_reading(std::size_t at, const std::string& bytes, Search& search) const;
  void go_on(const Reading& reading, std::string_view bytes, std::size_t end, Search& search) const;
  void add_reading(std::string_view bytes, std::size_t at, Search& search) const;

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
