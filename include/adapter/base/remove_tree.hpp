// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

namespace adapter {

/// How far a removal came.
struct Leftovers {
  std::uint64_t removed = 0;  ///< entries that are gone
  bool interrupted = false;   ///< it gave up before it had looked at everything
  std::uint64_t entries = 0;  ///< entries that the kernel does not let this process remove, and their parents
  std::string path;           ///< the first of them, from the name that was to be removed
  int error_number = 0;       ///< why that one stays
  uid_t owner = 0;            ///< of the directory that holds it

  /// Counts what `other` counted; keeps the first path.
  void add(const Leftovers& other);
};

/// As remove_tree_at (base/file.hpp), but what the kernel does not let this process remove (another user's directory,
/// an immutable file) is left and counted, and everything else goes. A mount point counts so too (EBUSY): what is
/// mounted there, a bind mount of the same file system too, is neither entered nor changed. Errors: storage for what
/// concerns the whole volume (read-only, an I/O error) or the machine (no descriptor). Where it gives up the next call
/// begins anew, with what is left.
[[nodiscard]] Leftovers remove_what_may_go_at(int directory, const std::string& name,
                                              const std::function<bool()>& give_up = {});

}  // namespace adapter
