// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/publish/tree_source.hpp"

namespace adapter::testing {

/// One path of a commit, as a test writes it down; a folder is an empty one.
struct MemoryFile {
  std::string path;
  std::string bytes;
  publish::EntryKind kind = publish::EntryKind::file;
};

/// Trees in memory, under ids that depend on their content. Fill it first; its sources may then be used on any thread.
class MemoryTrees {
public:
  ObjectId add_blob(std::string bytes) {
    const ObjectId id = blob_id ? blob_id(bytes) : id_of("blob", bytes);
    blobs_.insert_or_assign(id, std::move(bytes));
    return id;
  }

  ObjectId add_tree(std::vector<publish::TreeEntry> entries) {
    std::string text;
    for (const publish::TreeEntry& entry : entries) {
      text += entry.name + '\0' + entry.id.to_hex() + std::to_string(static_cast<int>(entry.kind)) + '\n';
    }
    const ObjectId id = id_of("tree", text);
    trees_.insert_or_assign(id, std::move(entries));
    return id;
  }

  ObjectId add_commit(const ObjectId& tree, const std::string& salt = std::string()) {
    const ObjectId id = id_of("commit", tree.to_hex() + salt);
    commits_.insert_or_assign(id, tree);
    return id;
  }

  ObjectId commit(const std::vector<MemoryFile>& files, const std::string& salt = std::string()) {
    Folder root;
    for (const MemoryFile& file : files) {
      Folder* folder = &root;
      std::string_view rest = file.path;
      for (std::size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
        folder = &folder->folders[std::string(rest.substr(0, slash))];
        rest.remove_prefix(slash + 1);
      }
      folder->files.push_back(MemoryFile{std::string(rest), file.bytes, file.kind});
    }
    return add_commit(add_folder(root), salt);
  }

  [[nodiscard]] std::shared_ptr<const publish::TreeSource> source(const ObjectId& commit) const {
    return std::make_shared<Source>(*this, commit);
  }

  /// Makes the id of a blob that is added; for tests that need the one which git gives it.
  std::function<ObjectId(std::string_view)> blob_id;
  /// Called before each blob is given out, on the thread that asks; for tests that stop or fail in the middle.
  std::function<void(const ObjectId&)> before_blob;

private:
  /// Content arrives in pieces of at most this.
  static constexpr std::size_t piece_bytes = 9 * mib;

  struct Folder {
    std::vector<MemoryFile> files;
    std::map<std::string, Folder> folders;
  };

  class Source final : public publish::TreeSource {
  public:
    Source(const MemoryTrees& trees, const ObjectId& commit) : trees_(trees), commit_(commit) {}
    [[nodiscard]] const ObjectId& commit() const noexcept override { return commit_; }
    [[nodiscard]] std::unique_ptr<publish::TreeReader> reader() const override {
      return std::make_unique<Reader>(trees_, commit_);
    }

  private:
    const MemoryTrees& trees_;
    ObjectId commit_;
  };

  class Reader final : public publish::TreeReader {
  public:
    Reader(const MemoryTrees& trees, const ObjectId& commit) : trees_(trees), commit_(commit) {}
    ObjectId root() override { return find(trees_.commits_, commit_); }
    void list(const std::string&, const ObjectId& id, const std::stop_token&,
              const publish::EntryVisitor& visit) override {
      for (const publish::TreeEntry& entry : find(trees_.trees_, id)) {
        visit(entry);
      }
    }
    void read(const ObjectId& id, publish::EntryKind, const std::stop_token&, publish::ContentSink& sink) override {
      if (trees_.before_blob) {
        trees_.before_blob(id);
      }
      const std::string& bytes = find(trees_.blobs_, id);
      sink.begin(bytes.size());
      for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        sink.write(std::string_view(bytes).substr(at, piece_bytes));
      }
    }

  private:
    template <class Map>
    static const typename Map::mapped_type& find(const Map& map, const ObjectId& id) {
      const auto found = map.find(id);
      if (found == map.end()) {
        throw Error(ErrorClass::corrupt, "object " + id.to_hex() + " is missing");
      }
      return found->second;
    }
    const MemoryTrees& trees_;
    ObjectId commit_;
  };

  ObjectId add_folder(const Folder& folder) {
    std::vector<publish::TreeEntry> entries;
    for (const MemoryFile& file : folder.files) {
      const bool is_folder = file.kind == publish::EntryKind::folder;
      entries.push_back(publish::TreeEntry{file.path, is_folder ? add_tree({}) : add_blob(file.bytes), file.kind});
    }
    for (const auto& [name, below] : folder.folders) {
      entries.push_back(publish::TreeEntry{name, add_folder(below), publish::EntryKind::folder});
    }
    const auto git_name = [](const publish::TreeEntry& entry) {
      return entry.kind == publish::EntryKind::folder ? entry.name + "/" : entry.name;
    };
    std::sort(entries.begin(), entries.end(),
              [&](const publish::TreeEntry& a, const publish::TreeEntry& b) { return git_name(a) < git_name(b); });
    return add_tree(std::move(entries));
  }

  static ObjectId id_of(std::string_view type, std::string_view text) {
    std::array<std::uint8_t, ObjectId::size_bytes> bytes{};
    std::uint64_t sum = 0xcbf29ce484222325ULL;
    const auto mix = [&sum](std::string_view part) {
      for (const char c : part) {
        sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
      }
    };
    mix(type);
    mix(text);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(sum >> 56U);
      sum = sum * 0x5851F42D4C957F2DULL + 0x14057B7EF767814FULL;
    }
    return ObjectId(bytes);
  }

  std::unordered_map<ObjectId, std::string> blobs_;
  std::unordered_map<ObjectId, std::vector<publish::TreeEntry>> trees_;
  std::unordered_map<ObjectId, ObjectId> commits_;
};

}  // namespace adapter::testing
