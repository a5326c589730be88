// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support.hpp"

namespace adapter::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// What follows "# word: " in the head of a file, in order.
std::vector<std::string> head_lines(const std::string& text, const std::string& word) {
  std::vector<std::string> found;
  const std::string start = "# " + word + ": ";
  for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
    if (at == 0 || text[at - 1] == '\n') {
      found.push_back(text.substr(at + start.size(), text.find('\n', at) - at - start.size()));
    }
  }
  return found;
}

/// "[parts/x.yaml:]4:7 unknown-key repositories[0].urll", as in the head of a bad file.
std::string expectation(const Finding& finding, const std::filesystem::path& main) {
  std::string text = finding.file == main ? "" : finding.file.substr(main.parent_path().string().size() + 1) + ":";
  text += std::to_string(finding.line) + ":" + std::to_string(finding.column) + " " + finding.rule;
  return finding.key.empty() ? text : text + " " + escape(finding.key);
}

TEST(Corpus, AcceptsEveryGoodFile) {
  const std::vector<std::filesystem::path> files = files_in(folder("ADAPTER_TEST_CORPUS") / "good");
  EXPECT_GE(files.size(), 40U);
  for (const std::filesystem::path& file : files) {
    const Loaded loaded = load_file(file, corpus_environment());
    EXPECT_TRUE(loaded.config) << file;
    std::vector<std::string> warnings;
    for (const Finding& finding : loaded.findings) {
      warnings.push_back(expectation(finding, file));
    }
    EXPECT_EQ(warnings, head_lines(read(file), "warns")) << all_text(loaded.findings);
  }
}

TEST(Corpus, FindsExactlyWhatIsWrongInEveryBadFile) {
  const std::vector<std::filesystem::path> files = files_in(folder("ADAPTER_TEST_CORPUS") / "bad");
  EXPECT_GE(files.size(), 120U);
  for (const std::filesystem::path& file : files) {
    const std::string text = read(file);
    const Loaded loaded = load_file(file, corpus_environment());
    EXPECT_FALSE(loaded.config) << file;
    std::vector<std::string> found;
    for (const Finding& finding : loaded.findings) {
      found.push_back(expectation(finding, file));
    }
    EXPECT_THAT(found, Not(IsEmpty())) << file;
    EXPECT_EQ(found, head_lines(text, "expect")) << file;
    for (const std::string& words : head_lines(text, "says")) {
      EXPECT_THAT(all_text(loaded.findings), HasSubstr(words));
    }
  }
}

TEST(Corpus, NeverRepeatsASecret) {
  std::size_t with_secret = 0;
  for (const std::filesystem::path& file : files_in(folder("ADAPTER_TEST_CORPUS") / "bad")) {
    const std::string text = read(file);
    if (text.find(canary) == std::string::npos && text.find("${SECRET}") == std::string::npos) {
      continue;
    }
    ++with_secret;
    const std::vector<Finding> findings = load_file(file, corpus_environment()).findings;
    const std::string secret(canary);
    EXPECT_THAT(all_text(findings), Not(HasSubstr(secret))) << file;
    EXPECT_THAT(to_json(findings), Not(HasSubstr(secret))) << file;
    EXPECT_THAT(to_sarif(findings, "1.0"), Not(HasSubstr(secret))) << file;
  }
  EXPECT_GE(with_secret, 10U);
}

TEST(Examples, AreValid) {
  const std::vector<std::filesystem::path> files = files_in(folder("ADAPTER_TEST_EXAMPLES"));
  EXPECT_GE(files.size(), 2U);
  for (const std::filesystem::path& file : files) {
    const Loaded loaded = load_file(file, make_environment({}));
    ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
    EXPECT_THAT(loaded.findings, IsEmpty()) << all_text(loaded.findings);
    EXPECT_THAT(loaded.config->repositories, Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace adapter::config
