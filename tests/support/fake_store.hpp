// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "adapter/store/store.hpp"
#include "fake_step.hpp"

namespace adapter::testing {

/// A store without files: it holds what a test puts in.
class FakeStore final : public store::Store {
public:
  asio::awaitable<void> open() override { return opens.run(); }
  [[nodiscard]] const store::Haves& haves() const noexcept override { return has; }
  asio::awaitable<std::optional<store::CommitSummary>> verify(ObjectId) override {
    co_await verifies.run();
    std::optional<store::CommitSummary> found = held;
    co_return found;
  }
  [[nodiscard]] std::unique_ptr<store::Ingest> begin() override { return std::make_unique<FakeIngest>(*this); }
  asio::awaitable<store::CommitSummary> accept(std::unique_ptr<store::Ingest> ingest, store::Tip tip) override {
    accepted_pack = ingest != nullptr;
    accepted = std::move(tip);
    co_await accepts.run();
    store::CommitSummary summary;
    summary.commit = accepted->id;
    co_return summary;
  }
  asio::awaitable<void> housekeep() override { return housekeeps.run(); }
  [[nodiscard]] std::unique_ptr<store::ObjectReader> reader() const override { return nullptr; }
  [[nodiscard]] std::uint64_t disk_bytes() const noexcept override { return 0; }
  void set_options(const store::StoreOptions&) override {}

  FakeStep opens;
  FakeStep verifies;
  FakeStep writes;  ///< of a part of a pack
  FakeStep accepts;
  FakeStep housekeeps;
  store::Haves has;
  std::optional<store::CommitSummary> held;  ///< what verify() finds
  std::string written;                       ///< of all packs
  std::optional<store::Tip> accepted;        ///< the last one
  bool accepted_pack = false;                ///< with a transfer
  int ingests = 0;                           ///< that live

private:
  class FakeIngest final : public store::Ingest {
  public:
    explicit FakeIngest(FakeStore& store) : store_(store) { ++store_.ingests; }
    ~FakeIngest() override { --store_.ingests; }
    FakeIngest(const FakeIngest&) = delete;
    FakeIngest& operator=(const FakeIngest&) = delete;
    asio::awaitable<void> write(std::string_view bytes) override {
      received_ += bytes.size();
      store_.written += bytes;
      co_await store_.writes.run();
    }
    [[nodiscard]] store::Progress progress() const noexcept override {
      store::Progress progress;
      progress.received_bytes = received_;
      return progress;
    }

  private:
    FakeStore& store_;
    std::uint64_t received_ = 0;
  };
};

}  // namespace adapter::testing
