// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/base/error.hpp"
#include "objects.hpp"

/// Objects in memory; an id is a counter, since nothing here hashes.
class MemorySource final : public adapter::store::ObjectSource {
public:
  adapter::ObjectId add(adapter::store::ObjectType type, std::string bytes) {
    std::array<std::uint8_t, 20> id{};
    ++last_;
    for (std::size_t at = 0; at < 4; ++at) {
      id[at] = static_cast<std::uint8_t>(last_ >> (8 * at));
    }
    id[19] = 1;
    const adapter::ObjectId name{std::span<const std::uint8_t, 20>(id)};
    objects_[name] = {type, std::move(bytes)};
    return name;
  }
  adapter::ObjectId blob(std::string bytes) { return add(adapter::store::ObjectType::blob, std::move(bytes)); }
  adapter::ObjectId tree(std::string bytes) { return add(adapter::store::ObjectType::tree, std::move(bytes)); }
  adapter::ObjectId commit(const adapter::ObjectId& tree_id, std::string_view parents = "") {
    return add(adapter::store::ObjectType::commit,
               "tree " + tree_id.to_hex() + "\n" + std::string(parents) + "author a <a> 1 +0000\n");
  }
  void remove(const adapter::ObjectId& id) { objects_.erase(id); }

  std::optional<adapter::store::ObjectHeader> header(const adapter::ObjectId& id) override {
    ++headers;
    if (on_header) {
      on_header();
    }
    const auto found = objects_.find(id);
    if (found == objects_.end()) {
      return std::nullopt;
    }
    const std::uint64_t size = sizes.contains(id) ? sizes[id] : found->second.second.size();
    const std::uint64_t chain = chains.contains(id) ? chains[id] : size;
    return adapter::store::ObjectHeader{found->second.first, size, chain, size};
  }
  std::optional<std::string_view> read(const adapter::ObjectId& id, adapter::store::ObjectType type,
                                       std::uint64_t limit_bytes) override {
    ++reads;
    if (on_read) {
      on_read();
    }
    const auto found = objects_.find(id);
    if (found == objects_.end()) {
      return std::nullopt;
    }
    if (found->second.first != type) {
      throw adapter::Error(adapter::ErrorClass::corrupt, "wrong type");
    }
    if (found->second.second.size() > limit_bytes) {
      throw adapter::Error(adapter::ErrorClass::limit, "too large");
    }
    last_read_ = found->second.second;  // as in the real one, the view before ends here
    return last_read_;
  }
  bool visit(const adapter::ObjectId& id, adapter::store::ObjectType type, std::uint64_t limit_bytes,
             const std::stop_token&, const adapter::store::BytesVisitor& visitor) override {
    const auto bytes = read(id, type, limit_bytes);
    if (bytes) {
      const std::string copy(*bytes);  // a visitor may read small objects
      visitor(copy);
    }
    return bytes.has_value();
  }

  std::map<adapter::ObjectId, std::uint64_t> sizes;   ///< sizes that headers lie about
  std::map<adapter::ObjectId, std::uint64_t> chains;  ///< bytes that reading an object unfolds, where not its own
  std::function<void()> on_header;
  std::function<void()> on_read;
  int headers = 0;
  int reads = 0;

private:
  std::map<adapter::ObjectId, std::pair<adapter::store::ObjectType, std::string>> objects_;
  std::uint32_t last_ = 0;
  std::string last_read_;
};

inline std::string entry(const std::string& mode, const std::string& name, const adapter::ObjectId& id) {
  std::string text = mode + " " + name;
  text.push_back('\0');
  for (const std::uint8_t byte : id.bytes()) {
    text.push_back(static_cast<char>(byte));
  }
  return text;
}
