// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "repository_jobs.hpp"
#include "store_support.hpp"

using adapter::ObjectId;
using adapter::store::Tip;

namespace {

class StoreHousekeep : public StoreTest {
protected:
  std::string noise(std::size_t size) {
    std::uniform_int_distribution<int> byte(32, 126);
    std::string bytes(size, ' ');
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(byte(random)); });
    return bytes;
  }

  void fill() {
    for (int file = 0; file < 200; ++file) {
      origin.write("folder" + std::to_string(file % 9) + "/file" + std::to_string(file), noise(1500));
    }
    std::string text;
    for (int line = 0; line < 500; ++line) {
      text += noise(40) + "\n";
    }
    origin.write("text", text);
  }

  ObjectId change(int step) {
    const std::string path = "folder" + std::to_string(step % 9) + "/file" + std::to_string(step * 7 % 200);
    origin.write(path, noise(1500));
    std::string text = read_whole(origin.path() / "text");
    text.insert(text.size() / 2, "step " + std::to_string(step) + "\n");
    origin.write("text", text);
    return origin.commit("step " + std::to_string(step));
  }

  /// `updates` updates of a follower, each with the haves and the boundary that it would send; the largest number of
  /// packs seen.
  std::size_t follow(std::uint32_t depth, int updates) {
    Tip tip;
    tip.ref = "refs/heads/main";
    tip.depth = depth;
    tip.id = origin.commit("first");
    ObjectId held = tip.id;
    const std::string wire = depth == 0 ? "" : "--shallow " + tip.id.to_hex() + "\n";
    if (depth != 0) {
      tip.shallow = {tip.id};
    }
    ingest(origin.pack(wire + tip.id.to_hex(), depth == 0 ? "" : "--shallow"), tip);
    fresh_bytes = store->disk_bytes();
    std::size_t most = 0;
    for (int step = 0; step < updates; ++step) {
      tip.shallow.clear();
      tip.id = change(step);
      std::string revisions;
      for (const ObjectId& id : store->haves().shallow) {
        revisions += "--shallow " + id.to_hex() + "\n";
      }
      revisions += tip.id.to_hex() + "\n^" + held.to_hex();
      ingest(origin.pack(revisions, depth == 0 ? "--thin" : "--thin --shallow"), tip);
      held = tip.id;
      await(store->housekeep());
      most = std::max(most, pack_count());
      if (step % 40 == 39) {
        expect_sound();
      }
    }
    EXPECT_EQ(listing(tip.id), origin.git("ls-tree -r HEAD"));
    EXPECT_EQ(kept_git("rev-parse HEAD"), tip.id.to_hex() + "\n");
    expect_sound();
    return most;
  }

  std::uint64_t fresh_bytes = 0;
};

TEST_F(StoreHousekeep, AShallowFollowerStaysSmall) {
  fill();
  open();
  const char* wanted = std::getenv("ADAPTER_TEST_UPDATES");
  EXPECT_LE(follow(1, wanted != nullptr ? std::atoi(wanted) : 50), 20U);
  EXPECT_LT(store->disk_bytes(), fresh_bytes * 3);
  EXPECT_LE(store->haves().shallow.size(), 2U);
}

TEST_F(StoreHousekeep, ADeeperFollowerKeepsItsDepth) {
  fill();
  open();
  follow(3, 25);
  // Its own three, and what the two tips before it still hold.
  const int count = std::stoi(kept_git("rev-list --count HEAD"));
  EXPECT_GE(count, 3);
  EXPECT_LE(count, 5);
  EXPECT_LT(store->disk_bytes(), fresh_bytes * 3);
}

TEST_F(StoreHousekeep, AFullFollowerLosesNothing) {
  fill();
  open();
  EXPECT_LE(follow(0, 25), 20U);
  EXPECT_EQ(kept_git("rev-list --count HEAD"), "26\n");
}

