// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <chrono>
#include <future>

#include "../support/file_calls.hpp"
#include "store_support.hpp"

using adapter::ErrorClass;
using adapter::ObjectId;
using adapter::store::Tip;

namespace {

class StoreKeep : public StoreTest {
protected:
  void fill(int files) {
    std::uniform_int_distribution<int> byte(32, 126);
    for (int file = 0; file < files; ++file) {
      std::string bytes(static_cast<std::size_t>(200 + file * 37 % 5000), ' ');
      std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(byte(random)); });
      origin.write(
          "folder" + std::to_string(file % 7) + "/deep" + std::to_string(file % 3) + "/file" + std::to_string(file),
          bytes);
    }
  }
};

TEST_F(StoreKeep, EmptyRepositoryIsAValidOne) {
  open();
  EXPECT_EQ(kept_git("rev-parse --is-bare-repository"), "true\n");
  EXPECT_TRUE(store->haves().tips.empty());
  EXPECT_EQ(store->disk_bytes(), 0U);
}

TEST_F(StoreKeep, KeepsAFullHistoryAsGitSeesIt) {
  fill(300);
  origin.commit("one");
  origin.write("a b", "second");
  const ObjectId tip = origin.commit("two");
  open();
  const auto facts = ingest(origin.pack("HEAD"), tip);
  EXPECT_EQ(facts.commit, tip);
  EXPECT_EQ(facts.tree.to_hex(), origin.git("rev-parse HEAD^{tree}"));
  const std::string with_folders = origin.git("ls-tree -r -t HEAD");
  EXPECT_EQ(facts.paths, 1U + static_cast<std::size_t>(std::count(with_folders.begin(), with_folders.end(), '\n')));
  EXPECT_EQ(listing(tip), origin.git("ls-tree -r HEAD"));
  EXPECT_EQ(kept_git("log --format=%s"), "two\none\n");
  EXPECT_EQ(kept_git("symbolic-ref HEAD"), "refs/heads/main\n");
  expect_sound();
  const auto reader = store->reader();
  const ObjectId blob = ObjectId::from_hex(origin.git("rev-parse 'HEAD:a b'")).value();
  reader->read_blob(blob, {}, [](std::string_view bytes) { EXPECT_EQ(bytes, "second"); });
  EXPECT_EQ(reader->blob_size_bytes(blob), 6U);
}

TEST_F(StoreKeep, ReadingATreeLooksAtTheStop) {
  origin.write("a", "1");
  const ObjectId tip = origin.commit("one");
  open();
  ingest(origin.pack("HEAD"), tip);
  const auto reader = store->reader();
  const ObjectId tree = reader->commit_tree(tip);
  std::stop_source stop;
  EXPECT_EQ(reader->tree(tree, stop.get_token()).size(), 1U);
  stop.request_stop();
  try {
    static_cast<void>(reader->tree(tree, stop.get_token()));
    ADD_FAILURE() << "it went on";
  } catch (const adapter::Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::cancelled) << error.text();
  }
}

TEST_F(StoreKeep, AThinPackIsCompletedFromWhatWasKept) {
  fill(50);
  std::string text;
  for (int line = 0; line < 2000; ++line) {
    text += "line " + std::to_string(line * 7919) + "\n";
  }
  origin.write("text", text);
  const ObjectId first = origin.commit("one");
  open();
  ingest(origin.pack("HEAD"), first);
  origin.write("text", text + "more\n");
  const ObjectId second = origin.commit("two");
  ingest(origin.pack(second.to_hex() + "\n^" + first.to_hex(), "--thin"), second);
  EXPECT_EQ(listing(second), origin.git("ls-tree -r HEAD"));
  EXPECT_EQ(kept_git("rev-parse refs/adapter/previous"), first.to_hex() + "\n");
  EXPECT_EQ(store->haves().tips, (std::vector<ObjectId>{second, first}));
  expect_sound();
}

TEST_F(StoreKeep, ATransferThatOutrunsItsWorkersHoldsLessThanAMebibyte) {
  fill(400);
  const ObjectId tip = origin.commit("one");
  const std::string pack = origin.pack("HEAD");
  ASSERT_GT(pack.size(), 600U * 1024);
  open();
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  for (std::size_t i = 0; i < workers.threads(); ++i) {
    workers.post(adapter::async::Lane::work, [released] { released.wait(); });
  }
  std::size_t taken = 0;
  std::unique_ptr<adapter::store::Ingest> transfer = store->begin();
  bool ended = false;
  asio::co_spawn(
      loop,
      [](adapter::store::Ingest& into, std::string_view bytes, std::size_t& count) -> asio::awaitable<void> {
        while (count < bytes.size()) {
          const std::string_view part = bytes.substr(count, 64UL * 1024);
          co_await into.write(part);
          count += part.size();
        }
      }(*transfer, pack, taken),
      [&](const std::exception_ptr& failure) { ended = failure == nullptr; });
  loop.restart();
  loop.poll();
  EXPECT_FALSE(ended);
  EXPECT_LE(taken, 512U * 1024) << "it waits for the workers";
  release.set_value();
  loop.restart();
  loop.run();
  EXPECT_TRUE(ended);
  Tip kept;
  kept.ref = "refs/heads/main";
  kept.id = tip;
  EXPECT_EQ(await(store->accept(std::move(transfer), kept)).commit, tip);
}

