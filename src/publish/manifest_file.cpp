// SPDX-License-Identifier: Apache-2.0
#include "manifest_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "adapter/base/file.hpp"

namespace adapter::publish {
namespace {

constexpr std::string_view record_words = "the record of the tree";

}  // namespace

bool is_shortage(int error_number) noexcept {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM;
}

std::optional<Manifest> read_manifest(int folder, const std::string& name) {
  // Without O_NONBLOCK a FIFO of that name would hang the start.
  const UniqueFd file(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    if (is_shortage(errno)) {
      throw storage_error(errno, "open", record_words);
    }
    return std::nullopt;
  }
  struct stat info{};
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      static_cast<std::uint64_t>(info.st_size) > max_manifest_bytes) {
    return std::nullopt;
  }
  const ByteSource source = [&file](char* to, std::size_t size) -> std::size_t {
    while (true) {
      const ssize_t count = read(file.get(), to, size);
      if (count >= 0) {
        return static_cast<std::size_t>(count);
      }
      if (is_shortage(errno)) {
        throw storage_error(errno, "read", record_words);
      }
      if (errno != EINTR) {
        return 0;  // as if it ended there: the tree is written anew
      }
    }
  };
  return decode(source, static_cast<std::uint64_t>(info.st_size));
}

void write_manifest(int file, const Manifest& manifest) {
  encode(manifest, [file](std::string_view bytes) { write_all(file, bytes, record_words); });
}

}  // namespace adapter::publish
