// SPDX-License-Identifier: Apache-2.0
// What a tree that is small on the wire may take in memory while it is published and checked. An executable of its own:
// it counts every allocation.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "../support/publish_fixture.hpp"

namespace {

std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_bytes{0};

void* allocate(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  const std::size_t added = malloc_usable_size(memory);
  const std::size_t now = live_bytes.fetch_add(added) + added;
  for (std::size_t peak = peak_bytes; now > peak && !peak_bytes.compare_exchange_weak(peak, now);) {
  }
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory != nullptr) {
    live_bytes.fetch_sub(malloc_usable_size(memory));
    std::free(memory);
  }
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete[](void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  give_back(memory);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  give_back(memory);
}

namespace adapter::testing {
namespace {

/// A quarter of the largest tree that the tests are about, so a quarter of what 128 MiB for the whole process leave.
constexpr std::size_t allowed_bytes = 18 * mib;
/// The names and targets that one tree may have.
constexpr std::size_t publish_string_limit = 64 * mib;

/// The most that `action` has allocated at a time, beyond what was there before.
template <class Action>
std::size_t peak_of(Action action) {
  const std::size_t before = live_bytes;
  peak_bytes = before;
  action();
  return peak_bytes - before;
}

/// Publishes, and checks the tree as a start does.
void expect_little_memory(PublishFixture& fixture, const ObjectId& commit) {
  EXPECT_LE(peak_of([&] { fixture.publish(commit); }), allowed_bytes) << "publish";
  EXPECT_LE(peak_of([&] { EXPECT_EQ(fixture.recover().commit, commit); }), allowed_bytes) << "recover";
}

std::vector<publish::TreeEntry> entries(std::size_t count, std::size_t name_bytes, const ObjectId& id,
                                        publish::EntryKind kind) {
  std::vector<publish::TreeEntry> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = std::to_string(1'000'000 + i);
    name.resize(name_bytes, 'n');
    all.push_back({std::move(name), id, kind});
  }
  return all;
}

TEST(MemoryOfATree, OfManyLinksToOneLongTargetIsSmall) {
  PublishFixture fixture;
  const ObjectId target = fixture.trees.add_blob(std::string(4095, 't'));
  const ObjectId tree = fixture.trees.add_tree(entries(10'000, 8, target, publish::EntryKind::symlink));
  expect_little_memory(fixture, fixture.trees.add_commit(tree));
}

TEST(MemoryOfATree, OfManyLongNamesIsSmall) {
  PublishFixture fixture;
  const ObjectId blob = fixture.trees.add_blob("");
  const ObjectId tree = fixture.trees.add_tree(entries(25'000, 250, blob, publish::EntryKind::file));
  expect_little_memory(fixture, fixture.trees.add_commit(tree));
}

TEST(MemoryOfATree, OfManyFoldersWithLongNamesIsSmall) {
  PublishFixture fixture;
  const ObjectId nothing = fixture.trees.add_tree({});
  const ObjectId tree = fixture.trees.add_tree(entries(10'000, 250, nothing, publish::EntryKind::folder));
  expect_little_memory(fixture, fixture.trees.add_commit(tree));
}

TEST(MemoryOfATree, OfMoreNamesThanAreAllowedIsALimit) {
  PublishFixture fixture;
  const ObjectId blob = fixture.trees.add_blob("");
  // The same folder again and again: few bytes in a pack.
  const ObjectId wide = fixture.trees.add_tree(entries(20'000, 250, blob, publish::EntryKind::symlink));
  const ObjectId tree = fixture.trees.add_tree(entries(20, 250, wide, publish::EntryKind::folder));
  Error error(ErrorClass::config, "none");
  EXPECT_LE(peak_of([&] { error = error_of([&] { fixture.publish(fixture.trees.add_commit(tree)); }); }),
            publish_string_limit + 2 * allowed_bytes);
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("64 MiB"), std::string::npos) << error.text();
}

TEST(MemoryOfATree, OfMoreTargetsThanAreAllowedIsALimit) {
  PublishFixture fixture;
  std::vector<publish::TreeEntry> links = entries(17'000, 8, ObjectId(), publish::EntryKind::symlink);
  for (publish::TreeEntry& link : links) {
    link.id = fixture.trees.add_blob(link.name + std::string(4087, 't'));
  }
  const ObjectId commit = fixture.trees.add_commit(fixture.trees.add_tree(std::move(links)));
  Error error(ErrorClass::config, "none");
  EXPECT_LE(peak_of([&] { error = error_of([&] { fixture.publish(commit); }); }),
            publish_string_limit + 2 * allowed_bytes);
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  EXPECT_NE(error.text().find("64 MiB"), std::string::npos) << error.text();
}

}  // namespace
}  // namespace adapter::testing
