// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"

namespace adapter::store {

/// Links of a chain of deltas that count as unfolded: git's packs have no more by default (pack.depth).
inline constexpr std::uint64_t counted_chain = 50;
/// libgit2 keeps no larger objects in its cache of bases: each delta on such a one unfolds the whole chain.
inline constexpr std::uint64_t cached_object_bytes = 1 * mib;

/// Reads through the bytes of a pack as they come and looks at what entries announce, before anybody takes their word:
/// an entry's size, the size of a delta's result, how many deltas stand on each other by distance, and the bases that
/// deltas name by id. Inflates everything and keeps nothing of it. No I/O.
class PackScan {
public:
  /// An entry, or a delta's result, of more than `max_object_bytes` is refused as soon as its header is seen, and so
  /// are entries that inflate to more than `free_bytes` together and 64 times what was fed: looking at a pack costs
  /// that time.
  PackScan(std::uint64_t max_object_bytes, std::uint64_t free_bytes);
  ~PackScan();
  PackScan(const PackScan&) = delete;
  PackScan& operator=(const PackScan&) = delete;

  /// The next bytes; nothing when all is well, else an error of class limit or corrupt. After an error it must not be
  /// called again.
  [[nodiscard]] std::optional<Error> feed(std::string_view bytes);

  [[nodiscard]] std::uint64_t consumed_bytes() const noexcept { return consumed_bytes_; }
  [[nodiscard]] std::uint32_t entries_left() const noexcept { return entries_left_; }
  /// The largest base, or result, that a delta announces.
  [[nodiscard]] std::uint64_t largest_delta_bytes() const noexcept { return largest_delta_bytes_; }
  /// What resolving the deltas unfolds at the most in packs that git writes: the size of each delta's result times the
  /// length of its chain, of which counted_chain count. A delta that names its base by id has a chain of one.
  [[nodiscard]] std::uint64_t unfolded_bytes() const noexcept { return unfolded_bytes_; }
  /// The part of it in results of more than cached_object_bytes.
  [[nodiscard]] std::uint64_t large_unfolded_bytes() const noexcept { return large_unfolded_bytes_; }
  /// Ids that deltas name as their bases, in this pack or elsewhere, repeats included.
  [[nodiscard]] const std::vector<ObjectId>& named_bases() const noexcept { return named_bases_; }

private:
  enum class Part : std::uint8_t { pack_header, entry_header, base_id, base_distance, data, trailer };

  [[nodiscard]] std::optional<Error> step(std::string_view& bytes);
  [[nodiscard]] std::optional<Error> read_pack_header(std::string_view& bytes);
  [[nodiscard]] std::optional<Error> read_entry_header(std::string_view& bytes);
  [[nodiscard]] std::optional<Error> read_base_distance(std::string_view& bytes);
  [[nodiscard]] std::optional<Error> note_delta(std::uint64_t base_offset);
  [[nodiscard]] std::optional<Error> inflate_some(std::string_view& bytes);
  [[nodiscard]] std::optional<Error> check_result_size();
  [[nodiscard]] Error too_large(std::uint64_t size) const;
  [[nodiscard]] bool is_out_of_proportion() const noexcept;
  void begin_data();
  void count_unfolding() noexcept;

  const std::uint64_t max_object_bytes_;
  const std::uint64_t free_bytes_;
  z_stream stream_{};
  bool stream_ready_ = false;
  Part part_ = Part::pack_header;
  std::string held_;  ///< bytes of a header that came in pieces
  std::uint64_t size_ = 0;
  unsigned size_shift_ = 0;
  unsigned type_ = 0;
  std::string delta_start_;  ///< the first inflated bytes of a delta: the sizes of base and result
  std::uint64_t inflated_bytes_ = 0;
  std::uint64_t announced_bytes_ = 0;  ///< what all entries so far inflate to
  std::uint64_t consumed_bytes_ = 0;
  std::uint64_t fed_bytes_ = 0;     ///< with the bytes that are being read
  std::uint64_t entry_offset_ = 0;  ///< of the entry that is being read
  std::uint64_t base_distance_ = 0;
  std::vector<std::uint64_t> deltas_;  ///< offset << 16 | length of its chain, rising
  std::uint32_t entries_left_ = 0;
  std::uint64_t largest_delta_bytes_ = 0;
  std::uint64_t chain_ = 0;         ///< of the delta that is being read
  std::uint64_t result_bytes_ = 0;  ///< of that delta, once its first bytes were seen
  std::uint64_t unfolded_bytes_ = 0;
  std::uint64_t large_unfolded_bytes_ = 0;
  std::vector<ObjectId> named_bases_;
};

}  // namespace adapter::store
