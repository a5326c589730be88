// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
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
  asio::awaitable<std::unique_ptr<publish::StagedTree>> begin(std::shared_ptr<const publish::TreeSource> source,
                                                              publish::PublishOptions) override {
    co_await begins.run();
    std::unique_ptr<publish::StagedTree> staged = std::make_unique<Staged>(*this, source->commit());
    co_return std::move(staged);
  }
  asio::awaitable<publish::PublishResult> commit(std::unique_ptr<publish::StagedTree> staged) override {
    co_await commits.run();
    publish::PublishResult result;
    result.commit = dynamic_cast<Staged&>(*staged).commit();
    result.replaced = std::exchange(shown, result.commit);
    result.changed = result.replaced != result.commit;
    co_return result;
  }
  asio::awaitable<void> discard(std::unique_ptr<publish::StagedTree>) override { co_return; }
  [[nodiscard]] bool link_is_intact(const ObjectId& commit) override { return shown == commit; }
  asio::awaitable<void> relink(ObjectId commit, std::vector<std::string>) override {
    co_await relinks.run();
    shown = commit;
  }
  asio::awaitable<bool> remove_former_link(std::string, std::function<bool()>) override { co_return true; }
  asio::awaitable<bool> retire_all(std::function<bool()>) override { co_return true; }

  FakeStep recovers;
  FakeStep begins;
  FakeStep commits;
  FakeStep relinks;
  publish::Standing standing;
  std::optional<ObjectId> shown;
  int staged_trees = 0;  ///< that live

private:
  class Staged final : public publish::StagedTree {
  public:
    Staged(FakePublisher& publisher, const ObjectId& commit) : publisher_(publisher), commit_(commit) {
      ++publisher_.staged_trees;
    }
    ~Staged() override { --publisher_.staged_trees; }
    Staged(const Staged&) = delete;
    Staged& operator=(const Staged&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept override { return path_; }
    [[nodiscard]] const ObjectId& commit() const noexcept { return commit_; }

  private:
    FakePublisher& publisher_;
    ObjectId commit_;
    std::filesystem::path path_ = "/staged";
  };
};

}  // namespace adapter::testing
