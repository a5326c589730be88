// SPDX-License-Identifier: Apache-2.0
#include "reader.hpp"

#include <array>
#include <utility>

#include "object_database.hpp"

namespace adapter::store {
namespace {

class Alive {
public:
  explicit Alive(std::shared_ptr<ReaderState> state) : state_(std::move(state)) { state_->alive.fetch_add(1); }
  ~Alive() { state_->alive.fetch_sub(1); }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
  [[nodiscard]] ReaderState& state() noexcept { return *state_; }

private:
  std::shared_ptr<ReaderState> state_;
};

class PackReader final : public ObjectReader {
  template <class Work>
  auto guarded(Work work) {
    try {
      return work();
    } catch (const Error& error) {
      if (error.error_class() == ErrorClass::corrupt) {
        alive_.state().suspect.store(true);
      }
      throw;
    }
  }

public:
  PackReader(const Layout& layout, const std::shared_ptr<ReaderState>& state, const Limits& limits)
      : alive_(state), folders_{layout.objects}, objects_(folders_), limits_(limits) {}

  ObjectId commit_tree(const ObjectId& commit) override {
    return guarded([&] {
      const auto bytes = objects_.read(commit, ObjectType::commit, max_commit_or_tag_bytes);
      if (!bytes) {
        throw missing(commit, ObjectType::commit);
      }
      const auto links = parse_commit(*bytes);
      if (!links) {
        throw Error(ErrorClass::corrupt, "the commit " + commit.to_hex() + " is malformed");
      }
      return links->tree;
    });
  }

  std::vector<TreeEntry> tree(const ObjectId& id, const std::stop_token& stop) override {
    return guarded([&] {
      std::vector<TreeEntry> entries;
      visit(id, ObjectType::tree, stop, [&](std::string_view bytes) { entries = entries_of(id, bytes, stop); });
      return entries;
    });
  }

  void read_blob(const ObjectId& id, const std::stop_token& stop, const BytesVisitor& visitor) override {
    guarded([&] { visit(id, ObjectType::blob, stop, visitor); });
  }

  std::uint64_t blob_size_bytes(const ObjectId& id) override {
    return guarded([&] {
      const auto header = objects_.header(id);
      if (!header || header->type != ObjectType::blob) {
        throw Error(ErrorClass::corrupt, "the blob " + id.to_hex() + " is missing");
      }
      return header->size_bytes;
    });
  }

private:
  static std::vector<TreeEntry> entries_of(const ObjectId& id, std::string_view bytes, const std::stop_token& stop) {
    std::vector<TreeEntry> entries;
    TreeCursor cursor(bytes);
    RawEntry entry;
    auto step = cursor.next(entry);
    for (; step == TreeCursor::Step::entry; step = cursor.next(entry)) {
      look_at_stop(stop, entries.size(), "reading a tree");
      const auto kind = kind_of_mode(entry.mode);
      if (!kind) {
        throw Error(ErrorClass::corrupt, "the tree " + id.to_hex() + " has an entry of an unknown mode");
      }
      entries.push_back({std::string(entry.name), entry.id, *kind});
    }
    if (step == TreeCursor::Step::malformed) {
      throw Error(ErrorClass::corrupt, "the tree " + id.to_hex() + " is malformed");
    }
    return entries;
  }

  void visit(const ObjectId& id, ObjectType type, const std::stop_token& stop, const BytesVisitor& visitor) {
    if (!objects_.visit(id, type, limits_.max_object_bytes, stop, visitor)) {
      throw missing(id, type);
    }
  }

  static Error missing(const ObjectId& id, ObjectType type) {
    return {ErrorClass::corrupt, "the " + std::string(to_string(type)) + " " + id.to_hex() + " is missing"};
  }

  Alive alive_;
  std::array<std::filesystem::path, 1> folders_;
  ObjectDatabase objects_;
  Limits limits_;
};

}  // namespace

std::unique_ptr<ObjectReader> make_reader(const Layout& layout, const std::shared_ptr<ReaderState>& state,
                                          const Limits& limits) {
  try {
    return std::make_unique<PackReader>(layout, state, limits);
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::corrupt) {
      state->suspect.store(true);
    }
    throw;
  }
}

}  // namespace adapter::store
