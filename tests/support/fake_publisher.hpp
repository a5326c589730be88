// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/publish/publisher.hpp"
#include "fake_step.hpp"

namespace adapter::testing {

/// A publisher without files, whose link shows what was published last.
class FakePublisher final : public publish::Publisher {
public:
  asio::awaitable<publish::Standing> recover(publish::RecoverOptions) override {
    co_await recovers.run();
    publish::Standing found = standing;
    co_return found;
  }
  asio::awaitable<publish::Outcome> publish(ObjectId commit, publish::ReaderFactory, publish::PublishOptions) override {
    co_await publishes.run();
    publish::Outcome outcome;
    outcome.commit = commit;
    outcome.replaced = std::exchange(shown, commit);
    outcome.changed = outcome.replaced != commit;
    co_return outcome;
  }
  [[nodiscard]] bool link_is_intact(const ObjectId& commit) override { return shown == commit; }
  asio::awaitable<void> relink(ObjectId commit, std::vector<std::string>) override {
    co_await relinks.run();
    shown = commit;
  }
  asio::awaitable<bool> remove_former_link(std::string, std::function<bool()>) override { co_return true; }
  asio::awaitable<bool> retire_all(std::function<bool()>) override { co_return true; }

  FakeStep recovers;
  FakeStep publishes;
  FakeStep relinks;
  publish::Standing standing;
  std::optional<ObjectId> shown;
};

}  // namespace adapter::testing
