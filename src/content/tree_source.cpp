// SPDX-License-Identifier: Apache-2.0
#include "adapter/content/tree_source.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/base/error.hpp"
#include "adapter/base/text.hpp"

namespace adapter::content {
namespace {

const ObjectId& empty_tree() {
  static const ObjectId id = ObjectId::from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904").value();
  return id;
}

Error beyond(std::string_view what, std::uint64_t limit, std::string_view unit, std::string_view key) {
  return {ErrorClass::limit, std::string(what) + " more than " + std::to_string(limit) + " " + std::string(unit) +
                                 " (limits: " + std::string(key) + ")"};
}

/// Counts what all readers of one source read. Any thread.
class TreeTotals {
public:
  explicit TreeTotals(const Limits& limits) : limits_(limits) {}

  void add_path() {
    if (paths_.fetch_add(1) >= limits_.max_paths) {
      throw beyond("the tree has", limits_.max_paths, "paths", "max_paths");
    }
  }
  void add_bytes(std::uint64_t count) {
    if (bytes_.fetch_add(count) + count > limits_.max_tree_bytes) {
      throw beyond("the files of the tree have", limits_.max_tree_bytes, "bytes", "max_tree_bytes");
    }
  }

private:
  const Limits limits_;
  std::atomic<std::uint64_t> paths_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

class CommitReader final : public publish::TreeReader {
public:
  CommitReader(const ObjectId& commit, std::unique_ptr<store::ObjectReader> objects, const TreeOptions& options,
               TreeTotals& totals)
      : commit_(commit), objects_(std::move(objects)), options_(options), totals_(totals) {}

  ObjectId root() override { return objects_->commit_tree(commit_); }

  void list(const std::string& path, const ObjectId& id, const std::stop_token& stop,
            const publish::EntryVisitor& visit) override {
    if (id == empty_tree()) {
      return;  // also stands for a submodule, and the store need not hold it
    }
    for (store::TreeEntry& entry : objects_->tree(id, stop)) {
      totals_.add_path();
      if (entry.kind == store::EntryKind::folder && entry.id == empty_tree()) {
        continue;
      }
      publish::TreeEntry published = as_published(path, entry);
      entry.name = std::string();
      visit(std::move(published));
    }
  }

  void read(const ObjectId& id, publish::EntryKind kind, const std::stop_token& stop,
            publish::ContentSink& sink) override {
    objects_->read_blob(id, stop, [&](std::string_view bytes) {
      if (kind != publish::EntryKind::symlink) {
        totals_.add_bytes(bytes.size());
      }
      sink.begin(bytes.size());
      if (!bytes.empty()) {
        sink.write(bytes);
      }
    });
  }

private:
  [[nodiscard]] publish::TreeEntry as_published(const std::string& folder, store::TreeEntry& entry) const {
    const auto shown_path = [&] { return escape(folder.empty() ? entry.name : folder + "/" + entry.name); };
    publish::TreeEntry published{.name = std::string(), .id = entry.id, .kind = publish::EntryKind::file};
    switch (entry.kind) {
      case store::EntryKind::file:
        break;
      case store::EntryKind::executable:
        published.kind = publish::EntryKind::executable;
        break;
      case store::EntryKind::symlink:
        if (options_.symlinks == SymlinkPolicy::refuse) {
          throw Error(ErrorClass::policy,
                      "the tree has a symbolic link, " + shown_path() + ", and symlinks: refuse does not allow any");
        }
        published.kind = publish::EntryKind::symlink;
        break;
      case store::EntryKind::submodule:
        published.id = empty_tree();
        [[fallthrough]];
      case store::EntryKind::folder:
        if (depth_of(folder) >= options_.limits.max_depth) {
          throw Error(ErrorClass::limit, "folders are nested deeper than " + std::to_string(options_.limits.max_depth) +
                                             " at " + shown_path() + " (limits: max_depth)");
        }
        published.kind = publish::EntryKind::folder;
        break;
    }
    published.name = std::move(entry.name);
    return published;
  }

  static std::uint64_t depth_of(const std::string& folder) {
    return folder.empty() ? 0 : 1 + static_cast<std::uint64_t>(std::count(folder.begin(), folder.end(), '/'));
  }

  ObjectId commit_;
  std::unique_ptr<store::ObjectReader> objects_;
  const TreeOptions& options_;
  TreeTotals& totals_;
};

class CommitSource final : public publish::TreeSource {
public:
  CommitSource(const ObjectId& commit, ReaderFactory readers, const TreeOptions& options)
      : commit_(commit), readers_(std::move(readers)), options_(options), totals_(options.limits) {}

  [[nodiscard]] const ObjectId& commit() const noexcept override { return commit_; }
  [[nodiscard]] std::unique_ptr<publish::TreeReader> reader() const override {
    return std::make_unique<CommitReader>(commit_, readers_(), options_, totals_);
  }

private:
  ObjectId commit_;
  ReaderFactory readers_;
  TreeOptions options_;
  mutable TreeTotals totals_;
};

}  // namespace

std::shared_ptr<const publish::TreeSource> make_tree_source(const ObjectId& commit, ReaderFactory readers,
                                                            const TreeOptions& options) {
  return std::make_shared<CommitSource>(commit, std::move(readers), options);
}

}  // namespace adapter::content
