// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "adapter/auth/secret_reader.hpp"
#include "adapter/base/error.hpp"

namespace adapter::auth {

/// A secret that many threads ask for. One of them looks at its file, which may hang (another mount, a network volume):
/// the others wait for it no longer than `patience`, and take what the last look found. Any thread.
class SharedSecret {
public:
  static constexpr std::chrono::milliseconds usual_patience{500};

  explicit SharedSecret(config::SecretSource source, config::Environment environment = {},
                        std::chrono::milliseconds patience = usual_patience);

  struct Look {
    Secret value;                  ///< empty when it cannot be read
    std::optional<Error> failure;  ///< as SecretReader::refresh() gives it
    bool is_news = false;          ///< it cannot be read, and the look before this one found no failure of this text
  };
  /// May block for as long as the file does, one thread at a time.
  [[nodiscard]] Look look();

private:
  [[nodiscard]] Look read();

  const std::chrono::milliseconds patience_;
  std::mutex mutex_;  ///< of all below but `reader_`, which belongs to the thread that set `reading_`
  std::condition_variable ended_;
  bool reading_ = false;
  bool looked_ = false;
  Look last_;
  SecretReader reader_;
};

}  // namespace adapter::auth
