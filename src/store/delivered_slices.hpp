// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "pack_index.hpp"

namespace adapter::store {

/// Which parts of one pack the volume has delivered. libgit2 reads packs through mappings, where a sector that cannot
/// be read is a SIGBUS, the end of the process; here it is an error of pread(). Each slice of 64 KiB is read once, when
/// an entry that libgit2 is going to read lies in it; afterwards its pages are in the page cache. Blocking; one thread
/// at a time.
class DeliveredSlices {
public:
  /// Looks through the index once. Errors: corrupt.
  DeliveredSlices(const PackData& data, const PackIndex& index);

  /// Reads the entry that begins at `offset`, which an index or a delta named: the slices from its first byte to the
  /// first entry of a later slice. `data` is the pack of the constructor. Errors: corrupt (UnreadableBytes), storage.
  void require(const PackData& data, std::uint64_t offset);

private:
  std::vector<std::uint64_t> next_entry_;  ///< by slice: where the first entry begins of all that begin in later slices
  std::vector<bool> delivered_;            ///< by slice
};

}  // namespace adapter::store
