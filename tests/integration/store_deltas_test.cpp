// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <string>

#include "../support/file_reads.hpp"
#include "layout.hpp"
#include "objects.hpp"
#include "pack_headers.hpp"
#include "quarantine.hpp"
#include "store_packs.hpp"
#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::Limits;
using adapter::ObjectId;
using adapter::store::Layout;
using adapter::store::ProgressCounts;
using adapter::store::Quarantine;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class StoreDeltas : public StoreTest {
protected:
  static milliseconds cpu_time() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime.tv_sec) + milliseconds(usage.ru_utime.tv_usec / 1000);
  }
};

TEST_F(StoreDeltas, ChainsOfBothKindsMayHaveTenThousandDeltasAndNoMore) {
  for (const DeltaKind kind : {DeltaKind::by_id, DeltaKind::by_distance}) {
    PackWriter good;
    const DeltaChain chain = add_chain(good, 10'000, kind);
    const ObjectId commit = add_commit_of(good, {chain.ids.back()});
    open();
    EXPECT_EQ(ingest(good.bytes(), commit).paths, 1U);
    std::filesystem::remove_all(directory());

    PackWriter bad;
    const DeltaChain longer = add_chain(bad, 10'001, kind);
    const ObjectId refused = add_commit_of(bad, {longer.ids.front()});
    open();
    const auto error = refusal(bad.bytes(), refused);
    EXPECT_EQ(error.error_class(), ErrorClass::limit) << error.text();
    EXPECT_NE(error.text().find("more than 10000 deltas"), std::string::npos) << error.text();
    expect_nothing_kept();
    std::filesystem::remove_all(directory());
  }
}

TEST_F(StoreDeltas, VerifyingLongChainsCostsNoMoreThanTheirEntries) {
  PackWriter pack;
  std::vector<ObjectId> blobs;
  // Eight of them unfold to more than reading a tree of such small files may.
  for (int number = 0; number < 4; ++number) {
    const DeltaChain chain = add_chain(pack, 9'999, DeltaKind::by_id, std::to_string(number));
    blobs.insert(blobs.end(), chain.ids.begin(), chain.ids.end());
  }
  const ObjectId commit = add_commit_of(pack, blobs);
  open();
  ingest(pack.bytes(), commit);
  const milliseconds before = cpu_time();
  EXPECT_EQ(await(store->verify(commit))->paths, 40'000U);
  // A walk down the chain for each object is 200 million steps.
  EXPECT_LT(cpu_time() - before, seconds(2));
}

/// libgit2 goes over all deltas again for each that it can resolve. The stop comes while it does.
TEST_F(StoreDeltas, ResolvingDeltasEndsSoonAfterAStop) {
  PackWriter pack;
  add_reversed_chain(pack, 20'000);
  const std::string bytes = pack.bytes();
  open();
  std::stop_source stop;
  std::promise<void> begun;
  auto result = std::async(std::launch::async, [&] {
    Quarantine quarantine(Layout(directory()), Limits{}, std::make_shared<ProgressCounts>());
    quarantine.append(bytes, stop.get_token());
    begun.set_value();
    try {
      static_cast<void>(quarantine.finish(stop.get_token()));
    } catch (const Error& error) {
      return error.error_class();
    }
    return ErrorClass::config;
  });
  begun.get_future().wait();
  std::this_thread::sleep_for(milliseconds(200));
  const auto asked = steady_clock::now();
  stop.request_stop();
  EXPECT_EQ(result.get(), ErrorClass::cancelled);
  EXPECT_LT(steady_clock::now() - asked, seconds(2));
}

/// Before libgit2 resolves a thin pack its bases are looked up and read.
TEST_F(StoreDeltas, LookingForTheBasesOfAThinPackEndsSoonAfterAStop) {
  constexpr std::size_t count = 5 * adapter::steps_between_stop_checks;
  PackWriter whole;
  PackWriter thin;
  std::vector<ObjectId> blobs;
  for (std::size_t number = 0; number < count; ++number) {
    const std::string bytes = std::to_string(1'000'000 + number);
    blobs.push_back(whole.add("blob", bytes));
    thin.add_ref_delta(blobs.back(), literal_delta(bytes.size(), bytes + "+"));
  }
  const ObjectId commit = add_commit_of(whole, blobs);
  open();
  ingest(whole.bytes(), commit);
  std::stop_source stop;
  Quarantine quarantine(Layout(directory()), Limits{}, std::make_shared<ProgressCounts>());
  quarantine.append(thin.bytes(), stop.get_token());
  std::size_t reads = 0;
  adapter::testing::FileReads::watch([&](const std::string& path, long, std::size_t) {
    if (path.find("/objects/pack/") != std::string::npos && path.ends_with(".pack")) {
      ++reads;
      stop.request_stop();
    }
    return 0;
  });
  try {
    static_cast<void>(quarantine.finish(stop.get_token()));
    ADD_FAILURE() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::cancelled) << error.text();
  }
  adapter::testing::FileReads::ignore();
  EXPECT_GE(reads, 1U);
  // A base is looked up and read with two reads at the most.
  EXPECT_LE(reads, 2 * adapter::steps_between_stop_checks + 10);
}

TEST_F(StoreDeltas, CheckingChainsLooksAtTheStop) {
  PackWriter pack;
  const DeltaChain chain = add_chain(pack, 10, DeltaKind::by_id);
  const ObjectId commit = add_commit_of(pack, {chain.ids.back()});
  open();
  ingest(pack.bytes(), commit);
  const Layout layout(directory());
  const auto packs = adapter::store::list_packs(layout.packs);
  ASSERT_EQ(packs.size(), 1U);
  std::stop_source stop;
  EXPECT_NO_THROW(adapter::store::check_delta_chains(layout.packs, packs.front().stem, stop.get_token()));
  stop.request_stop();
  try {
    adapter::store::check_delta_chains(layout.packs, packs.front().stem, stop.get_token());
    ADD_FAILURE() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::cancelled) << error.text();
  }
}

TEST_F(StoreDeltas, ResolvingMayTakeItsBudgetOfCpuTimeAndNoMore) {
  PackWriter pack;
  add_reversed_chain(pack, 2'000);
  const std::string bytes = pack.bytes();
  open();
  for (const bool enough : {false, true}) {
    Quarantine quarantine(Layout(directory()), Limits{}, std::make_shared<ProgressCounts>());
    quarantine.append(bytes, {});
    if (enough) {
      EXPECT_TRUE(quarantine.finish({}).has_value());
      continue;
    }
    quarantine.set_budget({milliseconds(20), milliseconds(0), std::chrono::microseconds(0)});
    try {
      static_cast<void>(quarantine.finish({}));
      ADD_FAILURE() << "it was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.error_class(), ErrorClass::limit) << error.text();
      EXPECT_NE(error.text().find("of CPU time"), std::string::npos) << error.text();
      EXPECT_NE(error.text().find("(depth: 1)"), std::string::npos) << error.text();
    }
  }
}

/// git's own pack of thirty versions of one file, which libgit2's cache of bases does not hold.
class StoreVersions : public StoreDeltas {
protected:
  void SetUp() override {
    std::string bytes(1'200'000, ' ');
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
    std::string stream;
    for (int version = 0; version < 30; ++version) {
      bytes[static_cast<std::size_t>(version) * 1000] ^= 1;
      stream += "commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata 0\n";
      stream += "M 100644 inline generated\ndata " + std::to_string(bytes.size()) + "\n" + bytes + "\n";
    }
    origin.git("fast-import --quiet --force", stream);
    pack = origin.pack("refs/heads/main");
    ASSERT_LT(pack.size(), 2'500'000U) << "deltas";
    open();
  }

  std::string pack;
};

TEST_F(StoreVersions, ResolvingHasTimeForWhatItUnfolds) {
  for (const bool enough : {false, true}) {
    Quarantine quarantine(Layout(directory()), Limits{}, std::make_shared<ProgressCounts>());
    quarantine.append(pack, {});
    // Nothing for the bytes of the pack and its objects; plenty for what they unfold to, in a slow build too.
    adapter::store::ResolvingBudget budget{milliseconds(20), milliseconds(0), std::chrono::microseconds(0)};
    budget.for_each_gib = enough ? seconds(600) : seconds(0);
    quarantine.set_budget(budget);
    if (enough) {
      EXPECT_TRUE(quarantine.finish({}).has_value());
    } else {
      EXPECT_THROW(static_cast<void>(quarantine.finish({})), Error);
    }
  }
}

TEST_F(StoreVersions, TooManyVersionsAreRefusedBeforeAnyIsUnfolded) {
  const auto counts = std::make_shared<ProgressCounts>();
  Limits limits;
  limits.max_tree_bytes = 4'000'000;
  Quarantine quarantine(Layout(directory()), limits, counts);
  quarantine.append(pack, {});
  try {
    static_cast<void>(quarantine.finish({}));
    ADD_FAILURE() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::limit) << error.text();
    EXPECT_NE(error.text().find("(depth: 1)"), std::string::npos) << error.text();
    EXPECT_FALSE(error.retryable());
  }
  EXPECT_EQ(counts->snapshot().indexed_deltas, 0U);
}

/// Merging what was kept before is not refused.
TEST_F(StoreVersions, HousekeepingMayUnfoldWhatItWants) {
  Quarantine quarantine{Layout(directory())};
  quarantine.append(pack, {});
  EXPECT_TRUE(quarantine.finish({}).has_value());
}

/// It was taken under limits that were raised, or that were others then.
TEST_F(StoreDeltas, AnObjectAboveTheDefaultLimitIsMergedAndJudged) {
  PackWriter pack;
  pack.add("blob", std::string(Limits().max_object_bytes + 1, 'x'));
  open();
  Quarantine transfer(Layout(directory()), Limits{}, std::make_shared<ProgressCounts>());
  EXPECT_THROW(transfer.append(pack.bytes(), {}), Error);
  Quarantine kept{Layout(directory())};
  kept.append(pack.bytes(), {});
  EXPECT_TRUE(kept.finish({}).has_value());
}

}  // namespace
