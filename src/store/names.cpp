// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "adapter/base/text.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t max_ref_name_bytes = 1024;

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// NTFS drops trailing spaces and periods, and what follows a colon names a stream of the same file.
bool only_spaces_and_periods(std::string_view text) noexcept {
  const std::string_view until_stream = text.substr(0, text.find(':'));
  return until_stream.find_first_not_of(" .") == std::string_view::npos;
}

bool is_ntfs_variant(std::string_view name, std::string_view of) noexcept {
  return starts_with_ignoring_case(name, of) && only_spaces_and_periods(name.substr(of.size()));
}

bool is_ntfs_dotgit(std::string_view name) noexcept {
  // Windows takes a backslash for a separator, so that each part counts.
  while (true) {
    const std::string_view part = name.substr(0, name.find('\\'));
    if (is_ntfs_variant(part, ".git") || is_ntfs_variant(part, "git~1")) {
      return true;
    }
    if (part.size() == name.size()) {
      return false;
    }
    name.remove_prefix(part.size() + 1);
  }
}

/// The long name, and the short names that Windows gives to it: gitmod~1 to ~4, then a hash.
bool is_ntfs_dotgitmodules(std::string_view name) noexcept {
  if (is_ntfs_variant(name, ".gitmodules")) {
    return true;
  }
  for (const std::string_view stem : {"gitmod~", "gi7eba~", "gi7eb~", "gi7e~", "gi7~"}) {
    if (starts_with_ignoring_case(name, stem)) {
      const std::string_view rest = name.substr(stem.size());
      const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
      if (digits > 0 && only_spaces_and_periods(rest.substr(digits))) {
        return true;
      }
    }
  }
  return false;
}

/// Bytes of the code point at the front that HFS+ ignores in names, or 0: U+200C–F, U+202A–E, U+206A–F, U+FEFF.
std::size_t hfs_ignorable(std::string_view text) noexcept {
  if (text.size() < 3) {
    return 0;
  }
  const auto byte = [text](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  if (byte(0) == 0xEF) {
    return byte(1) == 0xBB && byte(2) == 0xBF ? 3 : 0;
  }
  if (byte(0) != 0xE2) {
    return 0;
  }
  const std::uint8_t last = byte(2);
  const bool ignored = (byte(1) == 0x80 && ((last >= 0x8C && last <= 0x8F) || (last >= 0xAA && last <= 0xAE))) ||
                       (byte(1) == 0x81 && last >= 0xAA && last <= 0xAF);
  return ignored ? 3 : 0;
}

bool is_hfs_variant(std::string_view name, std::string_view of) noexcept {
  std::size_t matched = 0;
  while (!name.empty()) {
    if (const std::size_t ignored = hfs_ignorable(name); ignored > 0) {
      name.remove_prefix(ignored);
      continue;
    }
    if (matched == of.size() || !equal_ignoring_case(name.substr(0, 1), of.substr(matched, 1))) {
      return false;
    }
    ++matched;
    name.remove_prefix(1);
  }
  return matched == of.size();
}

bool is_control(char character) noexcept {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 || byte == 0x7F;
}

bool is_valid_ref_component(std::string_view part) noexcept {
  return !part.empty() && !part.starts_with('.') && !part.ends_with(".lock");
}

}  // namespace

std::string_view name_fault(std::string_view name, NamePolicy policy, bool symlink) noexcept {
  if (name.empty()) {
    return "is empty";
  }
  if (name == "." || name == "..") {
    return "would lead to another folder";
  }
  if (name.find('/') != std::string_view::npos) {
    return "holds a slash";
  }
  if (equal_ignoring_case(name, ".git")) {
    return "would be read as a repository";
  }
  if (is_ntfs_dotgit(name)) {
    return "would be read as .git on Windows";
  }
  if (symlink && is_ntfs_dotgitmodules(name)) {
    return "must not be a symbolic link";
  }
  if (policy == NamePolicy::git) {
    return {};
  }
  if (name.find('\\') != std::string_view::npos) {
    return "holds a backslash";
  }
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return "holds a control character";
  }
  if (is_hfs_variant(name, ".git")) {
    return "would be read as .git on macOS";
  }
  if (symlink && is_hfs_variant(name, ".gitmodules")) {
    return "must not be a symbolic link";
  }
  return {};
}

bool is_valid_ref_name(std::string_view name) noexcept {
  constexpr std::string_view forbidden = " ~^:?*[\\";
  if (name.size() > max_ref_name_bytes || name.ends_with('.') || name.find("..") != std::string_view::npos ||
      name.find("@{") != std::string_view::npos || name.find('/') == std::string_view::npos) {
    return false;
  }
  for (const char character : name) {
    if (is_control(character) || forbidden.find(character) != std::string_view::npos) {
      return false;
    }
  }
  while (true) {
    const std::string_view part = name.substr(0, name.find('/'));
    if (!is_valid_ref_component(part)) {
      return false;
    }
    if (part.size() == name.size()) {
      return true;
    }
    name.remove_prefix(part.size() + 1);
  }
}

}  // namespace adapter::store
