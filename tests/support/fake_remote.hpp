// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/transport/remote.hpp"
#include "fake_step.hpp"

namespace adapter::testing {

/// A remote without a network: it answers with what a test puts in.
class FakeRemote final : public transport::Remote {
public:
  asio::awaitable<std::vector<wire::Ref>> ls_refs(std::vector<std::string>, std::size_t) override {
    co_await asks.run();
    std::vector<wire::Ref> answer = refs;
    co_return answer;
  }
  asio::awaitable<transport::FetchResult> fetch(wire::FetchArguments arguments, transport::PackSink& sink) override {
    wanted = std::move(arguments);
    co_await fetches.run();
    co_await sink.write(pack);
    transport::FetchResult result = boundary;
    result.pack_bytes = pack.size();
    co_return result;
  }
  void forget_redirect() noexcept override {}
  [[nodiscard]] const std::optional<wire::Capabilities>& capabilities() const noexcept override { return none_; }
  [[nodiscard]] std::uint64_t received_bytes() const noexcept override { return 0; }

  FakeStep asks;
  FakeStep fetches;
  std::vector<wire::Ref> refs;
  std::string pack = "PACK";
  transport::FetchResult boundary;  ///< what is said about shallow commits
  wire::FetchArguments wanted;      ///< of the last fetch

private:
  std::optional<wire::Capabilities> none_;
};

}  // namespace adapter::testing
