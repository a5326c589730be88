// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace adapter::sync {

/// Names the file system and the directory that `data_dir` is: its type, its id, and the directory's inode. Another
/// volume mounted there, and another directory, has another name; where a file system numbers itself anew at each
/// mount, so has the same one. Empty when there is no such directory. Blocking.
[[nodiscard]] std::string volume_id(const std::filesystem::path& data_dir);

}  // namespace adapter::sync
