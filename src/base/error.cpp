// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/error.hpp"

namespace adapter {

std::string_view to_string(ErrorClass error_class) noexcept {
  switch (error_class) {
    case ErrorClass::config:
      return "config";
    case ErrorClass::auth:
      return "auth";
    case ErrorClass::not_found:
      return "not_found";
    case ErrorClass::rate_limited:
      return "rate_limited";
    case ErrorClass::network:
      return "network";
    case ErrorClass::tls:
      return "tls";
    case ErrorClass::protocol:
      return "protocol";
    case ErrorClass::corrupt:
      return "corrupt";
    case ErrorClass::limit:
      return "limit";
    case ErrorClass::policy:
      return "policy";
    case ErrorClass::storage:
      return "storage";
    case ErrorClass::timeout:
      return "timeout";
    case ErrorClass::cancelled:
      return "cancelled";
  }
  return "unknown";
}

Error::Error(ErrorClass error_class, std::string message) : class_(error_class), text_(std::move(message)) {}

Error& Error::add_context(std::string_view context) & {
  text_.insert(0, ": ");
  text_.insert(0, context);
  return *this;
}

Error&& Error::with_context(std::string_view context) && {
  return std::move(add_context(context));
}

Error& Error::set_text(std::string text) & {
  text_ = std::move(text);
  return *this;
}

bool Error::retryable() const noexcept {
  if (retryable_) {
    return *retryable_;
  }
  switch (class_) {
    case ErrorClass::config:
    case ErrorClass::limit:
    case ErrorClass::policy:
    case ErrorClass::cancelled:
      return false;
    case ErrorClass::auth:
    case ErrorClass::not_found:
    case ErrorClass::rate_limited:
    case ErrorClass::network:
    case ErrorClass::tls:
    case ErrorClass::protocol:
    case ErrorClass::corrupt:
    case ErrorClass::storage:
    case ErrorClass::timeout:
      return true;
  }
  return true;
}

Error& Error::set_retryable(bool retryable) & {
  retryable_ = retryable;
  return *this;
}

Error& Error::set_retry_after(std::chrono::seconds delay) & {
  retry_after_ = delay;
  return *this;
}

}  // namespace adapter
