// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <thread>

#include "adapter/base/limits.hpp"
#include "store_packs.hpp"
#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::mib;
using adapter::ObjectId;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A commit whose root tree has more than 16 MiB, and a blob of 17 MiB.
struct LargePack {
  LargePack() {
    PackWriter pack;
    blob = pack.add("blob", std::string(17 * mib, 'b'));
    const ObjectId target = pack.add("blob", "target");
    std::string tree;
    for (int link = 0; link < 75'000; ++link) {
      tree += tree_entry("120000", std::to_string(1'000'000 + link) + std::string(200, 'n'), target);
    }
    tree += tree_entry("100644", "large", blob);
    root_bytes = tree.size();
    root = pack.add("tree", tree);
    commit = pack.add("commit", "tree " + root.to_hex() +
                                    "\nauthor a <a@example.com> 1700000000 +0000\n"
                                    "committer a <a@example.com> 1700000000 +0000\n\nlarge\n");
    bytes = pack.bytes();
  }
  ObjectId blob;
  ObjectId root;
  ObjectId commit;
  std::size_t root_bytes = 0;
  std::string bytes;
};

class StoreLargeObjects : public StoreTest {
protected:
  void SetUp() override {
    static const LargePack pack;
    ASSERT_GT(pack.root_bytes, 16 * mib);
    blob = pack.blob;
    root = pack.root;
    open();
    ingest(pack.bytes, pack.commit);
  }

  ObjectId blob;
  ObjectId root;
};

TEST_F(StoreLargeObjects, ATreeThatWasReadKeepsNoOtherReaderWaiting) {
  const auto first = store->reader();
  const auto second = store->reader();
  EXPECT_EQ(first->tree(root, {}).size(), 75'001U);
  std::stop_source stop;
  std::jthread watchdog([&](const std::stop_token& over) {
    for (int turn = 0; turn < 200 && !over.stop_requested(); ++turn) {
      std::this_thread::sleep_for(milliseconds(50));
    }
    stop.request_stop();
  });
  std::size_t size = 0;
  EXPECT_NO_THROW(second->read_blob(blob, stop.get_token(), [&](std::string_view bytes) { size = bytes.size(); }));
  EXPECT_EQ(size, 17 * mib);
  EXPECT_NO_THROW(first->read_blob(blob, stop.get_token(), [](std::string_view) {}));
}

TEST_F(StoreLargeObjects, OneIsInMemoryAtATime) {
  std::atomic<int> present{0};
  std::atomic<int> most{0};
  std::vector<std::jthread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&] {
      const auto reader = store->reader();
      for (int turn = 0; turn < 3; ++turn) {
        reader->read_blob(blob, {}, [&](std::string_view) {
          most = std::max(most.load(), ++present);
          std::this_thread::sleep_for(milliseconds(20));
          --present;
        });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(most, 1);
}

TEST_F(StoreLargeObjects, WaitingForOneEndsWithTheStop) {
  std::latch held(1);
  std::latch over(1);
  std::jthread holder([&] {
    store->reader()->read_blob(blob, {}, [&](std::string_view) {
      held.count_down();
      over.wait();
    });
  });
  held.wait();
  for (const bool tree : {false, true}) {
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] {
      const auto reader = store->reader();
      try {
        if (tree) {
          static_cast<void>(reader->tree(root, stop.get_token()));
        } else {
          reader->read_blob(blob, stop.get_token(), [](std::string_view) {});
        }
      } catch (const Error& error) {
        return error.error_class();
      }
      return ErrorClass::config;
    });
    EXPECT_EQ(waiting.wait_for(milliseconds(200)), std::future_status::timeout);
    const auto asked = steady_clock::now();
    stop.request_stop();
    EXPECT_EQ(waiting.get(), ErrorClass::cancelled);
    EXPECT_LT(steady_clock::now() - asked, seconds(2));
  }
  over.count_down();
}

TEST_F(StoreLargeObjects, AVisitorThatThrowsGivesThePermitBack) {
  const auto reader = store->reader();
  EXPECT_THROW(reader->read_blob(blob, {}, [](std::string_view) { throw Error(ErrorClass::storage, "full"); }), Error);
  std::size_t size = 0;
  reader->read_blob(blob, {}, [&](std::string_view bytes) { size = bytes.size(); });
  EXPECT_EQ(size, 17 * mib);
}

}  // namespace
