// SPDX-License-Identifier: Apache-2.0
#include "yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <unordered_map>
#include <utility>

#include "adapter/base/text.hpp"
#include "syntax_hint.hpp"

namespace adapter::config {
namespace {

Mark to_mark(const YAML::Mark& mark) {
  if (mark.is_null()) {
    return {};
  }
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

/// Ends the parse; never leaves Document::read.
struct Refused {
  Fault fault;
};

[[noreturn]] void refuse(const YAML::Mark& mark, std::string rule, std::string message) {
  throw Refused{Fault{to_mark(mark), std::move(rule), std::move(message)}};
}

/// Reads the text where it lies; a string stream would copy it.
class ViewBuffer : public std::streambuf {
public:
  explicit ViewBuffer(std::string& text) { setg(text.data(), text.data(), text.data() + text.size()); }
};

class Builder : public YAML::EventHandler {
public:
  explicit Builder(Document& document) : document_(document) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) {
      refuse(mark, "multiple-documents", "a second document (after ---) is not read; keep one document a file");
    }
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(make(Node::Kind::null, mark), anchor, 1);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    Node& node = make(Node::Kind::scalar, mark);
    node.quoted = tag == "!";
    if (node.quoted) {
      last_quoted_ = &node;
    }
    node.text = value;
    finish(node, anchor, 1);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      refuse(mark, "yaml-syntax", "an alias stands inside the value that it names");
    }
    const auto [node, weight] = found->second;
    alias_nodes_ = saturating_add(alias_nodes_, weight);
    if (alias_nodes_ > max_alias_nodes) {
      refuse(mark, "too-large", "the aliases expand past " + std::to_string(max_alias_nodes) + " values");
    }
    attach(*node, weight);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  /// After a fault: what is open ends there.
  void close_all() {
    while (!stack_.empty()) {
      close();
    }
  }
  /// The scalar that a quote left open at the end of the text would be.
  [[nodiscard]] const Node* last_quoted() const noexcept { return last_quoted_; }

private:
  struct Open {
    Node* node;
    YAML::anchor_t anchor;
    std::uint64_t weight;
  };
  struct Anchored {
    const Node* node;
    std::uint64_t weight;  ///< nodes when written out in full
  };

  static std::uint64_t saturating_add(std::uint64_t left, std::uint64_t right) {
    return left > UINT64_MAX - right ? UINT64_MAX : left + right;
  }
  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      refuse(mark, "yaml-tag", "the tag " + escape(tag, 64) + " has no meaning here; remove it");
    }
  }
  Node& make(Node::Kind kind, const YAML::Mark& mark) {
    if (++count_ > max_nodes) {
      refuse(mark, "too-large", "more than " + std::to_string(max_nodes) + " values in one file");
    }
    return document_.add(kind, to_mark(mark));
  }
  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(mark, tag);
    if (stack_.size() >= max_nesting) {
      refuse(mark, "too-large", "values are nested deeper than " + std::to_string(max_nesting));
    }
    stack_.push_back({&make(kind, mark), anchor, 1});
  }
  void close() {
    const Open done = stack_.back();
    stack_.pop_back();
    finish(*done.node, done.anchor, done.weight);
  }
  void finish(const Node& node, YAML::anchor_t anchor, std::uint64_t weight) {
    if (anchor != YAML::NullAnchor) {
      anchors_.insert_or_assign(anchor, Anchored{&node, weight});
    }
    attach(node, weight);
  }
  void attach(const Node& node, std::uint64_t weight) {
    if (stack_.empty()) {
      document_.set_root(&node);
      return;
    }
    stack_.back().node->children.push_back(&node);
    stack_.back().weight = saturating_add(stack_.back().weight, weight);
  }

  Document& document_;
  std::vector<Open> stack_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::uint64_t alias_nodes_ = 0;
  const Node* last_quoted_ = nullptr;
  std::size_t count_ = 0;
  bool started_ = false;
};