/// git makes the smaller version a delta of the larger one: with a file that shrinks each commit is one further.
TEST_F(StoreHousekeep, MergingKeepsChainsOfDeltasShort) {
  std::string text = noise(60'000);
  origin.write("list", text);
  open();
  Tip tip;
  tip.ref = "refs/heads/main";
  tip.depth = 0;
  tip.id = origin.commit("first");
  ingest(origin.pack(tip.id.to_hex()), tip);
  std::uniform_int_distribution<std::size_t> grown(0, 30);
  constexpr int updates = 200;
  for (int step = 0; step < updates; ++step) {
    const ObjectId held = tip.id;
    text.erase(text.size() / 2, 150);
    if (step % 20 == 19) {
      text += noise(grown(random));
    }
    origin.write("list", text);
    tip.id = origin.commit("shrink");
    ingest(origin.pack(tip.id.to_hex() + "\n^" + held.to_hex(), "--thin"), tip);
    await(store->housekeep());
  }
  std::size_t longest = 0;
  const std::string lines =
      run_command("git verify-pack -v '" + directory().native() + "'/repo.git/objects/pack/*.idx | grep '^chain'");
  for (std::size_t at = lines.find("= "); at != std::string::npos; at = lines.find("= ", at + 1)) {
    longest = std::max<std::size_t>(longest, std::stoul(lines.substr(at + 2)));
  }
  EXPECT_GE(longest, 10U) << lines;
  EXPECT_LE(longest, 60U) << lines;
  // All versions whole are more than 5 MB.
  EXPECT_LT(store->disk_bytes(), 2'500'000U);
  EXPECT_EQ(kept_git("rev-list --count HEAD"), std::to_string(updates + 1) + "\n");
  EXPECT_EQ(listing(tip.id), origin.git("ls-tree -r HEAD"));
  expect_sound();
}

TEST_F(StoreHousekeep, NothingIsRemovedWhileSomebodyReads) {
  fill();
  open();
  const ObjectId first = origin.commit("one");
  ingest(origin.pack("HEAD"), first);
  const auto reader = store->reader();
  ObjectId held = first;
  for (int step = 0; step < 20; ++step) {
    const ObjectId next = change(step);
    ingest(origin.pack(next.to_hex() + "\n^" + held.to_hex(), "--thin"), next);
    held = next;
    await(store->housekeep());
  }
  EXPECT_EQ(pack_count(), 21U);
  EXPECT_EQ(reader->commit_tree(first).to_hex(), origin.git("rev-parse " + first.to_hex() + "^{tree}"));
}

TEST_F(StoreHousekeep, ARepositoryThatShrankGivesItsSpaceBack) {
  origin.write("large", noise(3'000'000));
  origin.write("small", noise(100));
  open();
  Tip tip;
  tip.ref = "refs/heads/main";
  tip.id = origin.commit("large");
  tip.shallow = {tip.id};
  ingest(origin.pack("--shallow " + tip.id.to_hex() + "\n" + tip.id.to_hex(), "--shallow"), tip);
  const std::uint64_t before = store->disk_bytes();
  std::filesystem::remove(origin.path() / "large");
  for (int step = 0; step < 20; ++step) {
    origin.write("small", noise(100));
    const ObjectId held = tip.id;
    tip.id = origin.commit("small");
    tip.shallow.clear();
    ingest(
        origin.pack("--shallow " + held.to_hex() + "\n" + tip.id.to_hex() + "\n^" + held.to_hex(), "--thin --shallow"),
        tip);
    await(store->housekeep());
  }
  EXPECT_LT(store->disk_bytes(), before / 10);
  expect_sound();
}

/// Each update brings one object, as commits without changes do.
TEST_F(StoreHousekeep, PacksOfOneObjectAreMerged) {
  origin.write("file", "content");
  open();
  ObjectId held = origin.commit("first");
  ingest(origin.pack("HEAD"), held);
  for (int step = 0; step < 12; ++step) {
    const ObjectId next = origin.commit("step " + std::to_string(step));
    ingest(origin.pack(next.to_hex() + "\n^" + held.to_hex(), "--thin"), next);
    held = next;
  }
  EXPECT_EQ(pack_count(), 13U);
  await(store->housekeep());
  EXPECT_LE(pack_count(), 2U);
  EXPECT_EQ(kept_git("rev-list --count HEAD"), "13\n");
  expect_sound();
}

TEST_F(StoreHousekeep, AWalkThatIsCancelledChangesNothing) {
  for (const std::uint32_t depth : {0U, 1U}) {
    fill();
    open();
    Tip tip;
    tip.ref = "refs/heads/main";
    tip.depth = depth;
    for (int step = 0; step < 25; ++step) {
      const ObjectId held = tip.id;
      tip.id = change(step);
      const bool first = step == 0;
      ingest(origin.pack(tip.id.to_hex() + (first ? "" : "\n^" + held.to_hex()), "--thin"), tip);
    }
    const std::size_t packs = pack_count();
    std::stop_source stop;
    const auto stop_before_the_walk = [&] {
      stop.request_stop();
      return true;
    };
    const adapter::store::Layout layout(directory());
    try {
      static_cast<void>(adapter::store::housekeep_repository(layout, stop_before_the_walk, stop.get_token()));
      ADD_FAILURE() << "it was not cancelled";
    } catch (const adapter::Error& error) {
      EXPECT_EQ(error.error_class(), adapter::ErrorClass::cancelled) << error.text();
    }
    EXPECT_EQ(pack_count(), packs);
    expect_sound();
    std::filesystem::remove_all(directory());
  }
}

/// Tips that were kept after it and could not be published do not push it out.
TEST_F(StoreHousekeep, WhatIsPublishedStaysWhateverIsKeptAfterIt) {
  open();
  fill();
  Tip tip;
  tip.ref = "refs/heads/main";
  tip.id = origin.commit("published");
  tip.shallow = {tip.id};
  const ObjectId published = tip.id;
  const std::string listed = origin.git("ls-tree -r HEAD");
  ingest(origin.pack("--shallow " + tip.id.to_hex() + "\n" + tip.id.to_hex(), "--shallow"), tip);
  std::size_t before = 0;
  bool merged = false;
  for (int step = 0; step < 12; ++step) {
    tip.id = change(step);
    tip.shallow = {tip.id};
    tip.published = step < 6 ? std::optional(published) : std::nullopt;  // what is not told stays as it was
    ingest(origin.pack("--shallow " + tip.id.to_hex() + "\n" + tip.id.to_hex(), "--shallow"), tip);
    before = pack_count();
    await(store->housekeep());
    merged = merged || pack_count() < before;
    const auto& tips = store->haves().tips;
    EXPECT_NE(std::find(tips.begin(), tips.end(), published), tips.end());
  }
  EXPECT_TRUE(merged);
  EXPECT_EQ(listing(published), listed);
  expect_sound();
  open();  // and after a start
  ASSERT_TRUE(await(store->verify(published)));
  tip.id = change(12);
  tip.shallow = {tip.id};
  tip.published = origin.hash_object_name("nothing");  // not held: it replaces nothing
  ingest(origin.pack("--shallow " + tip.id.to_hex() + "\n" + tip.id.to_hex(), "--shallow"), tip);
  EXPECT_TRUE(await(store->verify(published)));
}

}  // namespace
