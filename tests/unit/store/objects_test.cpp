// SPDX-License-Identifier: Apache-2.0
#include "objects.hpp"

#include <gtest/gtest.h>

#include <string>

using adapter::ObjectId;
using adapter::store::EntryKind;
using adapter::store::EntryOrder;
using adapter::store::kind_of_mode;
using adapter::store::ObjectType;
using adapter::store::parse_commit;
using adapter::store::parse_tag;
using adapter::store::RawEntry;
using adapter::store::TreeCursor;
using namespace std::string_literals;

namespace {

const std::string id_a(40, 'a');
const std::string id_b(40, 'b');
const std::string raw(20, '\x11');

TEST(ParseCommit, ReadsTreeAndParents) {
  const auto links = parse_commit("tree " + id_a + "\nparent " + id_b + "\nparent " + id_a + "\nauthor x\n");
  ASSERT_TRUE(links.has_value());
  EXPECT_EQ(links->tree.to_hex(), id_a);
  ASSERT_EQ(links->parents.size(), 2U);
  EXPECT_EQ(links->parents[0].to_hex(), id_b);
}

TEST(ParseCommit, RefusesWhatIsMalformed) {
  for (const std::string& bytes :
       {""s, "tree\n"s, "tree " + id_a, "tree " + id_a + "\n", "tree " + id_a + "\nparent xyz\nauthor x\n",
        "tree " + std::string(40, 'A') + "\nauthor x\n", "tree " + id_a + " \nauthor x\n",
        "parent " + id_a + "\nauthor x\n", "tree " + id_a + "\ntree " + id_b + "\nauthor x\n"}) {
    EXPECT_FALSE(parse_commit(bytes).has_value()) << bytes;
  }
}

TEST(ParseTag, ReadsObjectAndType) {
  const auto tag = parse_tag("object " + id_a + "\ntype commit\ntag v1\n");
  ASSERT_TRUE(tag.has_value());
  EXPECT_EQ(tag->id.to_hex(), id_a);
  EXPECT_EQ(tag->type, ObjectType::commit);
  EXPECT_FALSE(parse_tag("object " + id_a + "\ntype comet\n").has_value());
  EXPECT_FALSE(parse_tag("object " + id_a + "\ntype commit").has_value());
  EXPECT_FALSE(parse_tag("type commit\nobject " + id_a + "\n").has_value());
}

TEST(TreeCursor, StepsThroughRawEntries) {
  const std::string bytes = "100644 a\0"s + raw + "040000 b c\0"s + raw;
  TreeCursor cursor(bytes);
  RawEntry entry;
  ASSERT_EQ(cursor.next(entry), TreeCursor::Step::entry);
  EXPECT_EQ(entry.name, "a");
  EXPECT_EQ(entry.mode, 0100644U);
  ASSERT_EQ(cursor.next(entry), TreeCursor::Step::entry);
  EXPECT_EQ(entry.name, "b c");
  EXPECT_EQ(entry.mode, 040000U);
  EXPECT_EQ(cursor.next(entry), TreeCursor::Step::end);
}

TEST(TreeCursor, RefusesWhatIsMalformed) {
  for (const std::string& bytes :
       {"1"s, "100644"s, "100644 "s, "100644 a"s, "100644 a\0"s, "100644 a\0"s + raw.substr(1), " a\0"s + raw,
        "100648 a\0"s + raw, "x00644 a\0"s + raw, "10064444 a\0"s + raw, "100644\ta\0"s + raw}) {
    TreeCursor cursor(bytes);
    RawEntry entry;
    EXPECT_EQ(cursor.next(entry), TreeCursor::Step::malformed) << bytes;
  }
}

TEST(KindOfMode, ReadsTypeAndTheOwnersRightToExecute) {
  EXPECT_EQ(kind_of_mode(0100644), EntryKind::file);
  EXPECT_EQ(kind_of_mode(0100664), EntryKind::file);
  EXPECT_EQ(kind_of_mode(0100755), EntryKind::executable);
  EXPECT_EQ(kind_of_mode(0120000), EntryKind::symlink);
  EXPECT_EQ(kind_of_mode(040000), EntryKind::folder);
  EXPECT_EQ(kind_of_mode(0160000), EntryKind::submodule);
  for (const std::uint32_t mode : {0100600U, 0100640U, 0100660U, 0100666U, 0100611U}) {
    EXPECT_EQ(kind_of_mode(mode), EntryKind::file) << mode;
  }
  for (const std::uint32_t mode : {0100700U, 0100744U, 0100775U, 0100777U}) {
    EXPECT_EQ(kind_of_mode(mode), EntryKind::executable) << mode;
  }
  EXPECT_EQ(kind_of_mode(040755), EntryKind::folder);
  EXPECT_EQ(kind_of_mode(0120777), EntryKind::symlink);
  for (const std::uint32_t mode : {0U, 010644U, 020644U, 060644U, 0140644U, 0104755U, 0102755U, 0101644U, 041755U}) {
    EXPECT_FALSE(kind_of_mode(mode).has_value()) << mode;
  }
}

TEST(EntryOrder, AFolderSortsAsIfItEndedInASlash) {
  EntryOrder order;
  EXPECT_EQ(order.next("a", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(order.next("b-", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(order.next("b.c", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(order.next("b", true), EntryOrder::Verdict::fine);
  EXPECT_EQ(order.next("b0", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(order.next("b", false), EntryOrder::Verdict::unsorted);
}

TEST(EntryOrder, FindsNamesThatComeTwice) {
  EntryOrder neighbours;
  EXPECT_EQ(neighbours.next("a", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(neighbours.next("a", false), EntryOrder::Verdict::duplicate);
  EntryOrder kinds;
  EXPECT_EQ(kinds.next("a", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(kinds.next("a", true), EntryOrder::Verdict::duplicate);
  EntryOrder apart;
  EXPECT_EQ(apart.next("a", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(apart.next("a-b", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(apart.next("a-c", true), EntryOrder::Verdict::fine);
  EXPECT_EQ(apart.next("a", true), EntryOrder::Verdict::duplicate);
}

TEST(EntryOrder, ComparesBytesUnsigned) {
  EntryOrder order;
  EXPECT_EQ(order.next("a", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(order.next("\xC3\xA4", false), EntryOrder::Verdict::fine);
  EXPECT_EQ(order.next("b", false), EntryOrder::Verdict::unsorted);
}

}  // namespace
