// SPDX-License-Identifier: Apache-2.0
#include "adapter/transport/remote.hpp"

#include <asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <utility>
#include <vector>

#include "adapter/http/redirect.hpp"
#include "adapter/log/log.hpp"
#include "adapter/wire/pkt_line.hpp"
#include "progress.hpp"
#include "redirect_credential.hpp"
#include "remote_location.hpp"
#include "status.hpp"

namespace adapter::transport {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view advertisement_type = "application/x-git-upload-pack-advertisement";
constexpr std::string_view request_type = "application/x-git-upload-pack-request";
constexpr std::string_view result_type = "application/x-git-upload-pack-result";
constexpr std::size_t max_error_page_bytes = 16UL * 1024;
constexpr std::uint64_t max_capabilities_bytes = 1 * mib;
/// Progress, acknowledgements and the like in the answer to a fetch, beyond one byte for each of the pack.
constexpr std::uint64_t max_talk_bytes = 16 * mib;
constexpr std::uint64_t pkt_header_bytes = 4;

/// Carries what a sink threw, and what is as final, past the handlers that would change it.
struct SinkFailure {
  std::exception_ptr cause;
};

/// How far a POST came: decides whether it may be repeated with fresh capabilities.
struct Attempt {
  int status = 0;
  bool delivered = false;  ///< the sink has got something
  bool reading = false;    ///< an error now is one of HTTP's framing, which no fresh capabilities mend

  [[nodiscard]] bool is_stale(const Error& error) const {
    const bool malformed = status == 200 && !reading && error.error_class() == ErrorClass::protocol;
    return !delivered && (is_stale_status(status) || malformed);
  }
};

struct Answer {
  std::unique_ptr<net::Response> response;
  std::string credential_key;
  std::vector<log::Redaction> redactions;  ///< of the credential, which the answer may repeat
};

/// All packets in `bytes`, handed to `take`, which answers with an error or nothing.
template <class Take>
void take_packets(wire::PktReader& reader, std::string_view bytes, Take take) {
  reader.feed(bytes);
  while (true) {
    Result<std::optional<wire::Pkt>> pkt = reader.next();
    if (!pkt.value()) {
      return;
    }
    if (auto failure = take(**pkt)) {
      throw Error(std::move(*failure));
    }
  }
}

Error ended_early(std::string_view what) {
  return Error(ErrorClass::network, "the answer ended in the middle of " + std::string(what));
}

class SmartHttpRemote final : public Remote {
public:
  SmartHttpRemote(net::HttpClient& client, auth::Credentials& credentials, http::Url url, RemoteOptions options)
      : client_(client),
        credentials_(credentials),
        location_(std::move(url)),
        options_(std::move(options)),
        // Some hosts serve smart HTTP to agents that begin with "git/" only, and a web page to others.
        user_agent_("git/2.0 (" + options_.agent + ")") {}

  asio::awaitable<std::vector<wire::Ref>> ls_refs(std::vector<std::string> prefixes, std::size_t most_kept) override {
    location_.forget_expired(steady_clock::now());
    Call<std::vector<wire::Ref>> call = [this, prefixes = std::move(prefixes), most_kept](Attempt& attempt) {
      return ls_refs_once(prefixes, most_kept, attempt);
    };
    return with_capabilities("ls-refs", std::move(call));
  }

  asio::awaitable<FetchResult> fetch(wire::FetchArguments arguments, PackSink& sink) override {
    Call<FetchResult> call = [this, arguments = std::move(arguments), &sink](Attempt& attempt) {
      return fetch_once(arguments, sink, attempt);
    };
    return with_capabilities("fetch", std::move(call));
  }

  void forget_redirect() noexcept override { location_.forget_redirect(); }

  [[nodiscard]] const std::optional<wire::Capabilities>& capabilities() const noexcept override {
    return capabilities_;
  }
  [[nodiscard]] std::uint64_t received_bytes() const noexcept override { return received_bytes_; }

private:
  void check_scheme() const {
    if (location_.url().origin().scheme != "https" && !options_.allow_insecure) {
      throw Error(ErrorClass::policy, "http is refused; use https, or set allow_insecure: true on this repository");
    }
  }

  void check_redirect(const http::Url& asked, const http::Url& target) const {
    if (auto failure = redirect_credential_error(credentials_, asked, target)) {
      throw Error(std::move(*failure));
    }
  }

  template <class Value>
  using Call = std::function<asio::awaitable<Value>(Attempt&)>;

