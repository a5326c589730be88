// SPDX-License-Identifier: Apache-2.0
#include "form_payload.hpp"

#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

constexpr std::string_view parameter = "payload=";

}  // namespace

std::string_view FormPayload::update(std::string_view body) {
  decoded_.clear();
  for (const char c : body) {
    take(c);
    if (hopeless()) {
      return {};
    }
  }
  return decoded_;
}

void FormPayload::take(char c) {
  switch (state_) {
    case State::name:
      if (c != parameter[name_bytes_]) {
        state_ = State::bad;
      } else if (++name_bytes_ == parameter.size()) {
        state_ = State::plain;
      }
      return;
    case State::plain:
      if (c == '%') {
        state_ = State::escape;
      } else if (c == '&') {
        state_ = State::bad;
      } else {
        decoded_.push_back(c == '+' ? ' ' : c);
      }
      return;
    case State::escape:
      high_ = hex_value(c);
      state_ = high_ < 0 ? State::bad : State::second_digit;
      return;
    case State::second_digit: {
      const int low = hex_value(c);
      state_ = low < 0 ? State::bad : State::plain;
      decoded_.push_back(static_cast<char>(high_ * 16 + low));
      return;
    }
    case State::bad:
      return;
  }
}

}  // namespace adapter::admin
