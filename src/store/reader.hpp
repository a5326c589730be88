// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>

#include "adapter/store/store.hpp"
#include "layout.hpp"

namespace adapter::store {

/// What readers on other threads and the store tell each other.
struct ReaderState {
  std::atomic<int> alive{0};         ///< packs are not removed while somebody reads
  std::atomic<bool> suspect{false};  ///< a reader met damage: the next verify() looks at every pack
};

[[nodiscard]] std::unique_ptr<ObjectReader> make_reader(const Layout& layout, const std::shared_ptr<ReaderState>& state,
                                                        const Limits& limits);

}  // namespace adapter::store
