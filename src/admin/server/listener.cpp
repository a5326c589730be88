// SPDX-License-Identifier: Apache-2.0
#include "server/listener.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

constexpr int backlog = 4096;
/// The kernel keeps a new connection to itself until its first byte has come, or for this long: whoever asks at once is
/// heard at once, and cannot be pushed out by a crowd between its arrival and its request.
constexpr int silence_s = 1;

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Error cannot_listen(std::string_view address, std::string_view why) {
  return Error(ErrorClass::config, "cannot listen on " + escape(address) + ": " + std::string(why) +
                                       " in admin.listen or ADAPTER_ADMIN_LISTEN");
}

/// What to write in place of an address that cannot be had; empty when the address is not to blame.
std::string_view cure_of(int failure) {
  switch (failure) {
    case EADDRINUSE:
      return "; another process listens there: end it, or write another port";
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return "; this machine has no such address: write one that it has";
    case EACCES:
      return "; the port is for privileged users: write one from 1024 on";
    default:
      return {};
  }
}

Error cannot_listen(std::string_view address, int failure) {
  const std::string why = std::strerror(failure);  // NOLINT(concurrency-mt-unsafe): glibc's is per thread
  const std::string_view cure = cure_of(failure);
  return cure.empty() ? Error(ErrorClass::storage, "cannot listen on " + escape(address) + ": " + why)
                      : cannot_listen(address, why + std::string(cure));
}

AddressList resolve(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    throw cannot_listen(address, "it is not host:port; write for example 127.0.0.1:8080");
  }
  std::string host(address.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), std::string(address.substr(colon + 1)).c_str(), &hints, &found);
  if (failure != 0) {
    throw cannot_listen(address, std::string(::gai_strerror(failure)) + "; write an address of this machine");
  }
  return AddressList(found, &::freeaddrinfo);
}

std::string name_of(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  std::string host(NI_MAXHOST, '\0');
  std::string port(NI_MAXSERV, '\0');
  auto* const address = reinterpret_cast<sockaddr*>(&bound);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
  if (::getsockname(socket, address, &size) != 0 ||
      ::getnameinfo(address, size, host.data(), static_cast<socklen_t>(host.size()), port.data(),
                    static_cast<socklen_t>(port.size()), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  host.resize(std::strlen(host.c_str()));
  port.resize(std::strlen(port.c_str()));
  return (bound.ss_family == AF_INET6 ? "[" + host + "]" : host) + ":" + port;
}

/// Nothing, and errno, when it cannot be.
UniqueFd bound_socket(const addrinfo& address) {
  UniqueFd socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (!socket) {
    return socket;
  }
  const int yes = 1;
  // A restart must not wait for connections of the last run. SO_REUSEPORT would let a second process in.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &silence_s, sizeof silence_s);
  if (address.ai_family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  }
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 || ::listen(socket.get(), backlog) != 0) {
    const int failure = errno;
    socket.reset();
    errno = failure;
  }
  return socket;
}

}  // namespace

Listener listen_on(std::string_view address) {
  const AddressList addresses = resolve(address);
  int failure = EADDRNOTAVAIL;
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    UniqueFd socket = bound_socket(*each);
    if (socket) {
      Listener listener;
      listener.address = name_of(socket.get());
      listener.socket = std::move(socket);
      return listener;
    }
    failure = errno;
  }
  throw cannot_listen(address, failure);
}

}  // namespace adapter::admin