TEST_F(StoreKeep, AShallowPackRecordsItsBoundary) {
  fill(20);
  origin.commit("one");
  origin.write("x", "1");
  const ObjectId second = origin.commit("two");
  open();
  Tip tip;
  tip.ref = "refs/heads/main";
  tip.id = second;
  tip.shallow = {second};
  ingest(origin.pack("--shallow " + second.to_hex() + "\n" + second.to_hex(), "--shallow"), tip);
  EXPECT_EQ(kept_git("log --format=%s"), "two\n");
  EXPECT_EQ(store->haves().shallow, std::vector<ObjectId>{second});
  expect_sound();

  // An update whose answer names no boundary: the history must not grow past the depth that is wanted.
  origin.write("x", "2");
  const ObjectId third = origin.commit("three");
  tip.id = third;
  tip.shallow.clear();
  ingest(
      origin.pack("--shallow " + second.to_hex() + "\n" + third.to_hex() + "\n^" + second.to_hex(), "--thin --shallow"),
      tip);
  EXPECT_EQ(store->haves().shallow, std::vector<ObjectId>{second});
  expect_sound();
  origin.write("x", "3");
  const ObjectId fourth = origin.commit("four");
  tip.id = fourth;
  ingest(
      origin.pack("--shallow " + third.to_hex() + "\n" + fourth.to_hex() + "\n^" + third.to_hex(), "--thin --shallow"),
      tip);
  EXPECT_EQ(listing(fourth), origin.git("ls-tree -r HEAD"));
  expect_sound();

  // The volume may be read-only by then.
  adapter::testing::FileCalls::watch();
  open();
  const auto calls = adapter::testing::FileCalls::seen();
  adapter::testing::FileCalls::ignore();
  EXPECT_TRUE(std::none_of(calls.begin(), calls.end(), [](const adapter::testing::FileCall& call) {
    return call.name == "rename" || call.name == "write";
  })) << "a start wrote what the update before it should have written";
  EXPECT_EQ(store->haves().tips, (std::vector<ObjectId>{fourth, third}));
  EXPECT_EQ(store->haves().depth, 1U);
}

TEST_F(StoreKeep, KnowsWhoseTheLastTipIsAcrossStarts) {
  fill(2);
  const ObjectId first = origin.commit("one");
  open();
  Tip tip;
  tip.ref = "refs/heads/main";
  tip.id = first;
  tip.source = "https://git.example.com/one.git main";
  ingest(origin.pack("HEAD"), tip);
  open();
  EXPECT_EQ(store->haves().source, tip.source);
  EXPECT_EQ(store->haves().current_commit, first);
  EXPECT_EQ(store->haves().ref, "refs/heads/main");
  tip.source = "https://git.example.com/two.git main";
  await(store->accept(nullptr, tip));
  open();
  EXPECT_EQ(store->haves().source, tip.source);
  tip.source.clear();
  await(store->accept(nullptr, tip));
  open();
  EXPECT_EQ(store->haves().source, "");
  EXPECT_FALSE(std::filesystem::exists(directory() / "repo.git/adapter-source"));
  expect_sound();
}

TEST_F(StoreKeep, AnAnnotatedTagIsPeeled) {
  fill(3);
  const ObjectId commit = origin.commit("one");
  origin.git("tag -a -m release v1");
  origin.git("tag -a -m nested v1-nested v1");
  const ObjectId tag = ObjectId::from_hex(origin.git("rev-parse v1-nested")).value();
  open();
  Tip tip;
  tip.ref = "refs/tags/v1-nested";
  tip.id = tag;
  tip.depth = 0;
  const auto facts = ingest(origin.pack("v1-nested"), tip);
  EXPECT_EQ(facts.commit, commit);
  EXPECT_EQ(kept_git("rev-parse HEAD"), commit.to_hex() + "\n");
  EXPECT_EQ(kept_git("rev-parse refs/tags/v1-nested"), tag.to_hex() + "\n");
  EXPECT_EQ(kept_git("show-ref -d").find("^{}") != std::string::npos, true);
  expect_sound();
  const auto verified = await(store->verify(tag));
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(verified->commit, commit);
}

