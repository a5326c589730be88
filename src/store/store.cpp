// SPDX-License-Identifier: Apache-2.0
#include "adapter/store/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ingest.hpp"
#include "reader.hpp"
#include "repository_jobs.hpp"

namespace adapter::store {
namespace {

class PackStore final : public Store {
public:
  PackStore(async::Workers& workers, std::filesystem::path directory, StoreOptions options)
      : workers_(workers), layout_(std::move(directory)), options_(options) {}

  asio::awaitable<void> open() override {
    auto job = [layout = layout_](const std::stop_token& stop) { return open_repository(layout, stop); };
    state_ = co_await async::run_blocking(workers_, std::move(job), "open the object store");
  }

  [[nodiscard]] const Haves& haves() const noexcept override { return state_.haves; }

  asio::awaitable<std::optional<CommitSummary>> verify(ObjectId id) override {
    const bool suspect = readers_->suspect.exchange(false);
    auto job = [layout = layout_, id, options = options_, suspect](const std::stop_token& stop) {
      return verify_held(layout, id, options, suspect, stop);
    };
    Verified result;
    try {
      result = co_await async::run_blocking(workers_, std::move(job), "verify a commit");
    } catch (...) {
      if (suspect) {
        readers_->suspect.store(true);
      }
      throw;
    }
    if (result.state) {
      state_ = std::move(*result.state);
    }
    co_return std::move(result.facts);
  }

  [[nodiscard]] std::unique_ptr<Ingest> begin() override {
    return std::make_unique<PackIngest>(workers_, layout_, options_.limits);
  }

  asio::awaitable<CommitSummary> accept(std::unique_ptr<Ingest> ingest, Tip tip) override {
    std::shared_ptr<Quarantine> quarantine;
    std::string tail;
    if (auto* pack = dynamic_cast<PackIngest*>(ingest.get()); pack != nullptr) {
      co_await pack->settle();
      quarantine = pack->take_quarantine();
      tail = pack->take_tail();
    }
    auto job = [layout = layout_, quarantine = std::move(quarantine), tail = std::move(tail), tip = std::move(tip),
                options = options_](const std::stop_token& stop) mutable {
      return accept_transfer(layout, std::move(quarantine), tail, tip, options, stop);
    };
    Accepted kept;
    try {
      kept = co_await async::run_blocking(workers_, std::move(job), "verify and keep a pack");
    } catch (const DamageQuarantined& healed) {
      state_ = healed.state();
      throw;
    } catch (const Error& error) {
      forget_haves_after(error);
      throw;
    }
    state_ = std::move(kept.state);
    co_return std::move(kept.facts);
  }

  asio::awaitable<void> housekeep() override {
    auto job = [layout = layout_, readers = readers_](const std::stop_token& stop) {
      return housekeep_repository(layout, [&readers] { return readers->alive.load() == 0; }, stop);
    };
    std::optional<State> changed =
        co_await async::run_blocking(workers_, std::move(job), "keep house in the object store");
    if (changed) {
      state_ = std::move(*changed);
    }
  }

  [[nodiscard]] std::unique_ptr<ObjectReader> reader() const override {
    return make_reader(layout_, readers_, options_.limits);
  }

  [[nodiscard]] std::uint64_t disk_bytes() const noexcept override { return state_.disk_bytes; }

  void set_options(const StoreOptions& options) override { options_ = options; }

private:
  /// The remote's answer to what we said we hold did not suffice, and would not the next time either: until a transfer
  /// was kept the remote is told that nothing is held.
  void forget_haves_after(const Error& error) {
    const bool about_objects = error.error_class() == ErrorClass::corrupt || error.error_class() == ErrorClass::limit;
    if (about_objects && error.retryable()) {
      state_.haves.tips.clear();
      state_.haves.shallow.clear();
    }
  }

  async::Workers& workers_;
  const Layout layout_;
  StoreOptions options_;
  State state_;
  std::shared_ptr<ReaderState> readers_ = std::make_shared<ReaderState>();
};

}  // namespace

std::unique_ptr<Store> make_store(async::Workers& workers, std::filesystem::path directory, StoreOptions options) {
  return std::make_unique<PackStore>(workers, std::move(directory), options);
}

}  // namespace adapter::store
