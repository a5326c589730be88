// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapter/auth/shared_secret.hpp"
#include "adapter/config/config.hpp"
#include "adapter/http/request_head.hpp"

namespace adapter::admin {

/// Who may ask for what. Any thread.
class Access {
public:
  /// `listen` as bound.
  void apply(const config::Admin& admin, const std::string& listen);
  /// Why the token's file cannot be read, class auth: until it can, no token fits. Blocks on the file.
  [[nodiscard]] std::optional<Error> check_token() const;

  [[nodiscard]] bool needs_token() const;
  /// Whether the request bears the token: as Bearer, or as the password of Basic. True where none is set. Compared in
  /// constant time; the file is read again when it changed.
  [[nodiscard]] bool has_token(const http::RequestHead& head);
  /// Without a token a page of another site could make a browser ask us by a name of its own (DNS rebinding): only
  /// loopback, the address that is listened on, and `allowed_hosts` are answered. True where a token is set.
  [[nodiscard]] bool host_is_allowed(const http::RequestHead& head) const;
  /// Whether a browser says that the request comes from a page that is not ours.
  [[nodiscard]] static bool is_foreign(const http::RequestHead& head);

private:
  [[nodiscard]] std::shared_ptr<auth::SharedSecret> token() const;

  mutable std::mutex mutex_;                   ///< never held over a look at the token's file
  std::shared_ptr<auth::SharedSecret> token_;  ///< null: none is set
  std::vector<std::string> hosts_;
  std::string listen_;
};

}  // namespace adapter::admin
