// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"

namespace adapter::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

Error bad(std::string message) {
  return Error(ErrorClass::config, std::move(message));
}
std::string in_quotes(std::string_view text) {
  return "\"" + escape(text, 128) + "\"";
}

/// What to write for a name that a clone gives to a remote's branch, "origin/main" or "remotes/origin/main"; empty for
/// another name.
std::string without_remote(std::string_view ref) {
  std::string_view rest = ref;
  const bool in_full = rest.starts_with("remotes/");
  if (in_full) {
    rest.remove_prefix(std::string_view("remotes/").size());
  }
  if (!in_full && !rest.starts_with("origin/")) {
    return {};
  }
  const std::size_t slash = rest.find('/');
  return slash == std::string_view::npos ? "HEAD" : std::string(rest.substr(slash + 1));
}

/// git-check-ref-format(1), rule by rule.
Complaint check_ref_name(std::string_view ref) {
  const auto forbidden = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20U || c == 0x7F ||
           std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
  };
  if (std::any_of(ref.begin(), ref.end(), forbidden)) {
    return "holds a space or one of ~ ^ : ? * [ \\";
  }
  if (ref.find("..") != std::string_view::npos || ref.find("@{") != std::string_view::npos || ref == "@") {
    return "holds .. or @{, or is @";
  }
  if (ref.ends_with('.')) {
    return "ends with a dot";
  }
  for (const std::string_view part : split(ref, '/')) {
    if (part.empty()) {
      return "begins or ends with a slash, or holds two in a row";
    }
    if (part.starts_with('.') || part.ends_with(".lock")) {
      return "has a part that begins with a dot or ends with .lock";
    }
  }
  if (ref.starts_with('-')) {
    return "begins with a dash";
  }
  return std::nullopt;
}

}  // namespace

Complaint check_name(std::string_view name) {
  const auto allowed = [](char c) { return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; };
  const bool good = !name.empty() && name.size() <= max_repository_name_bytes &&
                    (is_lower(name[0]) || is_digit(name[0])) && std::all_of(name.begin(), name.end(), allowed);
  if (good) {
    return std::nullopt;
  }
  return in_quotes(name) + " is not a name; write up to 63 of a-z 0-9 . _ -, a letter or digit first, for example " +
         make_name(name);
}

std::string make_name(std::string_view text) {
  std::string name;
  for (const char c : to_lower(text)) {
    const bool first = is_lower(c) || is_digit(c);
    if (name.size() < max_repository_name_bytes && (first || !name.empty())) {
      name.push_back(first || c == '.' || c == '_' ? c : '-');
    }
  }
  return name.empty() ? "repository" : name;
}

Result<std::string> read_ref(std::string_view text) {
  static constexpr std::string_view expected =
      "; write HEAD, a branch, a tag, refs/… in full, or a commit id of 40 hexadecimal digits";
  if (std::all_of(text.begin(), text.end(), is_hex)) {
    if (text.size() == 40) {
      return to_lower(text);
    }
    if (text.size() == 64) {
      return bad("a commit id of 64 digits is SHA-256, which is not supported" + std::string(expected));
    }
  }
  if (text.size() > max_ref_bytes) {
    return bad("the ref is longer than " + std::to_string(max_ref_bytes) + " bytes" + std::string(expected));
  }
  if (const Complaint complaint = check_ref_name(text)) {
    return bad(in_quotes(text) + " is not a ref, it " + *complaint + std::string(expected));
  }
  if (const std::string name = without_remote(text); !name.empty()) {
    return bad(in_quotes(text) + " is what a clone calls the remote's branch; write " + escape(name, 128) +
               ", or refs/heads/" + escape(text, 128) + " for a branch that has this very name");
  }
  return std::string(text);
}

std::optional<RefDoubt> doubt_about_ref(std::string_view ref) {
  constexpr std::size_t shortest = 7;  // of git
  constexpr std::string_view folder = "refs/";
  if (std::all_of(ref.begin(), ref.end(), is_hex)) {
    const bool is_mixed =
        std::any_of(ref.begin(), ref.end(), is_digit) && std::any_of(ref.begin(), ref.end(), is_letter);
    if (ref.size() > 40) {
      return RefDoubt{"long-id", "looks like a commit id with " + std::to_string(ref.size()) +
                                     " digits, and is read as a branch or a tag; a commit id has 40"};
    }
    if (is_mixed && ref.size() >= shortest && ref.size() < 40) {
      return RefDoubt{"short-id",
                      "looks like an abbreviated commit id, but is read as a branch or a tag: a remote cannot look it "
                      "up; write all 40 digits"};
    }
  }
  const std::string_view rest = ref.starts_with(folder) ? ref.substr(folder.size()) : std::string_view();
  if (rest.starts_with("remotes/")) {
    return RefDoubt{"remote-ref",
                    "is a ref that clones make for themselves, and a remote has it only when one was pushed; write " +
                        escape(without_remote(rest), 128) + " for the remote's own branch"};
  }
  return std::nullopt;
}

