// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace adapter {

/// What kind of failure it was. The names are part of the user's contract: they appear in logs, metrics and the API.
enum class ErrorClass : std::uint8_t {
  config,
  auth,
  not_found,
  rate_limited,
  network,
  tls,
  protocol,
  corrupt,
  limit,
  policy,
  storage,
  timeout,
  cancelled,
};

inline constexpr std::size_t error_class_count = 13;

/// The stable, lower-case name, for example "rate_limited".
[[nodiscard]] std::string_view to_string(ErrorClass error_class) noexcept;

/// The one failure type. Thrown by code that does I/O, returned inside a Result by parsers and policies.
///
/// It is born where the failure happens, with a class and a sentence that says what failed and what to do; callers add
/// context on the way up ("repository docs", "https://host: ls-refs"). Text never holds a secret or a URL's query; what
/// came from outside must be passed through `escape()` (base/text.hpp) by whoever builds the sentence.
class Error : public std::exception {
public:
  Error(ErrorClass error_class, std::string message);

  [[nodiscard]] ErrorClass error_class() const noexcept { return class_; }
  /// "outer context: inner context: message".
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

  /// Puts `context` in front of the text.
  Error& add_context(std::string_view context) &;
  [[nodiscard]] Error&& with_context(std::string_view context) &&;

  /// For whoever has to take something out of it.
  Error& set_text(std::string text) &;

  /// Whether the same request may succeed later without a change of configuration or of the remote's commit. By class,
  /// false for config, limit, policy and cancelled and true for the rest, unless set_retryable() said otherwise: a
  /// transfer that arrived corrupt is worth another try, a commit that is malformed is not.
  [[nodiscard]] bool retryable() const noexcept;
  Error& set_retryable(bool retryable) &;

  /// How long the remote asked us to wait, when it did (Retry-After); already capped by whoever parsed it.
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const noexcept { return retry_after_; }
  Error& set_retry_after(std::chrono::seconds delay) &;

private:
  ErrorClass class_;
  std::string text_;
  std::optional<std::chrono::seconds> retry_after_;
  std::optional<bool> retryable_;
};

/// A value or the reason why there is none, for code that does not throw (parsers, policies).
template <class T>
class [[nodiscard]] Result {
public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws the Error when there is none.
  [[nodiscard]] T& value() & {
    raise_if_error();
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] const T& value() const& {
    raise_if_error();
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] T&& value() && {
    raise_if_error();
    return std::move(*std::get_if<0>(&state_));
  }

  /// Precondition: has_value().
  [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// Precondition: !has_value().
  [[nodiscard]] Error& error() noexcept { return *std::get_if<1>(&state_); }
  [[nodiscard]] const Error& error() const noexcept { return *std::get_if<1>(&state_); }

private:
  void raise_if_error() const {
    if (const auto* error = std::get_if<1>(&state_)) {
      throw Error(*error);
    }
  }

  std::variant<T, Error> state_;
};

}  // namespace adapter
