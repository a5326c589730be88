// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "manifest.hpp"

namespace adapter::publish {

/// Up to so many files and folders are synced one by one; see docs/durability.md for the measurement.
inline constexpr std::size_t few_entries = 16;

/// Makes a materialised tree and everything written before on its volume durable.
///
/// `witness` is a descriptor on the volume that was opened before the first write: since Linux 5.8 syncfs on it reports
/// any write-back error since then. Few entries, older kernels, and systems without syncfs: each file, then each folder
/// is synced by itself, which tells its errors too and does not wait for what others wrote. Storage errors are final:
/// the kernel may have thrown the pages away, a second call would answer "fine". Discard the tree.
void make_durable(int witness, int staging, const Manifest& manifest);

}  // namespace adapter::publish
