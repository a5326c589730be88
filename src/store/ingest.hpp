// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>

#include "adapter/async/workers.hpp"
#include "adapter/store/store.hpp"
#include "quarantine.hpp"

namespace adapter::store {

/// Fills one buffer on the loop while a worker indexes the one before. The quarantine is shared with the job that runs,
/// so that an ingest may go while one does: the job then ends at its next look at the stop token, and the files are
/// removed on a worker.
class PackIngest final : public Ingest {
public:
  PackIngest(async::Workers& workers, const Layout& layout, const Limits& limits);
  ~PackIngest() override;

  asio::awaitable<void> write(std::string_view bytes) override;
  [[nodiscard]] Progress progress() const noexcept override { return counts_->snapshot(); }

  /// Waits for the job in flight and rethrows its failure.
  asio::awaitable<void> settle();
  /// After settle(): hands the quarantine over, null when nothing was written, and the bytes not yet indexed.
  [[nodiscard]] std::shared_ptr<Quarantine> take_quarantine() noexcept;
  [[nodiscard]] std::string take_tail() noexcept { return std::move(buffer_); }

private:
  struct Flight;
  void launch(const asio::any_io_executor& executor);

  std::shared_ptr<ProgressCounts> counts_;
  std::shared_ptr<Flight> flight_;
  std::string buffer_;
  std::uint64_t accepted_bytes_ = 0;
  std::uint64_t max_pack_bytes_;
};

}  // namespace adapter::store