/// yaml-cpp takes the end of the text for a closing quote, so that half a file would pass for a whole one.
bool is_left_open(std::string_view scalar) {
  if (scalar.starts_with('&')) {
    scalar.remove_prefix(std::min(scalar.find_first_of(" \t\n"), scalar.size()));
    scalar.remove_prefix(std::min(scalar.find_first_not_of(" \t\r\n"), scalar.size()));
  }
  if (scalar.empty() || (scalar.front() != '"' && scalar.front() != '\'')) {
    return false;  // a block scalar
  }
  const char quote = scalar.front();
  for (std::size_t i = 1; i < scalar.size(); ++i) {
    if (quote == '"' && scalar[i] == '\\') {
      ++i;
    } else if (scalar[i] == quote) {
      if (quote == '"' || i + 1 == scalar.size() || scalar[i + 1] != quote) {
        return false;
      }
      ++i;
    }
  }
  return true;
}

Mark mark_of_byte(std::string_view text, std::size_t position) {
  const std::string_view before = text.substr(0, position);
  const auto line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t start = before.rfind('\n');
  return {line, static_cast<std::uint32_t>(start == std::string_view::npos ? position : position - start - 1) + 1};
}

/// YAML allows no control characters but tab, LF and CR, and we read UTF-8 only.
std::optional<Fault> check_bytes(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20U && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7FU) {
      return Fault{mark_of_byte(text, i), "not-text", "a control character or NUL; the file must be UTF-8 text"};
    }
  }
  if (is_valid_utf8(text)) {
    return std::nullopt;
  }
  std::size_t line_start = 0;
  while (line_start < text.size()) {
    const std::size_t line_end = std::min(text.find('\n', line_start), text.size());
    if (!is_valid_utf8(text.substr(line_start, line_end - line_start))) {
      break;
    }
    line_start = line_end + 1;
  }
  return Fault{mark_of_byte(text, line_start), "not-text",
               "bytes that are not UTF-8 in this line; save the file as UTF-8"};
}

}  // namespace

Document Document::parse(std::string name, std::string text) {
  Document document(std::move(name));
  document.text_ = std::move(text);
  document.read();
  if (document.fault_) {
    document.root_ = nullptr;
  }
  return document;
}

Document Document::parse_beginning(std::string name, std::string text) {
  Document document(std::move(name));
  document.text_ = std::move(text);
  document.read();
  document.fault_.reset();
  return document;
}

void Document::read() {
  if (text_.size() > max_file_bytes) {
    fault_ = Fault{{}, "too-large", "the file is larger than 4 MiB"};
    return;
  }
  if (text_.starts_with("\xEF\xBB\xBF")) {
    text_.erase(0, 3);
  }
  fault_ = check_bytes(text_);
  if (fault_) {
    return;
  }
  ViewBuffer buffer(text_);
  std::istream stream(&buffer);
  Builder builder(*this);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    if (builder.last_quoted() != nullptr && is_left_open(text_at(text_, builder.last_quoted()->mark))) {
      fault_ =
          Fault{builder.last_quoted()->mark, "yaml-syntax", "not valid YAML: the quote that begins here is not closed"};
    }
  } catch (const Refused& refused) {
    fault_ = refused.fault;
    builder.close_all();
  } catch (const YAML::Exception& failure) {
    fault_ = Fault{to_mark(failure.mark), "yaml-syntax",
                   "not valid YAML: " + escape(failure.msg, 200) + usual_cause(text_, to_mark(failure.mark))};
    builder.close_all();
  }
}

bool Document::has_comment_for_value(Mark key) const {
  const std::string_view line = line_at(text_, key);
  const std::size_t colon = line.find(':', std::min<std::size_t>(key.column - 1, line.size()));
  const std::size_t next = colon == std::string_view::npos ? colon : line.find_first_not_of(" \t", colon + 1);
  return next != std::string_view::npos && line[next] == '#';
}

Node& Document::add(Node::Kind kind, Mark mark, std::string text) {
  Node& node = nodes_.emplace_back();
  node.kind = kind;
  node.mark = mark;
  node.text = std::move(text);
  return node;
}

std::size_t Document::column(Mark mark) const {
  if (mark.line == 0 || text_.empty()) {
    return mark.column;
  }
  const std::string_view after = text_at(text_, mark);
  const std::string_view all = text_;
  const std::size_t length = std::min<std::size_t>(mark.column - 1, all.size() - after.size());
  const std::string_view before = all.substr(all.size() - after.size() - length, length);
  const auto starts_character = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(before.begin(), before.end(), starts_character)) + 1;
}

}  // namespace adapter::config
