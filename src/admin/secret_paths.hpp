// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapter/config/config.hpp"

namespace adapter::admin {

/// Where secrets lie is nobody's business on the port; the log has it. Immutable once made.
class SecretPaths {
public:
  SecretPaths() = default;
  /// Of credentials, webhooks and the port's own token.
  explicit SecretPaths(const config::Config& config);

  /// `text` with each of these paths cut down to "…/<last component>".
  [[nodiscard]] std::string hidden_in(std::string_view text) const;

private:
  [[nodiscard]] std::string_view path_at_begin(std::string_view text) const;

  std::vector<std::string> paths_;  ///< as errors spell them, sorted
};

}  // namespace adapter::admin
