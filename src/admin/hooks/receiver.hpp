// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/auth/shared_secret.hpp"
#include "adapter/config/config.hpp"
#include "adapter/http/url.hpp"
#include "api.hpp"
#include "hooks/payload.hpp"
#include "hooks/recent_deliveries.hpp"
#include "hooks/signature.hpp"
#include "server/reply.hpp"

namespace adapter::admin {

/// Different secrets that `POST /hooks` tries; a configuration with more of them uses `POST /hooks/{name}` for the
/// rest.
inline constexpr std::size_t max_shared_secrets = 16;
/// Bodies that arrive at the same time. One more takes the place of the one that has been arriving longest: whoever
/// sends slowly without a secret can only push out others who do.
inline constexpr std::size_t max_receiving = 16;

/// Webhooks of forges: hints to look now. The signature is checked first, over the body as it arrives; only then the
/// body may choose, and only among repositories that are configured with the secret that signed it. A body over
/// max_payload_bytes is a hint without details, and by name only. Any thread.
///
/// What is not proved is 401 with the header that is wrong; 503 where no secret can be read, which is no fault of the
/// sender. The log names the file each time the cause changes.
class HookReceiver {
public:
  explicit HookReceiver(Parts& parts) : parts_(parts) {}

  void apply(const config::Config& config);
  /// Names each secret in the log that cannot be read. Blocks on their files.
  void check_secrets();
  /// `POST /hooks/{name}`, or `POST /hooks` without a name.
  [[nodiscard]] Reply deliver(const http::RequestHead& head, RequestBody& body, const std::optional<std::string>& name);

private:
  /// A repository that has a webhook.
  struct Hook {
    std::string name;
    http::Url url;
    HookKind kind;
    std::vector<std::string> secret_files;
  };
  struct Hooks {
    std::vector<Hook> all;
    std::map<std::string, std::shared_ptr<auth::SharedSecret>> secrets;  ///< by file; one for each that is named
  };
  /// Secrets that may have signed a delivery, and the repositories that have each.
  struct Candidates {
    std::vector<HookKey> keys;
    std::vector<std::vector<const Hook*>> owners;
    std::size_t unreadable = 0;  ///< secrets that cannot be read now
  };
  /// A body, whose signature was looked at while it arrived.
  struct Received {
    std::string text;
    bool kept = true;  ///< else it was too large
    std::vector<const Hook*> owners;
    std::optional<Reply> refusal;
  };

  [[nodiscard]] static Candidates candidates(const Hooks& hooks, const std::optional<std::string>& name);
  [[nodiscard]] Received receive(const http::RequestHead& head, RequestBody& body, const Candidates& candidates);
  [[nodiscard]] Reply take(const http::RequestHead& head, const Received& received,
                           const std::optional<std::string>& name);
  void announce(const std::string& name, const Payload& payload);
  [[nodiscard]] Reply refuse(const Candidates& candidates, std::string_view why, const std::string& where);

  Parts& parts_;
  class Turn;

  std::mutex parsing_;                 ///< held by the one that parses
  std::mutex mutex_;                   ///< of all below; never held over a look at a file
  std::list<RequestBody*> receiving_;  ///< in order of arrival
  std::shared_ptr<const Hooks> hooks_ = std::make_shared<Hooks>();
  RecentDeliveries recent_;
  std::optional<std::chrono::steady_clock::time_point> refusal_logged_;
  std::uint64_t refusals_ = 0;  ///< since then
};

}  // namespace adapter::admin