  /// Makes a call with the capabilities that are remembered, and once more with fresh ones when those were stale.
  template <class Value>
  asio::awaitable<Value> with_capabilities(std::string name, Call<Value> call) {
    RemoteLocation::CallGuard guard(location_);
    try {
      check_scheme();
      bool again = true;
      while (again) {
        const bool remembered = location_.base().has_value();
        if (!remembered) {
          co_await discover();
        }
        Attempt attempt;
        try {
          asio::awaitable<Value> running = call(attempt);
          Value value = co_await std::move(running);
          guard.succeeded();
          co_return value;
        } catch (const Error& error) {
          again = remembered && attempt.is_stale(error);
          if (!again) {
            throw;
          }
        }
        location_.forget();
      }
    } catch (Error& error) {
      error.add_context(location_.url().display() + ": " + name);
      // Some servers repeat in their answer what they were sent.
      error.set_text(log::redacted(error.text()));
      if (error.error_class() == ErrorClass::limit || error.error_class() == ErrorClass::policy) {
        // What the way to the remote does wrong says nothing about a commit, and passes: a portal's redirect, a
        // proxy's page. Only what comes out of the sink, and the size of the pack, is final.
        error.set_retryable(true);
      }
      throw;
    } catch (const SinkFailure& failure) {
      std::rethrow_exception(failure.cause);
    }
    co_return Value();
  }

  asio::awaitable<Answer> send(net::Request request) {
    Answer answer;
    std::optional<auth::Authorization> authorization = co_await credentials_.authorization(request.url);
    if (authorization) {
      request.authorization = std::move(authorization->header_value);
      answer.credential_key = authorization->key;
      answer.redactions = std::move(authorization->redactions);
    }
    request.settings.ca_file = options_.ca_file;
    request.settings.allow_loopback = options_.allow_loopback;
    request.settings.credential_key = answer.credential_key;
    request.fields.add("User-Agent", user_agent_);
    request.fields.add("Git-Protocol", "version=2");
    request.fields.add("Accept-Encoding", "identity");
    answer.response = co_await client_.send(std::move(request));
    co_return answer;
  }

  /// Throws unless the answer is a 200 of this type. Reads the error page, so that the connection can go on.
  asio::awaitable<void> check_answer(Answer& answer, const http::Url& url, std::string_view type) {
    const http::ResponseHead& head = answer.response->head();
    if (head.status == 200) {
      const auto failure = content_type_error(head, type);
      if (failure) {
        throw Error(*failure);
      }
      co_return;
    }
    std::string body;
    try {
      body = co_await net::read_some_body(*answer.response, max_error_page_bytes);
    } catch (const Error&) {
      body.clear();  // The status says enough.
    }
    if (body.size() >= max_error_page_bytes) {
      body += "…";  // The mark of a cut, which log::redacted() looks for.
    }
    const Refusal refusal{head, url, answer.credential_key, std::move(body), std::chrono::system_clock::now()};
    throw status_error(refusal);
  }

  /// GET info/refs, which may be redirected within its origin; what it says is remembered, for the next checks too
  /// where nothing was redirected or for good.
  asio::awaitable<void> discover() {
    const http::Url asked = location_.url().with_suffix("info/refs", "service=git-upload-pack");
    http::Url url = asked;
    bool is_permanent = true;
    for (int hops = 0;; ++hops) {
      net::Request request("GET", url);
      request.fields.add("Accept", advertisement_type);
      request.fields.add("Pragma", "no-cache");
      Answer answer = co_await send(std::move(request));
      const http::ResponseHead& head = answer.response->head();
      if (http::is_redirect_status(head.status)) {
        is_permanent = is_permanent && (head.status == 301 || head.status == 308);
        url = http::redirect_target(url, head.fields.get("Location").value_or(""), hops).value();
        check_redirect(asked, url);
        co_await net::read_some_body(*answer.response, max_error_page_bytes);
        continue;
      }
      co_await check_answer(answer, url, advertisement_type);
      http::Url base = hops == 0 ? location_.url() : http::base_after_redirect(url).value();
      co_await read_capabilities(*answer.response);
      const auto lasting = is_permanent ? RemoteLocation::Redirect::permanent : RemoteLocation::Redirect::temporary;
      location_.found(std::move(base), hops == 0 ? RemoteLocation::Redirect::none : lasting, steady_clock::now());
      co_return;
    }
  }

  asio::awaitable<void> read_capabilities(net::Response& response) {
    wire::CapabilitiesParser parser;
    wire::PktReader reader;
    std::uint64_t size_bytes = 0;
    while (true) {
      const std::string_view part = co_await response.read_body();
      if (part.empty()) {
        break;
      }
      received_bytes_ += part.size();
      size_bytes += part.size();
      take_packets(reader, part, [&](const wire::Pkt& pkt) { return parser.take(pkt); });
      const bool old_version = parser.done() && parser.result().version != 2;
      if (old_version) {
        break;
      }
      if (size_bytes > max_capabilities_bytes) {
        throw Error(ErrorClass::limit, "the server's list of capabilities is larger than 1 MiB");
      }
    }
    if (!parser.done()) {
      throw ended_early("the list of capabilities");
    }
    capabilities_ = parser.result();
    if (capabilities_->version != 2) {
      throw Error(ErrorClass::protocol,
                  "the server speaks version " + std::to_string(capabilities_->version) +
                      " of git's protocol only; that is not in this version yet, version 2 is needed");
    }
  }

