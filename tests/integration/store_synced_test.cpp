// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "../support/file_calls.hpp"
#include "../support/unsynced_files.hpp"
#include "layout.hpp"
#include "store_support.hpp"

using adapter::ObjectId;
using adapter::testing::FileCall;
using adapter::testing::FileCalls;
using adapter::testing::UnsyncedFiles;
using testing::IsEmpty;

namespace {

/// Which files of repo.git a power cut could still undo at a moment of the store's work.
class WhatTheStoreSynced : public StoreTest {
protected:
  using Moment = std::function<bool(const FileCall&)>;

  void SetUp() override {
    origin.write("one", "1\n");
    tip = origin.commit("one");
  }
  void TearDown() override { FileCalls::ignore(); }

  [[nodiscard]] std::vector<std::string> unsynced_before(const Moment& moment) const {
    UnsyncedFiles files;
    for (const FileCall& call : FileCalls::seen()) {
      if (moment && moment(call)) {
        return below_git(files);
      }
      files.see(call);
    }
    EXPECT_FALSE(moment) << "there was no such call";
    return below_git(files);
  }
  [[nodiscard]] std::vector<std::string> below_git(const UnsyncedFiles& files) const {
    std::vector<std::string> lines;
    for (const std::string& line : files.below(directory().string())) {
      // Quarantine is removed at the next start.
      if (line.find(" incoming/") == std::string::npos) {
        lines.push_back(line);
      }
    }
    return lines;
  }
  [[nodiscard]] Moment replaces(const std::string& name) const {
    return [to = (directory() / "repo.git" / name).string()](const FileCall& call) {
      return call.name == "rename" && call.to == to;
    };
  }

  ObjectId tip;
};

TEST_F(WhatTheStoreSynced, ANewRepositoryIsDurableWhenItIsOpen) {
  std::filesystem::create_directories(directory().parent_path());
  FileCalls::watch();
  open();
  FileCalls::ignore();
  EXPECT_THAT(unsynced_before({}), IsEmpty());
  UnsyncedFiles files;
  for (const FileCall& call : FileCalls::seen()) {
    files.see(call);
  }
  EXPECT_THAT(files.below(directory().parent_path().string()), IsEmpty()) << "its own name too";
}

TEST_F(WhatTheStoreSynced, ThePackIsDurableBeforeARefNamesIt) {
  open();
  const std::string pack = origin.pack("HEAD");
  FileCalls::watch();
  ingest(pack, tip);
  FileCalls::ignore();
  EXPECT_THAT(unsynced_before(replaces("packed-refs")), testing::ElementsAre("name repo.git/.tmp-*"));
  EXPECT_THAT(unsynced_before({}), IsEmpty());
}

TEST_F(WhatTheStoreSynced, TheSourceOfATipIsForgottenForGoodBeforeARefNamesAnother) {
  const adapter::store::Layout layout(directory());
  open();
  adapter::store::Tip first;
  first.id = tip;
  first.source = "https://git.example/one main";
  ingest(origin.pack("HEAD"), first);
  adapter::store::StoredRefs records = adapter::store::read_stored_refs(layout);
  ASSERT_EQ(records.source, first.source);
  records.source = "https://git.example/two main";
  FileCalls::watch();
  adapter::store::write_stored_refs(layout, records);
  FileCalls::ignore();
  EXPECT_THAT(unsynced_before(replaces("packed-refs")), testing::ElementsAre("name repo.git/.tmp-*"));
  EXPECT_THAT(unsynced_before({}), IsEmpty());
}

TEST_F(WhatTheStoreSynced, ABoundaryThatIsNoMoreIsRemovedForGood) {
  const adapter::store::Layout layout(directory());
  open();
  adapter::store::write_shallow(layout, {tip});
  FileCalls::watch();
  adapter::store::write_shallow(layout, {});
  FileCalls::ignore();
  EXPECT_THAT(FileCalls::paths_of("unlink"), testing::SizeIs(1));
  EXPECT_THAT(unsynced_before({}), IsEmpty());
}

TEST_F(WhatTheStoreSynced, PacksGoOnlyAfterTheirObjectsAreDurableElsewhere) {
  open();
  ObjectId held = tip;
  ingest(origin.pack("HEAD"), tip);
  for (int step = 0; step < 12; ++step) {
    const ObjectId next = origin.commit("step");
    ingest(origin.pack(next.to_hex() + "\n^" + held.to_hex(), "--thin"), next);
    held = next;
  }
  FileCalls::watch();
  await(store->housekeep());
  FileCalls::ignore();
  const auto removes_a_pack = [&](const FileCall& call) {
    return call.name == "unlink" && call.path.find("repo.git/objects/pack/") != std::string::npos;
  };
  EXPECT_THAT(unsynced_before(removes_a_pack), IsEmpty());
  EXPECT_THAT(unsynced_before({}), IsEmpty());
}

TEST_F(WhatTheStoreSynced, ADamagedPackStaysAsideAfterAPowerCut) {
  open();
  ingest(origin.pack("HEAD"), tip);
  const auto packs = adapter::store::list_packs(directory() / "repo.git/objects/pack");
  ASSERT_EQ(packs.size(), 1U);
  FileCalls::watch();
  adapter::store::quarantine_pack(adapter::store::Layout(directory()), packs.front().stem);
  FileCalls::ignore();
  EXPECT_THAT(unsynced_before({}), IsEmpty());
}

}  // namespace
