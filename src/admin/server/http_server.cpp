// SPDX-License-Identifier: Apache-2.0
#include "server/http_server.hpp"

#include <httplib.h>

#include <cstring>
#include <utility>

#include "adapter/log/log.hpp"

namespace adapter::admin {
namespace {

using Clock = Channel::Clock;

/// What "Keep-Alive" promises.
constexpr std::size_t max_announced_requests = 1000;

/// What cpp-httplib reads and writes: a head of our own, then the body and nothing behind it. Also the body, for the
/// handler. (What is virtual in the library differs from release to release: hence no `override`.)
class ExchangeStream final : public httplib::Stream {
public:
  ExchangeStream(Channel& channel, const http::RequestHead& head)
      : channel_(channel),
        body_left_(head.content_length.value_or(0)),
        expects_continue_(head.expects_continue),
        body_until_(Clock::now() + max_body_time) {
    head_ = head.method == "HEAD" ? "HEAD / HTTP/1.1\r\n"
            : body_left_ == 0     ? "GET / HTTP/1.1\r\n"
                                  : "POST / HTTP/1.1\r\n";
    head_ += "Host: localhost\r\n";
    if (body_left_ != 0) {
      head_ += "Content-Length: " + std::to_string(body_left_) + "\r\n";
    }
    head_ += "\r\n";
  }

  // NOLINTBEGIN(modernize-use-override, cppcoreguidelines-explicit-virtual-functions)
  bool is_readable() const { return true; }
  bool wait_readable() const { return true; }
  bool is_writable() const { return !write_failed_; }
  bool wait_writable() const { return !write_failed_; }
  bool is_peer_alive() const { return !write_failed_; }
  ssize_t read(char* to, size_t size) {
    if (!head_.empty()) {
      const std::size_t part = std::min(size, head_.size());
      std::memcpy(to, head_.data(), part);
      head_.erase(0, part);
      return static_cast<ssize_t>(part);
    }
    return read_body(to, size);
  }
  ssize_t write(const char* bytes, size_t size) {
    if (write_failed_ || channel_.write({bytes, size}, Clock::now() + max_write_time) != Channel::Outcome::ok) {
      write_failed_ = true;
      return -1;
    }
    return static_cast<ssize_t>(size);
  }
  using httplib::Stream::write;
  void get_remote_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
  }
  socket_t socket() const { return channel_.fd(); }
  time_t duration() const { return 0; }
  // NOLINTEND(modernize-use-override, cppcoreguidelines-explicit-virtual-functions)

  [[nodiscard]] bool write_failed() const noexcept { return write_failed_; }
  [[nodiscard]] bool body_is_read() const noexcept { return body_left_ == 0; }
  [[nodiscard]] bool body_timed_out() const noexcept { return body_timed_out_; }
  [[nodiscard]] bool abandoned() { return channel_.ended(); }
  void cut() noexcept { channel_.shut_down(); }

private:
  ssize_t read_body(char* to, std::size_t size) {
    if (body_left_ == 0) {
      return 0;
    }
    if (std::exchange(expects_continue_, false)) {
      constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      write(go_on.data(), go_on.size());
    }
    std::size_t got = 0;
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size, body_left_));
    const Channel::Outcome outcome = channel_.read(to, part, body_until_, got);
    body_timed_out_ = outcome == Channel::Outcome::timed_out;
    if (outcome != Channel::Outcome::ok) {
      return -1;
    }
    body_left_ -= got;
    return static_cast<ssize_t>(got);
  }

  Channel& channel_;
  std::string head_;
  std::uint64_t body_left_;
  bool expects_continue_;
  Clock::time_point body_until_;
  bool body_timed_out_ = false;
  bool write_failed_ = false;
};

class StreamBody final : public RequestBody {
public:
  StreamBody(ExchangeStream& stream, const httplib::ContentReader* reader) : stream_(stream), reader_(reader) {}

  End read(const TakeBytes& take) override {
    if (reader_ == nullptr) {
      return End::complete;
    }
    bool refused = false;
    const bool whole = (*reader_)([&](const char* bytes, std::size_t size) {
      refused = !take({bytes, size});
      return !refused;
    });
    if (whole && stream_.body_is_read()) {
      return End::complete;
    }
    if (refused) {
      return End::refused;
    }
    return stream_.body_timed_out() ? End::timed_out : End::broken;
  }
  bool abandoned() override { return stream_.body_is_read() && stream_.abandoned(); }
  void cut() noexcept override { stream_.cut(); }

private:
  ExchangeStream& stream_;
  const httplib::ContentReader* reader_;
};

