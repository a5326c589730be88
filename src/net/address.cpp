// SPDX-License-Identifier: Apache-2.0
#include "adapter/net/address.hpp"

#include <asio/ip/address_v4.hpp>
#include <asio/ip/address_v6.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace adapter::net {
namespace {

using V6 = asio::ip::address_v6::bytes_type;

Error refusal(const asio::ip::address& address, std::string_view reason) {
  return Error(ErrorClass::policy, address.to_string() + " is refused: " + std::string(reason));
}

Error loopback_refusal(const asio::ip::address& address) {
  return refusal(address, "a name that is not localhost leads to this machine; set allow_loopback: true to allow it");
}

std::optional<Error> refuse_v4(const asio::ip::address& shown, const asio::ip::address_v4& address,
                               bool loopback_allowed) {
  const std::uint32_t number = address.to_uint();
  if ((number >> 24U) == 0) {
    return refusal(shown, "it is not the address of a host (0.0.0.0/8)");
  }
  if ((number >> 24U) == 127 && !loopback_allowed) {
    return loopback_refusal(shown);
  }
  if ((number >> 16U) == 0xA9FEU) {
    return refusal(shown, "it is link-local (169.254.0.0/16, where clouds keep their metadata)");
  }
  if ((number >> 28U) == 0xEU) {
    return refusal(shown, "it is a multicast address");
  }
  if (number == 0xFFFFFFFFU) {
    return refusal(shown, "it is the broadcast address");
  }
  return std::nullopt;
}

bool begins_with(const V6& bytes, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

asio::ip::address_v4 v4_at(const V6& bytes, std::size_t offset) {
  return asio::ip::address_v4({bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]});
}

/// The IPv4 address that hides in an IPv6 one: mapped, NAT64, 6to4, IPv4-compatible.
std::optional<asio::ip::address_v4> embedded_v4(const V6& bytes) {
  if (begins_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}) ||
      begins_with(bytes, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0}) ||
      begins_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return v4_at(bytes, 12);
  }
  if (begins_with(bytes, {0x20, 0x02})) {
    return v4_at(bytes, 2);
  }
  return std::nullopt;
}

std::optional<Error> refuse_v6(const asio::ip::address& shown, const asio::ip::address_v6& address,
                               bool loopback_allowed) {
  const V6 bytes = address.to_bytes();
  if (address.is_unspecified()) {
    return refusal(shown, "it is the unspecified address");
  }
  if (address.is_loopback()) {
    return loopback_allowed ? std::nullopt : std::optional<Error>(loopback_refusal(shown));
  }
  if (bytes[0] == 0xFF) {
    return refusal(shown, "it is a multicast address");
  }
  if (bytes[0] == 0xFE && (bytes[1] & 0xC0U) == 0x80U) {
    return refusal(shown, "it is link-local (fe80::/10)");
  }
  if (begins_with(bytes, {0xFD, 0x00, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54})) {
    return refusal(shown, "it is a cloud's metadata service");
  }
  if (const auto hidden = embedded_v4(bytes)) {
    return refuse_v4(shown, *hidden, loopback_allowed);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Error> refuse_address(const asio::ip::address& address, bool loopback_allowed) {
  return address.is_v4() ? refuse_v4(address, address.to_v4(), loopback_allowed)
                         : refuse_v6(address, address.to_v6(), loopback_allowed);
}

}  // namespace adapter::net
