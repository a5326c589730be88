// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include "layout.hpp"
#include "pack_file.hpp"
#include "pack_merge.hpp"
#include "quarantine.hpp"
#include "store_packs.hpp"
#include "store_support.hpp"

using adapter::ObjectId;
using adapter::store::Layout;
using adapter::store::MergePlan;
using adapter::store::PackFile;
using adapter::store::StoredPack;

namespace {

class StoreMerge : public StoreTest {};

/// The order of the objects is that of the names in a tree, which the remote chooses.
TEST_F(StoreMerge, SearchesOnceForAWholeCopyOfEachObjectOfALongChain) {
  PackWriter pack;
  const DeltaChain chain = add_chain(pack, 9'999, DeltaKind::by_distance, "one");
  const ObjectId commit = add_commit_of(pack, chain.ids);
  open();
  ingest(pack.bytes(), commit);
  const Layout layout = Layout(directory());
  std::vector<std::unique_ptr<StoredPack>> opened;
  std::vector<const StoredPack*> packs;
  for (const PackFile& file : adapter::store::list_packs(layout.packs)) {
    opened.push_back(std::make_unique<StoredPack>(layout.packs, file.stem));
    packs.push_back(opened.back().get());
  }
  MergePlan plan(packs);
  for (const ObjectId& id : chain.ids) {
    EXPECT_TRUE(plan.add(id));
  }
  EXPECT_EQ(plan.items().size(), chain.ids.size());
  EXPECT_GT(plan.searches(), 9'000U) << "the chain is longer than max_chain, and nothing of it is stored whole";
  EXPECT_LE(plan.searches(), chain.ids.size());
}

}  // namespace
