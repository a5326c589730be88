// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "adapter/base/file.hpp"

namespace adapter::admin {

struct Listener {
  UniqueFd socket;
  std::string address;  ///< "127.0.0.1:8080", "[::1]:8080": with the port that was given where 0 was asked for
};

/// Binds to "host:port" (a name is resolved, its first address that can be bound counts; port 0: any) and listens, so
/// that no other process can share the port. Error of class storage that names the address and why: taken, not of this
/// machine, not allowed. May block on the name.
[[nodiscard]] Listener listen_on(std::string_view address);

}  // namespace adapter::admin
