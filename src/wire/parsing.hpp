// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/wire/pkt_line.hpp"

namespace adapter::wire {

struct Capabilities;

/// An Error of class protocol, "the server's <what> …".
[[nodiscard]] Error bad_answer(std::string message);

/// The error that an "ERR …" packet stands for; nothing for any other packet.
[[nodiscard]] std::optional<Error> error_packet(const Pkt& pkt);

/// An id that names an object: 40 lower-case digits, not all zero.
[[nodiscard]] std::optional<ObjectId> parse_id(std::string_view hex) noexcept;

/// Whether it is 64 hexadecimal digits: the id of a repository with SHA-256 objects.
[[nodiscard]] bool looks_like_sha256(std::string_view hex) noexcept;

[[nodiscard]] Error unsupported_object_format(std::string_view format);

/// What is in front of the first `separator`; that and the separator are taken off `rest`.
[[nodiscard]] std::string_view take_until(std::string_view& rest, char separator) noexcept;

/// The packets that every request begins with: the command, and the agent where the server named its own.
void append_command(std::string& out, std::string_view command, const Capabilities& capabilities,
                    std::string_view agent);

}  // namespace adapter::wire