  asio::awaitable<Answer> post(std::string body, Attempt& attempt) {
    const http::Url url = location_.base()->with_suffix("git-upload-pack");
    check_redirect(location_.url().with_suffix("git-upload-pack"), url);
    net::Request request("POST", url);
    request.fields.add("Content-Type", request_type);
    request.fields.add("Accept", result_type);
    request.body = std::move(body);
    Answer answer = co_await send(std::move(request));
    attempt.status = answer.response->head().status;
    co_await check_answer(answer, url, result_type);
    co_return answer;
  }

  /// The next bytes of the body; empty at its end.
  asio::awaitable<std::string_view> read_part(net::Response& response, Attempt& attempt) {
    attempt.reading = true;
    const std::string_view part = co_await response.read_body();
    attempt.reading = false;
    received_bytes_ += part.size();
    co_return part;
  }

  asio::awaitable<std::vector<wire::Ref>> ls_refs_once(std::vector<std::string> prefixes, std::size_t most_kept,
                                                       Attempt& attempt) {
    std::string body = wire::ls_refs_request(*capabilities_, prefixes, options_.agent);
    const Answer answer = co_await post(std::move(body), attempt);
    wire::LsRefsParser parser(std::move(prefixes), options_.limits, most_kept);
    wire::PktReader reader;
    std::uint64_t size_bytes = 0;
    while (true) {
      const std::string_view part = co_await read_part(*answer.response, attempt);
      if (part.empty()) {
        break;
      }
      size_bytes += part.size();
      if (size_bytes > options_.limits.max_advertisement_bytes) {
        throw Error(ErrorClass::limit, "the list of refs is larger than " +
                                           std::to_string(options_.limits.max_advertisement_bytes) +
                                           " bytes; raise limits.max_advertisement_bytes");
      }
      take_packets(reader, part, [&](const wire::Pkt& pkt) { return parser.take(pkt); });
    }
    if (!parser.done() || !reader.at_boundary()) {
      throw ended_early("the list of refs");
    }
    co_return std::move(parser).take_refs();
  }

  asio::awaitable<FetchResult> fetch_once(wire::FetchArguments arguments, PackSink& sink, Attempt& attempt) {
    std::string body = wire::fetch_request(*capabilities_, arguments, options_.agent);
    const Answer answer = co_await post(std::move(body), attempt);
    // A large repository is counted for minutes before the first byte of its pack.
    answer.response->set_patient(true);
    FetchResult result;
    std::uint64_t talk_bytes = 0;
    wire::FetchParser parser;
    wire::PktReader reader;
    ProgressLines progress([&sink](std::string_view line) { sink.progress(line); });
    while (true) {
      const std::string_view part = co_await read_part(*answer.response, attempt);
      if (part.empty()) {
        break;
      }
      reader.feed(part);
      while (true) {
        const Result<std::optional<wire::Pkt>> pkt = reader.next();
        if (!pkt.value()) {
          break;
        }
        const wire::FetchParser::Event event = parser.take(**pkt).value();
        if (event.kind == wire::FetchParser::Event::Kind::progress) {
          progress.feed(event.bytes);
        } else if (event.kind == wire::FetchParser::Event::Kind::pack) {
          attempt.delivered = true;
          answer.response->set_patient(false);
          result.pack_bytes += event.bytes.size();
          check_pack_size(result.pack_bytes);
          co_await deliver(sink, event.bytes);
        }
        talk_bytes += (*pkt)->payload.size() - event.bytes.size() + pkt_header_bytes;
        if (event.kind == wire::FetchParser::Event::Kind::progress) {
          talk_bytes += event.bytes.size();
        }
        if (talk_bytes > max_talk_bytes + result.pack_bytes) {
          throw Error(ErrorClass::limit, "the server sent more than 16 MiB that are no pack");
        }
      }
    }
    progress.end();
    if (!parser.done() || !reader.at_boundary()) {
      throw ended_early("the pack, after " + std::to_string(result.pack_bytes) + " bytes of it");
    }
    result.shallow = parser.shallow();
    result.unshallow = parser.unshallow();
    co_return result;
  }

  void check_pack_size(std::uint64_t pack_bytes) const {
    if (pack_bytes > options_.limits.max_pack_bytes) {
      const Error error(ErrorClass::limit, location_.url().display() + ": fetch: the pack is larger than " +
                                               std::to_string(options_.limits.max_pack_bytes) +
                                               " bytes; raise limits.max_pack_bytes");
      throw SinkFailure{std::make_exception_ptr(error)};
    }
  }

  static asio::awaitable<void> deliver(PackSink& sink, std::string_view bytes) {
    std::exception_ptr failure;
    try {
      co_await sink.write(bytes);
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure) {
      throw SinkFailure{failure};
    }
  }

  net::HttpClient& client_;
  auth::Credentials& credentials_;
  RemoteLocation location_;
  RemoteOptions options_;
  std::string user_agent_;
  std::optional<wire::Capabilities> capabilities_;  ///< of the last hand-shake
  std::uint64_t received_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Remote> make_remote(net::HttpClient& client, auth::Credentials& credentials, http::Url url,
                                    RemoteOptions options) {
  return std::make_unique<SmartHttpRemote>(client, credentials, std::move(url), std::move(options));
}

}  // namespace adapter::transport
