// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <compare>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/async/semaphore.hpp"
#include "adapter/config/config.hpp"
#include "adapter/transport/remote.hpp"
#include "broad_questions.hpp"
#include "host_access.hpp"
#include "host_turns.hpp"
#include "transfer_queue.hpp"

namespace adapter::sync {

/// What makes two configured entries one remote: they share its connection, its capabilities and its answers.
struct RemoteKey {
  std::string url;
  std::filesystem::path ca_file;
  bool allow_insecure = false;
  bool allow_loopback = false;
  std::uint64_t max_refs = 0;
  std::uint64_t max_advertisement_bytes = 0;

  friend auto operator<=>(const RemoteKey&, const RemoteKey&) = default;
  [[nodiscard]] static RemoteKey of(const config::Repository& repository);
};

/// One remote and all entries that watch it. One request at a time asks for the refs of all of them; an entry that
/// comes while it runs, or soon after, takes its outcome, be it an answer or an error. Where none of the refs that were
/// asked for exists, a second, broad question lists all refs of the remote. Loop thread only.
class RemoteGroup {
public:
  /// A check waits for a connection of `host` in `connections`. It takes a place of a transfer in `transfers` before
  /// where its host may have one connection only, and where checks of this remote were ended for others since its last
  /// answer that was not slow. Broad questions take turns in `broad_questions`. Each of the three may be null, else
  /// outlives the group.
  RemoteGroup(asio::any_io_executor executor, std::unique_ptr<transport::Remote> remote,
              TransferQueue* transfers = nullptr, std::string host = {}, BroadQuestions* broad_questions = nullptr,
              HostTurns* connections = nullptr);

  /// What an entry wants to see; one call an entry, undone by leave() with the same value.
  void join(const std::vector<std::string>& prefixes);
  void leave(const std::vector<std::string>& prefixes);

  using Answer = std::shared_ptr<const std::vector<wire::Ref>>;
  /// The refs as the remote had them at `not_before` or later: those that entries want; where there are none of these,
  /// an unborn HEAD and one ref as a sign that the remote is not empty. Throws what the remote throws. The group gives
  /// up an answer that as many calls have taken as there are entries.
  asio::awaitable<Answer> refs(std::chrono::steady_clock::time_point not_before);
  /// When the question began whose outcome refs() gave last.
  [[nodiscard]] std::chrono::steady_clock::time_point asked_at() const noexcept { return began_; }

  /// One more broad question, for this caller alone: the first max_compared_refs refs that begin with one of
  /// `prefixes`. Throws what the remote throws.
  asio::awaitable<std::vector<wire::Ref>> refs_below(std::vector<std::string> prefixes);

  [[nodiscard]] transport::Remote& remote() noexcept { return *remote_; }

private:
  [[nodiscard]] bool usable(std::chrono::steady_clock::time_point not_before) const noexcept;
  asio::awaitable<void> refresh();
  asio::awaitable<std::vector<wire::Ref>> ask(std::vector<std::string> prefixes, std::size_t most_kept);
  asio::awaitable<std::vector<wire::Ref>> put(std::vector<std::string> prefixes, std::size_t most_kept,
                                              HostAccess& access);
  asio::awaitable<std::optional<Error>> until_given_up(HostAccess& access);
  asio::awaitable<HostAccess> access_to_host();
  asio::awaitable<HostAccess> wait_for_host();
  [[nodiscard]] std::optional<HostAccess> try_access_to_host();
  [[nodiscard]] bool needs_place() const noexcept;
  void note_answered() noexcept;
  asio::awaitable<std::vector<wire::Ref>> ask_broadly(std::vector<std::string> prefixes);
  /// The right to ask the host a broad question.
  struct BroadAccess {
    HostAccess host;
    BroadQuestions::Place place;
  };
  asio::awaitable<BroadAccess> broad_access();
  template <class T>
  asio::awaitable<std::optional<T>> if_soon(asio::awaitable<T> right);
  void keep_needed(std::vector<wire::Ref>& refs, const std::vector<wire::Ref>& all) const;

  std::unique_ptr<transport::Remote> remote_;
  TransferQueue* transfers_;
  std::string host_;
  async::Semaphore turn_;
  BroadQuestions* broad_questions_;
  HostTurns* connections_;
  std::size_t times_ended_ = 0;  ///< checks, for others, since the last answer; 1 behind an answer that was slow
  bool was_slow_ = false;        ///< the question that runs, or ran last
  std::map<std::string, std::size_t> prefixes_;
  std::size_t entries_ = 0;
  std::chrono::steady_clock::time_point requested_at_{};  ///< the last request of any kind
  std::chrono::steady_clock::time_point began_{};         ///< of answer_ or failure_
  Answer answer_;
  std::size_t unread_ = 0;  ///< entries that may still want answer_
  std::optional<Error> failure_;
  bool stale_prefixes_ = true;
};

}  // namespace adapter::sync
