// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace adapter::admin {

/// Decodes a body of the form "payload=<JSON, percent-encoded>" as it arrives: Gitea, Forgejo and Gogs sign the JSON
/// and not the body when they are told to send forms. Keeps three bytes.
class FormPayload {
public:
  /// The decoded bytes that `body`, the next part, brought to light; valid until the next call.
  [[nodiscard]] std::string_view update(std::string_view body);
  /// After the last part: whether the body was nothing but one well-formed parameter called "payload".
  [[nodiscard]] bool well_formed() const noexcept { return state_ == State::plain; }
  /// What came so far is not such a body; nothing that follows changes that.
  [[nodiscard]] bool hopeless() const noexcept { return state_ == State::bad; }

private:
  enum class State : std::uint8_t { name, plain, escape, second_digit, bad };

  void take(char c);

  State state_ = State::name;
  std::size_t name_bytes_ = 0;
  int high_ = 0;
  std::string decoded_;
};

}  // namespace adapter::admin
