// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "adapter/base/file.hpp"
#include "adapter/http/request_head.hpp"
#include "server/channel.hpp"
#include "server/listener.hpp"
#include "server/reply.hpp"
#include "server/request_threads.hpp"

namespace adapter::admin {

/// Connections at once. A new one beyond that takes the place of the one that has been waiting longest without a
/// complete request: slow clients can only push each other out.
inline constexpr std::size_t max_connections = 256;
inline constexpr std::chrono::seconds max_head_time{5};
inline constexpr std::chrono::seconds max_idle_time{5};
inline constexpr std::size_t max_request_threads = 64;

/// Accepts connections and reads the heads of their requests on one thread, without ever waiting for a single client;
/// complete requests go to threads that answer them: the urgent ones to a thread that does nothing else.
class Front {
public:
  using IsUrgent = bool (*)(const http::RequestHead& head);

  Front(UniqueFd listener, RequestHandler handler, IsUrgent is_urgent);
  ~Front() { join(); }
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  void start();
  /// Ends every connection and answers no request any more. A handler that waits must have been told before; well under
  /// a second.
  void stop();
  /// Stops, and waits for handlers that run.
  void join();

private:
  using Clock = Channel::Clock;

  /// A connection without a complete request.
  struct Client {
    explicit Client(std::unique_ptr<Channel> of) : channel(std::move(of)) {}
    std::unique_ptr<Channel> channel;
    http::RequestHeadParser parser;
    Clock::time_point deadline;
    bool idle = false;      ///< after a request, before the first byte of the next
    bool draining = false;  ///< answered for the last time; what the client still sends is thrown away
    std::size_t drained_bytes = 0;
  };
  using Clients = std::list<Client>;

  void run();
  void accept_clients();
  bool accept_one();
  void take_back();
  void end_overdue();
  void make_room();
  [[nodiscard]] int poll_time() const;
  /// False when the connection is at its end, or went to a thread.
  bool advance(Client& client);
  bool drain(Client& client);
  void hand_over(Client& client);
  void serve(HttpServer& server, std::unique_ptr<Channel> channel, const http::RequestHeadParser& parser);
  void give_back(std::unique_ptr<Channel> channel, bool keep);

  UniqueFd listener_;
  UniqueFd wake_;
  UniqueFd reserve_;  ///< a descriptor kept back for health; none while it is lent
  RequestHandler handler_;
  IsUrgent is_urgent_;
  RequestThreads threads_;
  RequestThreads urgent_threads_;
  std::thread thread_;
  Clients clients_;

  std::mutex mutex_;
  std::condition_variable given_back_;
  bool stopping_ = false;
  std::set<Channel*> busy_;
  std::vector<std::pair<std::unique_ptr<Channel>, bool>> returned_;
};

}  // namespace adapter::admin
