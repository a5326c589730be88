// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "adapter/base/file_version.hpp"
#include "adapter/base/secret.hpp"
#include "adapter/config/checks.hpp"
#include "adapter/config/config.hpp"
#include "adapter/config/load.hpp"
#include "adapter/log/log.hpp"

namespace adapter::auth {

/// What is wrong, or looks like a mistake of its author, with a secret that could be read now: a sentence without any
/// of its bytes. Blocking.
[[nodiscard]] config::ContentFault examine_secret(const config::SecretSource& source,
                                                  const config::Environment& environment);

/// A secret of one line, in a file or a variable of the environment. Not synchronised.
class SecretReader {
public:
  explicit SecretReader(config::SecretSource source, config::Environment environment = {});

  /// Reads it again when its file changed (see FileVersion): a stat when it did not. Whether value() is
  /// another one now. A byte order mark and one trailing line break are dropped; an oddity is logged, never the bytes.
  /// Errors of class auth: the file or variable is missing, empty, over 64 KiB, or holds CR, LF or NUL; value() is
  /// empty then, and the text names the place. value() is known to log::redacted.
  Result<bool> refresh();
  [[nodiscard]] const Secret& value() const noexcept { return value_; }

private:
  config::SecretSource source_;
  config::Environment environment_;
  FileVersion version_;
  Secret value_;
  log::Redaction redaction_;  ///< of value_
};

}  // namespace adapter::auth
