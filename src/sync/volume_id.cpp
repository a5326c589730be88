// SPDX-License-Identifier: Apache-2.0
#include "volume_id.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace adapter::sync {

std::string volume_id(const std::filesystem::path& data_dir) {
  struct statfs volume{};
  struct stat directory{};
  if (statfs(data_dir.c_str(), &volume) != 0 || stat(data_dir.c_str(), &directory) != 0) {
    return {};
  }
  std::array<std::uint32_t, 2> id{};
  static_assert(sizeof volume.f_fsid == sizeof id);
  std::memcpy(id.data(), &volume.f_fsid, sizeof id);
  return std::to_string(volume.f_type) + "-" + std::to_string(id[0]) + "-" + std::to_string(id[1]) + "-" +
         std::to_string(directory.st_ino);
}

}  // namespace adapter::sync
