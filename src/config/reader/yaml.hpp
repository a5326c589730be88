// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adapter::config {

inline constexpr std::uint64_t max_file_bytes = 4ULL * 1024 * 1024;
/// Nodes that a file's aliases may add to those that are written in it.
inline constexpr std::uint64_t max_alias_nodes = 100'000;
inline constexpr std::size_t max_nodes = 400'000;
inline constexpr std::size_t max_nesting = 32;

/// A place in a text, from 1; line 0: the whole text.
struct Mark {
  std::uint32_t line = 0;
  std::uint32_t column = 0;  ///< in bytes; Document::column counts characters
};

/// A value as it is written: nothing is interpreted, scalars keep their text.
struct Node {
  enum class Kind : std::uint8_t { null, scalar, sequence, mapping };
  Kind kind = Kind::null;
  bool quoted = false;  ///< a scalar in quotes or of block style
  Mark mark;
  std::string text;                   ///< of a scalar
  std::vector<const Node*> children;  ///< a sequence's items; a mapping's keys and values by turns
};

struct Fault {
  Mark mark;
  std::string rule;
  std::string message;
};

/// One file's nodes. An alias is the node it names, shared and never copied, so that the memory is bounded by the file.
class Document {
public:
  /// Reads YAML text: one document, UTF-8, no control characters, no tags, no cycles, within the limits above.
  /// `name` is how findings call the file; empty for the environment.
  [[nodiscard]] static Document parse(std::string name, std::string text);

  /// As parse, of a text with a fault: the root holds the values that stand before it. Never has a fault.
  [[nodiscard]] static Document parse_beginning(std::string name, std::string text);

  /// For documents made by hand.
  explicit Document(std::string name) : name_(std::move(name)) {}
  Node& add(Node::Kind kind, Mark mark, std::string text = {});
  void set_root(const Node* root) noexcept { root_ = root; }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Absolute: what relative paths in this document start from.
  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }
  void set_directory(std::filesystem::path directory) { directory_ = std::move(directory); }
  /// Nothing for an empty file, or when there is a fault.
  [[nodiscard]] const Node* root() const noexcept { return root_; }
  [[nodiscard]] const std::optional<Fault>& fault() const noexcept { return fault_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The column of a mark in characters, from 1.
  [[nodiscard]] std::size_t column(Mark mark) const;
  /// Whether a comment follows in the line of a key where its value was expected, as in `ref: #main`.
  [[nodiscard]] bool has_comment_for_value(Mark key) const;

private:
  void read();
  std::string name_;
  std::filesystem::path directory_;
  std::string text_;
  std::deque<Node> nodes_;
  const Node* root_ = nullptr;
  std::optional<Fault> fault_;
};

}  // namespace adapter::config
