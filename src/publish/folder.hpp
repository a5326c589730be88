// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/file.hpp"

/// System calls of this room, relative to folder descriptors. All throw storage errors unless said otherwise.
namespace adapter::publish {

/// storage_error with what to do about it, for a full and for a read-only volume.
[[nodiscard]] Error volume_error(int error_number, std::string_view verb, std::string_view path);

/// One place of the volume cannot be read: a bad sector, damaged metadata. Class storage.
class UnreadablePlace : public Error {
public:
  using Error::Error;
};

/// Throws storage_error, as UnreadablePlace for the numbers of is_unreadable_place (base/file.hpp).
[[noreturn]] void throw_read_error(int error_number, std::string_view verb, std::string_view path);

/// Opens the folder at `path` ("a/b", empty: `root` itself) without following any link and without leaving `root`: by
/// openat2, or one component at a time where the kernel or a filter of system calls refuses it. -1 with errno set when
/// it cannot be opened.
[[nodiscard]] UniqueFd try_open_beneath(int root, const std::string& path) noexcept;
[[nodiscard]] UniqueFd open_beneath(int root, const std::string& path);

/// As open_directory_at; an empty descriptor when there is nothing of that name.
[[nodiscard]] UniqueFd open_if_there(int directory, const std::string& name);

/// Names in a folder, without "." and "..".
[[nodiscard]] std::vector<std::string> list_names(int folder);
/// How many names a folder holds; stops counting past `enough`.
[[nodiscard]] std::uint64_t count_names(int folder, std::uint64_t enough);

/// renameat that refuses a name that is taken (EEXIST), and one that exchanges two names of a folder. False with errno
/// set: EINVAL or ENOSYS when the file system or the kernel cannot do it.
[[nodiscard]] bool rename_to_free_name(int from_folder, const std::string& from, int to_folder,
                                       const std::string& to) noexcept;
[[nodiscard]] bool exchange_names(int folder, const std::string& one, const std::string& other) noexcept;

/// Throws when the volume has not `bytes` free, or no inode, for whoever we are.
void require_space(int folder, std::uint64_t bytes);

/// Sets exactly this mode, whatever umask or setgid folder had a say before; no call when it is so already. `actual` is
/// st_mode. On a volume that refuses chmod (network and FUSE file systems with fixed modes) a mode that allows at least
/// as much is enough.
void set_mode(int fd, std::uint32_t actual, std::uint32_t wanted, std::string_view path_for_errors);
/// The same for something just written: answers what the file system says about it then.
[[nodiscard]] struct stat finish_with_mode(int fd, std::uint32_t mode, std::string_view folder, std::string_view name);

/// Whether a name is one component that can be opened in a folder: not empty, ".", "..", no slash, no NUL.
[[nodiscard]] bool is_component(std::string_view name) noexcept;

/// "folder/name"; "name" in the root.
[[nodiscard]] std::string join(std::string_view folder, std::string_view name);

}  // namespace adapter::publish
