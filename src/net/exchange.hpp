// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "adapter/http/message.hpp"
#include "adapter/net/http_client.hpp"
#include "connection_pool.hpp"

namespace adapter::net {

/// Read buffers that wait for their next use. Loop thread only.
class Buffers {
public:
  static constexpr std::size_t size_bytes = 64UL * 1024;
  using Buffer = std::unique_ptr<char[]>;

  [[nodiscard]] Buffer take();
  void give_back(Buffer buffer);

private:
  static constexpr std::size_t max_kept = 8;
  std::vector<Buffer> kept_;
};

/// One request and its answer over a leased connection. Owns the lease until the answer's last byte.
class Exchange final : public Response {
public:
  Exchange(ConnectionPool::Lease lease, const Deadlines& deadlines, std::shared_ptr<Buffers> buffers);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Writes the request and reads the head of the answer.
  asio::awaitable<void> begin(std::string_view message);
  /// Whether a byte of the answer has come: from then on the request must not be repeated by itself.
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  [[nodiscard]] ConnectionPool::Lease take_lease() { return std::move(lease_); }

  [[nodiscard]] const http::ResponseHead& head() const noexcept override { return parser_.head(); }
  asio::awaitable<std::string_view> read_body() override;
  [[nodiscard]] std::uint64_t received_bytes() const noexcept override { return parser_.body_bytes(); }
  void set_patient(bool patient) noexcept override { patient_ = patient; }

private:
  /// Reads into the buffer, which is empty; false at the end of the stream.
  asio::awaitable<bool> fill();
  asio::awaitable<bool> fill_body();
  /// Feeds what is in the buffer; the part of the body that came out.
  std::string_view parse();
  /// At the answer's last byte: the connection goes back to the pool, or is closed.
  void finish();

  ConnectionPool::Lease lease_;
  Deadlines deadlines_;
  std::shared_ptr<Buffers> buffers_;
  Buffers::Buffer buffer_;
  http::ResponseParser parser_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string_view early_body_;  ///< came along with the head
  std::chrono::steady_clock::duration low_speed_left_;
  std::uint64_t low_speed_bytes_ = 0;
  std::chrono::steady_clock::time_point turn_began_{};  ///< when others last had theirs
  bool patient_ = false;
  bool answered_ = false;
  bool finished_ = false;
};

}  // namespace adapter::net
