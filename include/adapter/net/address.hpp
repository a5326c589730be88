// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/ip/address.hpp>

#include <optional>

#include "adapter/base/error.hpp"

namespace adapter::net {

/// Whether a remote may live at this address: nothing when it may, else an error of class policy that says why.
/// Link-local and metadata (169.254.0.0/16, fe80::/10, fd00:ec2::254), multicast, broadcast and unspecified addresses
/// never; loopback only with `loopback_allowed`. IPv4 inside IPv6 (::ffff:0:0/96, 64:ff9b::/96, 2002::/16 and ::/96) is
/// judged as the IPv4 address.
[[nodiscard]] std::optional<Error> refuse_address(const asio::ip::address& address, bool loopback_allowed);

}  // namespace adapter::net
