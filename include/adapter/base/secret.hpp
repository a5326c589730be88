// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace adapter {

/// A password, token or Authorization value. It has no output operator and no implicit conversion, compares in constant
/// time, and its memory is overwritten when it is destroyed, moved from or assigned to. Any thread; not synchronised.
class Secret {
public:
  Secret() = default;
  /// Takes the bytes over and wipes the argument.
  explicit Secret(std::string&& bytes);
  explicit Secret(std::string_view bytes);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  /// The bytes, valid as long as this object; only for the line that sends or compares them.
  [[nodiscard]] std::string_view reveal() const noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  /// Constant time for equal lengths.
  friend bool operator==(const Secret& left, const Secret& right) noexcept;

private:
  void wipe() noexcept;
  std::string bytes_;
};

/// Compares without an early exit; the time depends on the lengths only.
[[nodiscard]] bool constant_time_equal(std::string_view left, std::string_view right) noexcept;

}  // namespace adapter