class Library final : public HttpServer, private httplib::Server {
public:
  Library() {
    // The only target that the library ever sees is "/": its regular expressions meet nothing else.
    Get("/", [this](const httplib::Request&, httplib::Response& to) { answer(nullptr, to); });
    Post("/", [this](const httplib::Request&, httplib::Response& to, const httplib::ContentReader& body) {
      answer(&body, to);
    });
    // Without one, older releases put the exception's text into a header.
    set_exception_handler([](const httplib::Request&, httplib::Response& to, const auto&) {
      fill(problem(500, "an internal error; the log has more"), to);
    });
    set_payload_max_length(max_hook_body_bytes);
    set_keep_alive_max_count(max_announced_requests);
  }

  bool exchange(Channel& channel, const http::RequestHead& head, const RequestHandler& handler) override {
    ExchangeStream stream(channel, head);
    stream_ = &stream;
    head_ = &head;
    handler_ = &handler;
    close_ = !head.keep_alive;
    bool closed = false;
    // The library takes a server without a listening socket for one that shuts down, and cuts streams off.
    svr_sock_ = channel.fd();
    const bool processed = process(*this, stream, closed);
    svr_sock_ = INVALID_SOCKET;
    return processed && !closed && !close_ && !stream.write_failed() && stream.body_is_read();
  }

private:
  /// The library's own, whose parameters grew over the years.
  template <class Self>
  static bool process(Self& self, ExchangeStream& stream, bool& closed) {
    const std::function<void(httplib::Request&)> no_setup;
    if constexpr (requires { self.process_request(stream, self.close_, closed, no_setup); }) {
      return self.process_request(stream, self.close_, closed, no_setup);
    } else {
      return self.process_request(stream, std::string(), 0, std::string(), 0, self.close_, closed, no_setup);
    }
  }

  void answer(const httplib::ContentReader* reader, httplib::Response& to) {
    StreamBody body(*stream_, reader);
    Reply reply;
    try {
      reply = (*handler_)(*head_, body);
    } catch (const std::exception& error) {
      log::error("admin_failed", error.what(), {{"route", head_->path}});
      reply = problem(500, "an internal error; the log has more");
    }
    if (!close_ && (reply.close || !stream_->body_is_read())) {
      close_ = true;  // where it was before, the library says so
      to.set_header("Connection", "close");
    } else if (!close_ && head_->minor_version == 0) {
      to.set_header("Connection", "keep-alive");  // else such a client waits for the end
    }
    if (reply.stream) {
      // One that has little to say would learn late that nobody listens, and hold its thread until then.
      reply.stream = [stream = stream_, next = std::move(reply.stream)](const TakeBytes& write) {
        return !stream->abandoned() && next(write);
      };
    }
    fill(std::move(reply), to);
  }

  static void fill(Reply reply, httplib::Response& to) {
    add_common_fields(reply);
    to.status = reply.status;
    for (const auto& [name, value] : reply.fields) {
      to.set_header(name, value);
    }
    if (!reply.stream) {
      to.set_content(reply.body, reply.content_type);
      return;
    }
    to.set_chunked_content_provider(reply.content_type,
                                    [next = std::move(reply.stream)](std::size_t, httplib::DataSink& sink) {
                                      bool writable = true;
                                      const bool more = next([&](std::string_view bytes) {
                                        writable = writable && sink.write(bytes.data(), bytes.size());
                                        return writable;
                                      });
                                      if (!more) {
                                        sink.done();
                                      }
                                      return writable;
                                    });
  }

  ExchangeStream* stream_ = nullptr;
  const http::RequestHead* head_ = nullptr;
  const RequestHandler* handler_ = nullptr;
  bool close_ = false;
};

}  // namespace

std::unique_ptr<HttpServer> make_http_server() {
  return std::make_unique<Library>();
}

const char* http_library_version() noexcept {
  return CPPHTTPLIB_VERSION;
}

}  // namespace adapter::admin
