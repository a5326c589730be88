// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "adapter/base/object_id.hpp"

namespace adapter::publish {

/// The id that git gives a blob with the bytes of `file` (SHA-1 of "blob <size>", NUL and the bytes), read from its
/// start to `size_bytes`. nullopt when it cannot be read or has another size. To recognise what was written before, not
/// to prove where it came from. Cancelled error when stopped.
[[nodiscard]] std::optional<ObjectId> blob_id_of(int file, std::uint64_t size_bytes, const std::stop_token& stop);

}  // namespace adapter::publish