TEST_F(StoreKeep, WhatIsHeldNeedsNoTransfer) {
  fill(3);
  const ObjectId first = origin.commit("one");
  origin.write("y", "1");
  const ObjectId second = origin.commit("two");
  open();
  ingest(origin.pack("HEAD"), second);
  Tip back;
  back.ref = "refs/heads/main";
  back.id = first;
  back.depth = 0;
  await(store->accept(nullptr, back));
  EXPECT_EQ(kept_git("log --format=%s"), "one\n");
  EXPECT_EQ(store->haves().tips, (std::vector<ObjectId>{first, second}));
  expect_sound();
  EXPECT_FALSE(await(store->verify(ObjectId::from_hex(std::string(40, 'b')).value())).has_value());
}

TEST_F(StoreKeep, ALostObjectIsCorruptAndNothingIsKept) {
  fill(5);
  const ObjectId tip = origin.commit("one");
  const std::string blobless = origin.pack("HEAD", "--filter=blob:none");
  open();
  const auto error = refusal(blobless, tip);
  EXPECT_EQ(error.error_class(), ErrorClass::corrupt);
  EXPECT_NE(error.text().find("is missing"), std::string::npos) << error.text();
  expect_nothing_kept();
}

TEST_F(StoreKeep, ATransferThatIsDroppedLeavesNothing) {
  fill(500);
  origin.commit("one");
  const std::string pack = origin.pack("HEAD");
  ASSERT_GT(pack.size(), 600'000U);
  open();
  for (const std::size_t size : {std::size_t{5}, std::size_t{1000}, std::size_t{262'144}, std::size_t{600'000}}) {
    auto transfer = store->begin();
    await(transfer->write(std::string_view(pack).substr(0, size)));
    transfer.reset();
    expect_nothing_kept();
  }
}

TEST_F(StoreKeep, APackOfExactlyItsLimitIsTaken) {
  fill(20);
  const ObjectId tip = origin.commit("one");
  const std::string pack = origin.pack("HEAD");
  adapter::store::StoreOptions options;
  options.limits.max_pack_bytes = pack.size();
  options.limits.max_objects = static_cast<unsigned char>(pack[11]);  // the last byte of the count in the header
  open(options);
  ingest(pack, tip);
  expect_sound();
}

TEST_F(StoreKeep, ABoundaryIsTracedAgainUpToAThousandGenerations) {
  origin.write("a", "1");
  const ObjectId first = origin.commit("one");
  origin.write("a", "2");
  const ObjectId second = origin.commit("two");
  const std::string pack = origin.pack("--shallow " + second.to_hex() + "\n" + second.to_hex(), "--shallow");
  for (const std::uint32_t depth : {1'000U, 1'001U}) {
    open();
    adapter::store::Tip tip;
    tip.ref = "refs/heads/main";
    tip.id = second;
    tip.depth = depth;
    tip.shallow = {second};
    ingest(pack, tip);
    std::filesystem::remove(directory() / "repo.git/shallow");
    open();
    EXPECT_EQ(std::filesystem::exists(directory() / "repo.git/shallow"), depth == 1'000U) << depth;
    std::filesystem::remove_all(directory());
  }
  EXPECT_NE(first, second);
}

/// The remote takes our word for what we hold, and its answer lacks what we do not.
TEST_F(StoreKeep, AfterAnAnswerThatDoesNotSufficeNothingIsToldAsHeld) {
  fill(5);
  const ObjectId first = origin.commit("one");
  open();
  ingest(origin.pack("HEAD"), first);
  fill(6);
  const ObjectId second = origin.commit("two");
  const std::string empty =
      run_command("cd '" + origin.path().string() + "' && git pack-objects -q --stdout </dev/null");
  ASSERT_FALSE(store->haves().tips.empty());
  const auto error = refusal(empty, second);
  EXPECT_EQ(error.error_class(), ErrorClass::corrupt) << error.text();
  EXPECT_TRUE(error.retryable());
  EXPECT_TRUE(store->haves().tips.empty());
  EXPECT_TRUE(store->haves().shallow.empty());
  // What is held is still served.
  EXPECT_TRUE(await(store->verify(first)).has_value());
  ingest(origin.pack(second.to_hex()), second);
  EXPECT_EQ(store->haves().tips.front(), second);
  expect_sound();
}

/// Found out about damage elsewhere, a tip that keeps to limits of its own is still held.
TEST_F(StoreKeep, ATipBeyondTheDefaultLimitsSurvivesALookAtEverything) {
  std::string path;
  for (int level = 0; level < 200; ++level) {
    path += "d/";
  }
  origin.write(path + "file", "deep");
  const ObjectId tip = origin.commit("deep");
  adapter::store::StoreOptions options;
  options.limits.max_depth = 300;
  open(options);
  ingest(origin.pack("HEAD"), tip);
  std::string broken = origin.pack("HEAD");
  broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 1);
  const auto error = refusal(broken, tip);
  EXPECT_EQ(error.error_class(), ErrorClass::corrupt) << error.text();
  open(options);
  EXPECT_EQ(store->haves().tips, std::vector<ObjectId>{tip});
}

}  // namespace
