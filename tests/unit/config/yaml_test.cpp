// SPDX-License-Identifier: Apache-2.0
#include "../../../src/config/reader/yaml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace adapter::config {
namespace {

using testing::HasSubstr;

std::string fault(std::string text) {
  const Document document = Document::parse("x.yaml", std::move(text));
  EXPECT_TRUE(!document.fault() || document.root() == nullptr);
  if (!document.fault()) {
    return "";
  }
  return std::to_string(document.fault()->mark.line) + ":" + std::to_string(document.fault()->mark.column) + " " +
         document.fault()->rule + " " + document.fault()->message;
}

std::string repeat(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += part;
  }
  return text;
}

TEST(YamlDocument, KeepsTheTextOfScalars) {
  const Document document = Document::parse("x", "[010, yes, ~, '~', \"a\\nb\", 'null', , null]");
  ASSERT_NE(document.root(), nullptr);
  std::vector<std::string> seen;
  for (const Node* node : document.root()->children) {
    seen.push_back(node->kind == Node::Kind::null ? "(null)" : (node->quoted ? "quoted " : "") + node->text);
  }
  EXPECT_THAT(
      seen, testing::ElementsAre("010", "yes", "(null)", "quoted ~", "quoted a\nb", "quoted null", "(null)", "(null)"));
}

TEST(YamlDocument, SharesWhatAnAliasNames) {
  const Document document = Document::parse("x", "[&a {k: v}, *a, *a]");
  ASSERT_NE(document.root(), nullptr);
  const std::set<const Node*> distinct(document.root()->children.begin(), document.root()->children.end());
  EXPECT_EQ(distinct.size(), 1U);
}

TEST(YamlDocument, MarksEveryNodeFromOne) {
  const Document document = Document::parse("x", "a: 1\nb:\n  - c\n");
  const Node* list = document.root()->children[3];
  EXPECT_EQ(document.root()->children[1]->mark.line, 1U);
  EXPECT_EQ(document.root()->children[1]->mark.column, 4U);
  EXPECT_EQ(list->children[0]->mark.line, 3U);
  EXPECT_EQ(list->children[0]->mark.column, 5U);
}

TEST(YamlDocument, RefusesBytesThatAreNotText) {
  EXPECT_THAT(fault(std::string("a: b\0c", 6)), HasSubstr("1:5 not-text"));
  EXPECT_THAT(fault("a: 1\nb: \x1b[31m"), HasSubstr("2:4 not-text"));
  EXPECT_THAT(fault("a: \x7f"), HasSubstr("1:4 not-text"));
  EXPECT_THAT(fault("a: 1\nb: \xff\n"), HasSubstr("2:1 not-text"));
  EXPECT_THAT(fault("a: \xed\xa0\x80\n"), HasSubstr("1:1 not-text"));
  EXPECT_THAT(fault(std::string("\xff\xfe"
                                "a\0:\0",
                                6)),
              HasSubstr("not-text"));
  EXPECT_EQ(fault("a:\t1\r\n"), "");
}

TEST(YamlDocument, RefusesMoreThanFourMebibytes) {
  EXPECT_EQ(fault("#" + std::string(max_file_bytes - 1, 'x')), "");
  EXPECT_THAT(fault("#" + std::string(max_file_bytes, 'x')), HasSubstr("0:0 too-large"));
}

TEST(YamlDocument, CountsWhatAliasesAdd) {
  const std::string ten = "a: &a [" + repeat("x,", 99) + "x]\n";  // 101 nodes
  EXPECT_EQ(fault(ten + "b: [" + repeat("*a,", 990) + "]\n"), "");
  EXPECT_THAT(fault(ten + "b: [" + repeat("*a,", 991) + "]\n"), HasSubstr("too-large"));
  std::string laughs = "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "*l" + std::to_string(i - 1);
    laughs += "l" + std::to_string(i) + ": &l" + std::to_string(i) + " [" + repeat(before + ",", 10) + "]\n";
  }
  EXPECT_THAT(fault(laughs), HasSubstr("too-large"));
}

TEST(YamlDocument, RefusesCyclesAndDepth) {
  EXPECT_THAT(fault("&a [*a]"), HasSubstr("inside the value that it names"));
  EXPECT_THAT(fault("&a {b: {c: *a}}"), HasSubstr("inside the value that it names"));
  EXPECT_EQ(fault(repeat("[", 32) + repeat("]", 32)), "");
  EXPECT_THAT(fault(repeat("[", 33) + repeat("]", 33)), HasSubstr("nested deeper"));
}

TEST(YamlDocument, RefusesTooManyValues) {
  EXPECT_THAT(fault("[" + repeat("a,", 400'001) + "]"), HasSubstr("too-large"));
}

/// Whatever its form, a large file is refused or read in a moment; the suite's time limit is the judge.
TEST(YamlDocument, IsNotSlowedDownByItsInput) {
  for (const char* part : {"[",  "{",   "- ",  "? ",   "&a ", "*a ",   "!a ",   "\"",   "'",     "a: ",   "- - ",
                           "[{", "? [", "|\n", ">\n ", "%",   "---\n", "...\n", "#\n",  "a:\n ", "- a\n", "\n",
                           " ",  "\t",  ",",   "]",    "}",   "a",     "\\",    "\"\\", "a: b\n"}) {
    const std::string text = repeat(part, max_file_bytes / 32 / std::string_view(part).size());
    const Document document = Document::parse("x", text);
    EXPECT_TRUE(document.fault() || document.root() != nullptr ||
                text.find_first_not_of("\n\t #.-%") == std::string::npos)
        << part;
  }
}

}  // namespace
}  // namespace adapter::config
