// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/auth/credentials.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/http/url.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/wire/protocol_v2.hpp"

/// A git repository behind smart HTTP.
namespace adapter::transport {

/// Receives a pack. write() suspends while the receiver is behind: that is the back-pressure.
class PackSink {
public:
  virtual ~PackSink() = default;
  virtual asio::awaitable<void> write(std::string_view bytes) = 0;
  /// One line of the server's progress text, escaped; may be called often.
  virtual void progress(std::string_view line) = 0;
};

struct FetchResult {
  std::vector<ObjectId> shallow;    ///< commits that have become the boundary
  std::vector<ObjectId> unshallow;  ///< commits that no longer are
  std::uint64_t pack_bytes = 0;
};

struct RemoteOptions {
  std::optional<std::filesystem::path> ca_file;
  bool allow_insecure = false;  ///< http is refused without it (class policy)
  bool allow_loopback = false;
  Limits limits;
  std::string agent = "adapter";  ///< User-Agent and the protocol's agent, "adapter/0.1.0"
};

/// A remote: remembers the capabilities of its first answer, so that a check is one request. Where that was redirected
/// to holds for one check and its fetch, or for an hour where each redirect is for good (301, 308). A call that fails
/// or is cancelled ends that, whatever the cause, so that the next one begins at the configured URL. When the
/// remembered capabilities turn out stale (404, 400 or a malformed answer to a POST that used them) they are asked for
/// anew, once per call. Loop thread only; client and credentials outlive it. Calls may overlap.
///
/// Errors by class: auth (401, 403, and what Credentials says), not_found (404, 410, "repository not found"),
/// rate_limited (429; 503 with Retry-After), network (5xx, connection trouble), tls, protocol (HTML with 200, v0/v1
/// servers: "not in this version yet"), limit, policy, timeout. Each carries the context "https://host/path: ls-refs".
class Remote {
public:
  virtual ~Remote() = default;

  /// The first `most_kept` refs that begin with one of `prefixes`, as the remote has them now; the others are read and
  /// counted, but take no memory. wire::all_refs: all of them. An empty repository answers with none, or with an unborn
  /// HEAD (zero id).
  virtual asio::awaitable<std::vector<wire::Ref>> ls_refs(std::vector<std::string> prefixes, std::size_t most_kept) = 0;

  /// Streams the pack of `arguments` into `sink`. Throws what sink.write() throws, unchanged.
  virtual asio::awaitable<FetchResult> fetch(wire::FetchArguments arguments, PackSink& sink) = 0;

  /// The next call begins at the configured URL, wherever a redirect led before.
  virtual void forget_redirect() noexcept = 0;

  /// What the server said at its last hand-shake; nothing before the first call.
  [[nodiscard]] virtual const std::optional<wire::Capabilities>& capabilities() const noexcept = 0;
  /// Bytes of answers' bodies received by all calls so far.
  [[nodiscard]] virtual std::uint64_t received_bytes() const noexcept = 0;
};

[[nodiscard]] std::unique_ptr<Remote> make_remote(net::HttpClient& client, auth::Credentials& credentials,
                                                  http::Url url, RemoteOptions options);

}  // namespace adapter::transport
