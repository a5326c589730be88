// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/publish/tree_source.hpp"

namespace adapter::testing {

/// Keeps what a reader hands over; a test failure when it breaks the order of calls.
class StringSink final : public publish::ContentSink {
public:
  ~StringSink() override { EXPECT_EQ(bytes.size(), size_bytes_); }
  void begin(std::uint64_t size_bytes) override {
    EXPECT_FALSE(std::exchange(begun_, true));
    size_bytes_ = size_bytes;
  }
  void write(std::string_view more) override {
    EXPECT_TRUE(begun_);
    bytes += more;
  }

  std::string bytes;

private:
  bool begun_ = false;
  std::uint64_t size_bytes_ = 0;
};

inline void walk_folder(publish::TreeReader& reader, const std::string& path, const ObjectId& id,
                        std::vector<std::string>& found) {
  static constexpr const char* kinds[] = {"file", "executable", "symlink", "folder"};
  reader.list(path, id, {}, [&](const publish::TreeEntry& entry) {
    const std::string where = path.empty() ? entry.name : path + "/" + entry.name;
    std::string line = std::string(kinds[static_cast<int>(entry.kind)]) + " " + where;
    if (entry.kind == publish::EntryKind::folder) {
      found.push_back(std::move(line));
      walk_folder(reader, where, entry.id, found);
      return;
    }
    StringSink sink;
    reader.read(entry.id, entry.kind, {}, sink);
    found.push_back(line + " " + sink.bytes);
  });
}

/// "kind path content" of each entry, depth first, each folder in the source's order.
inline std::vector<std::string> walk_tree(const publish::TreeSource& source) {
  std::vector<std::string> found;
  const std::unique_ptr<publish::TreeReader> reader = source.reader();
  walk_folder(*reader, "", reader->root(), found);
  return found;
}

}  // namespace adapter::testing
