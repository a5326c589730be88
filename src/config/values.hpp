// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/http/url.hpp"

/// The grammars of single values. Pure; errors are of class config and say what to write instead.
namespace adapter::config {

inline constexpr std::size_t max_repository_name_bytes = 63;
inline constexpr std::size_t max_ref_bytes = 1024;

/// What is wrong, or nothing.
using Complaint = std::optional<std::string>;

/// [a-z0-9][a-z0-9._-]{0,62}
[[nodiscard]] Complaint check_name(std::string_view name);
/// The nearest valid name: lower case, "-" for what is not allowed; "repository" when nothing is left.
[[nodiscard]] std::string make_name(std::string_view text);

/// HEAD, a full commit id (answered in lower case), or a name that `git check-ref-format` accepts and that is not a
/// clone's own (origin/…, remotes/…).
[[nodiscard]] Result<std::string> read_ref(std::string_view text);

/// Why a ref that git allows is hardly meant.
struct RefDoubt {
  std::string_view rule;  ///< of the finding
  std::string text;
};
/// One that looks like an abbreviated commit id, which no remote can look up, or like one with too many digits; a ref
/// that clones make for themselves (refs/remotes/origin/main). Nullopt for any other.
[[nodiscard]] std::optional<RefDoubt> doubt_about_ref(std::string_view ref);

/// What is meant by the address of a forge's web page: the repository, and the ref that the page shows (may be empty).
/// Nullopt for a URL that does not look like one.
struct ForgePage {
  std::string url;
  std::string ref;
};
[[nodiscard]] std::optional<ForgePage> read_forge_page(const http::Url& url);

/// A path below data_dir in its normal form: relative, no "." or "..", no empty part, not in the private folder.
[[nodiscard]] Complaint check_link(std::string_view link);

/// A remote's URL, or a credential's prefix: http::Url without a query. The errors never repeat the text.
[[nodiscard]] Result<http::Url> read_url(std::string_view text);

struct ListenAddress {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
};
/// "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; port 0 lets the kernel choose.
[[nodiscard]] Result<ListenAddress> read_listen(std::string_view text);

/// "example.org", "example.org:8080", "[::1]:8080": what a Host field may hold, answered in lower case.
[[nodiscard]] Result<std::string> read_host(std::string_view text);

/// The working directory; "/" when it has been removed.
[[nodiscard]] std::filesystem::path working_directory();

/// A name that an environment variable can have: letters, digits and "_", no digit first.
[[nodiscard]] bool is_variable_name(std::string_view name) noexcept;

}  // namespace adapter::config
