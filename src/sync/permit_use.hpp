// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace adapter::sync {

/// How long each repository held permits lately: the sum of that time, halved every five minutes. Repositories are
/// known by their names, also beyond a reload; one whose sum has faded away is forgotten. No I/O. One thread.
class PermitUse {
public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Clock = std::function<TimePoint()>;  ///< never goes back

  static constexpr std::chrono::minutes half_life{5};
  /// Whose sum is above it has used much, and is not to take the last permit.
  static constexpr std::chrono::seconds much{10};
  /// While no permit is held by a repository with a sum below it, one more is given.
  static constexpr std::chrono::seconds long_use{5};

  explicit PermitUse(Clock clock);

  /// `repository` has one permit more.
  void begin(const std::string& repository);
  /// It gave one back. After begin() only.
  void end(std::string_view repository) noexcept;

  /// Time that it held permits lately, the present ones too.
  [[nodiscard]] std::chrono::duration<double> sum(std::string_view repository) const;
  /// Orders repositories by their sums, the least first; sums below a tenth of a second are equal. Compares ranks of
  /// different times too: the sums of two that hold no permit keep their order while they fade.
  [[nodiscard]] double rank(std::string_view repository) const;
  /// Its sum is above `much`, and above half of the least sum of the other repositories that hold a permit now: beside
  /// those that use far more, a repository that is merely busy is light.
  [[nodiscard]] bool used_much(std::string_view repository) const;
  /// Permits that are held now by repositories whose sum is above `long_use`.
  [[nodiscard]] std::size_t held_long() const;

private:
  struct Use {
    double seconds = 0;  ///< at `at`
    TimePoint at;
    std::size_t held = 0;
  };
  [[nodiscard]] static double seconds_at(const Use& use, TimePoint now);
  void forget_faded(TimePoint now);

  Clock clock_;
  std::map<std::string, Use, std::less<>> uses_;
  std::vector<const Use*> holding_;  ///< those of `uses_` that hold a permit
  std::size_t forget_at_;            ///< size of `uses_` at which it is gone through next
};

}  // namespace adapter::sync
