// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <string>

namespace adapter::publish {

/// Notes which directories on the way to links the adapter made, so that it removes none that a user made: one file for
/// each in data_dir/.adapter/.made, with the directory's inode and path. `data` is an open data_dir. Blocking.

/// Notes that `path` ("a/b", below data_dir), which is `info`, was made. Storage errors.
void note_made_directory(int data, const std::string& path, const struct stat& info);
/// Whether `path` was made by the adapter and is still that directory. False without a note, also of a directory that
/// another inode number names since the volume was mounted anew.
[[nodiscard]] bool is_made_directory(int data, const std::string& path, const struct stat& info);
/// Forgets `path`, which was removed. Storage errors.
void forget_made_directory(int data, const std::string& path);

}  // namespace adapter::publish
