// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "manifest.hpp"

namespace adapter::publish {

/// Whether an error number tells about this machine or this moment (no descriptor, no memory), not about the file that
/// was asked for.
[[nodiscard]] bool is_shortage(int error_number) noexcept;

/// Reads the manifest `name` in `folder` as a stream. nullopt when it is damaged: missing, unreadable, oversized, no
/// regular file, or not as encode() writes it. Storage error when the machine is short of something (is_shortage).
[[nodiscard]] std::optional<Manifest> read_manifest(int folder, const std::string& name);

/// Appends `manifest` to an open file, 64 KiB at a time. Storage errors.
void write_manifest(int file, const Manifest& manifest);

}  // namespace adapter::publish
