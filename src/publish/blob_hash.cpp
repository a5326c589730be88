// SPDX-License-Identifier: Apache-2.0
#include "blob_hash.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/stop.hpp"
#include "adapter/crypto/digest.hpp"

namespace adapter::publish {

std::optional<ObjectId> blob_id_of(int file, std::uint64_t size_bytes, const std::stop_token& stop) {
  crypto::Sha1 hash;
  hash.update("blob " + std::to_string(size_bytes) + '\0');
  std::vector<char> buffer(256 * kib);
  std::uint64_t done = 0;
  while (true) {
    throw_if_stopped(stop, "reading the tree");
    const ssize_t count = pread(file, buffer.data(), buffer.size(), static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return std::nullopt;
    }
    if (count == 0) {
      break;
    }
    hash.update({buffer.data(), static_cast<std::size_t>(count)});
    done += static_cast<std::uint64_t>(count);
    if (done > size_bytes) {
      return std::nullopt;
    }
  }
  return done == size_bytes ? std::optional(ObjectId(hash.finish())) : std::nullopt;
}

}  // namespace adapter::publish