std::optional<ForgePage> read_forge_page(const http::Url& url) {
  static constexpr std::string_view pages[] = {"tree", "blob", "raw", "commit", "commits", "src"};
  static constexpr std::string_view kinds_of_ref[] = {"branch", "tag", "commit"};
  const std::vector<std::string_view> parts = split(url.path(), '/');  // the first is empty
  std::size_t repository_end = 0;
  for (std::size_t i = 1; i < parts.size() && repository_end == 0; ++i) {
    const bool of_gitlab = parts[i] == "-" && i > 2;  // /group/project/-/tree/main
    const bool of_others = i == 3 && i + 1 < parts.size() && !parts[2].ends_with(".git") &&
                           std::find(std::begin(pages), std::end(pages), parts[i]) != std::end(pages);
    repository_end = of_gitlab || of_others ? i : 0;
  }
  if (repository_end == 0) {
    return std::nullopt;
  }
  ForgePage page;
  page.url = url.origin().to_string();
  for (std::size_t i = 1; i < repository_end; ++i) {
    page.url += "/" + std::string(parts[i]);
  }
  page.url += page.url.ends_with(".git") ? "" : ".git";
  std::size_t at = repository_end + (parts[repository_end] == "-" ? 2 : 1);
  if (at < parts.size() &&
      std::find(std::begin(kinds_of_ref), std::end(kinds_of_ref), parts[at]) != std::end(kinds_of_ref)) {
    ++at;  // Gitea: /owner/name/src/branch/main
  }
  page.ref = at < parts.size() ? std::string(parts[at]) : "";
  return page;
}

Complaint check_link(std::string_view link) {
  static constexpr std::string_view expected = "; write a path below data_dir such as docs or team/docs";
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == 0x7F; };
  if (link.size() > max_path_bytes || std::any_of(link.begin(), link.end(), is_control)) {
    return "a link has at most 4095 bytes and no control characters" + std::string(expected);
  }
  if (link.starts_with('/')) {
    return in_quotes(link) + " is absolute" + std::string(expected);
  }
  const std::vector<std::string_view> parts = split(link, '/');
  for (const std::string_view part : parts) {
    if (part == "..") {
      return in_quotes(link) + " leaves data_dir" + std::string(expected);
    }
    if (part.empty() || part == ".") {
      return in_quotes(link) + " has an empty part or a dot" + std::string(expected);
    }
    if (part.size() > max_name_bytes) {
      return "a part of a link has at most 255 bytes" + std::string(expected);
    }
  }
  if (equal_ignoring_case(parts.front(), volume::own_directory)) {
    return in_quotes(link) + " enters .adapter, which is the adapter's own folder" + std::string(expected);
  }
  return std::nullopt;
}

Result<http::Url> read_url(std::string_view text) {
  Result<http::Url> url = http::Url::parse(text);
  if (url && text.find('?') != std::string_view::npos) {
    return bad("a remote's URL has no query; write it up to the question mark");
  }
  return url;
}

Result<ListenAddress> read_listen(std::string_view text) {
  const Error expected =
      bad(in_quotes(text) + " is not host:port; write for example 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return expected;
  }
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc{} || end != digits.data() + digits.size() || (digits.size() > 1 && digits.front() == '0')) {
    return expected;
  }
  const Result<http::Url> url = http::Url::parse("http://" + std::string(text.substr(0, colon)) + "/");
  if (!url || url->path() != "/" || !url->query().empty() || url->origin().port != 80) {
    return expected;
  }
  return ListenAddress{url->origin().host, port};
}

Result<std::string> read_host(std::string_view text) {
  const Result<http::Url> url = http::Url::parse("http://" + std::string(text) + "/");
  if (!url || text.find_first_of("/?#@") != std::string_view::npos) {
    return bad(in_quotes(text) + " is not a host; write for example adapter.example.org or adapter.example.org:8080");
  }
  return to_lower(text);
}

std::filesystem::path working_directory() {
  std::error_code failure;
  std::filesystem::path path = std::filesystem::current_path(failure);
  return failure ? std::filesystem::path("/") : path;
}

bool is_variable_name(std::string_view name) noexcept {
  const auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  return !name.empty() && !is_digit(name.front()) && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace adapter::config
