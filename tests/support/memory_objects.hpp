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

#include "adapter/publish/publisher.hpp"
#include "adapter/store/store.hpp"

namespace adapter::testing {

/// One path of a commit, as a test writes it down.
struct MemoryFile {
  std::string path;
  std::string bytes;
  store::EntryKind kind = store::EntryKind::file;
};

/// Objects in memory, under ids that depend on their content. Fill it first; its readers may then be used on any
/// thread.
class MemoryObjects {
public:
  ObjectId add_blob(std::string bytes) {
    const ObjectId id = id_of("blob", bytes);
    blobs_.insert_or_assign(id, std::move(bytes));
    return id;
  }

  ObjectId add_tree(std::vector<store::TreeEntry> entries) {
    std::string text;
    for (const store::TreeEntry& entry : entries) {
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

  [[nodiscard]] publish::ReaderFactory readers() const {
    return [this] { return std::make_unique<Reader>(*this); };
  }

  /// Called before each blob is given out, on the thread that asks; for tests that stop or fail in the middle.
  std::function<void(const ObjectId&)> before_blob;

private:
  struct Folder {
    std::vector<MemoryFile> files;
    std::map<std::string, Folder> folders;
  };

  class Reader final : public store::ObjectReader {
  public:
    explicit Reader(const MemoryObjects& objects) : objects_(objects) {}
    ObjectId commit_tree(const ObjectId& commit) override { return find(objects_.commits_, commit); }
    std::vector<store::TreeEntry> tree(const ObjectId& id, const std::stop_token&) override {
      return find(objects_.trees_, id);
    }
    void read_blob(const ObjectId& id, const std::stop_token&, const store::BytesVisitor& visit) override {
      if (objects_.before_blob) {
        objects_.before_blob(id);
      }
      visit(find(objects_.blobs_, id));
    }
    std::uint64_t blob_size_bytes(const ObjectId& id) override { return find(objects_.blobs_, id).size(); }

  private:
    template <class Map>
    static const typename Map::mapped_type& find(const Map& map, const ObjectId& id) {
      const auto found = map.find(id);
      if (found == map.end()) {
        throw Error(ErrorClass::corrupt, "object " + id.to_hex() + " is missing");
      }
      return found->second;
    }
    const MemoryObjects& objects_;
  };

  ObjectId add_folder(const Folder& folder) {
    std::vector<store::TreeEntry> entries;
    for (const MemoryFile& file : folder.files) {
      const bool empty = file.kind == store::EntryKind::submodule;
      entries.push_back(
          store::TreeEntry{file.path, empty ? id_of("submodule", file.path) : add_blob(file.bytes), file.kind});
    }
    for (const auto& [name, below] : folder.folders) {
      entries.push_back(store::TreeEntry{name, add_folder(below), store::EntryKind::folder});
    }
    std::sort(entries.begin(), entries.end(),
              [](const store::TreeEntry& a, const store::TreeEntry& b) { return a.name < b.name; });
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
  std::unordered_map<ObjectId, std::vector<store::TreeEntry>> trees_;
  std::unordered_map<ObjectId, ObjectId> commits_;
};

}  // namespace adapter::testing
