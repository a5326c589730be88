// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support.hpp"

namespace adapter::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string one(const std::string& name) {
  return "repositories: [{name: " + name + ", url: https://git.example.com/" + name + ", ca_file: ca.pem}]\n";
}

std::vector<std::string> names(const Loaded& loaded) {
  std::vector<std::string> found;
  if (loaded.config) {
    for (const Repository& repository : loaded.config->repositories) {
      found.push_back(repository.name);
    }
  }
  return found;
}

TEST(Include, ReadsFilesInTheOrderOfTheirNames) {
  const Loaded loaded =
      load("include: [conf.d/*.yaml, last.yaml]\n" + one("main"), {{"/etc/adapter/conf.d/b.yaml", one("b")},
                                                                   {"/etc/adapter/conf.d/a.yaml", one("a")},
                                                                   {"/etc/adapter/last.yaml", one("0")}});
  EXPECT_THAT(names(loaded), ElementsAre("main", "a", "b", "0")) << all_text(loaded.findings);
  EXPECT_THAT(loaded.config->files, ElementsAre("/etc/adapter/config.yaml", "/etc/adapter/conf.d/a.yaml",
                                                "/etc/adapter/conf.d/b.yaml", "/etc/adapter/last.yaml"));
}

TEST(Include, ResolvesPathsAgainstTheFileThatNamesThem) {
  const Loaded loaded = load("include: [conf.d/*.yaml]\n", {{"/etc/adapter/conf.d/a.yaml", one("a")}});
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  EXPECT_EQ(loaded.config->repositories[0].ca_file, "/etc/adapter/conf.d/ca.pem");
}

TEST(Include, AcceptsAPatternWithoutMatchAndReadsNoFileTwice) {
  const Loaded loaded =
      load("include: [none/*.yaml, a.yaml, '*.yaml', ./a.yaml]\n",
           {{"/etc/adapter/a.yaml", one("a")}, {"/etc/adapter/config.yaml", "this is the main file"}});
  EXPECT_THAT(names(loaded), ElementsAre("a")) << all_text(loaded.findings);
}

TEST(Include, FindsWhatIsWrongInEachFile) {
  const Loaded loaded = load("include: [conf.d/*.yaml]\nprun: true\n",
                             {{"/etc/adapter/conf.d/a.yaml", "repositories: [{name: A, url: https://h/x}]\n"},
                              {"/etc/adapter/conf.d/b.yaml", "repositories: {\n"},
                              {"/etc/adapter/conf.d/c.yaml", "log: {level: info}\n"}});
  std::vector<std::string> places;
  for (const Finding& finding : loaded.findings) {
    places.push_back(finding.file + " " + finding.rule);
  }
  EXPECT_THAT(places, ElementsAre("/etc/adapter/config.yaml unknown-key", "/etc/adapter/conf.d/a.yaml bad-value",
                                  "/etc/adapter/conf.d/b.yaml yaml-syntax", "/etc/adapter/conf.d/c.yaml unknown-key"));
}

TEST(Include, RefusesAFileWithoutContent) {
  for (const std::string text : {"", "\n", "# later\n", "---\n", "~\n"}) {
    const Loaded loaded = load("include: [conf.d/*.yaml]\n" + one("main"),
                               {{"/etc/adapter/conf.d/a.yaml", text}, {"/etc/adapter/conf.d/b.yaml", one("b")}});
    EXPECT_FALSE(loaded.config) << text;
    EXPECT_EQ(all_text(loaded.findings), "/etc/adapter/conf.d/a.yaml: error: is empty; write `repositories: []`\n");
  }
  EXPECT_TRUE(load("include: [a.yaml]\n", {{"/etc/adapter/a.yaml", "repositories: []\n"}}).config);
}

TEST(Include, NamesTheOtherPlaceOfALinkInTheWay) {
  const Loaded loaded =
      load("include: [a.yaml]\n" + one_repository(),
           {{"/etc/adapter/a.yaml", "repositories:\n  - {name: x, url: https://h/x, link: docs/x}\n"}});
  EXPECT_THAT(
      all_text(loaded.findings),
      HasSubstr("/etc/adapter/a.yaml:2:39: error: repositories[0].link: the link docs/x lies inside the link docs of "
                "the repository at /etc/adapter/config.yaml:3:11"));
}

TEST(Include, ReadsAThousandFilesAtMost) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 1001; ++i) {
    files["/etc/adapter/conf.d/" + std::to_string(i) + ".yaml"] = "repositories: []";
  }
  const Loaded loaded = load("include: [conf.d/*.yaml]\n", files);
  ASSERT_THAT(loaded.findings, SizeIs(1));
  EXPECT_THAT(loaded.findings[0].message, HasSubstr("more than 1000 files"));
  files.erase(files.begin());
  EXPECT_TRUE(load("include: [conf.d/*.yaml]\n", files).config);
}

TEST(Include, ReadsLimitedBytes) {
  Files files = make_files(
      {{"/etc/adapter/a.yaml", "{} #" + std::string(46, 'x')}, {"/etc/adapter/b.yaml", "{} #" + std::string(47, 'x')}});
  files.max_total_bytes = 101;
  const std::string text = "include: [a.yaml, b.yaml]\n";
  EXPECT_TRUE(load_text(text, "/etc/adapter/config.yaml", corpus_environment(), files).config);
  files.max_total_bytes = 100;
  const Loaded loaded = load_text(text, "/etc/adapter/config.yaml", corpus_environment(), files);
  ASSERT_THAT(loaded.findings, SizeIs(1));
  EXPECT_THAT(loaded.findings[0].message, HasSubstr("hold more than 100 B"));
}

TEST(Include, FindsRealFilesWhateverTheFoldersAreCalled) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("adapter [*] " + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "conf.d");
  const auto write = [&](const std::string& name, const std::string& text) { std::ofstream(folder / name) << text; };
  write("config.yaml", "include: ['conf.d/*.yaml']\n");
  write("conf.d/b.yaml", one("b"));
  write("conf.d/a.yaml", one("a"));
  write("conf.d/.hidden.yaml", one("hidden"));
  const Loaded loaded = load_file(folder / "config.yaml", corpus_environment());
  EXPECT_THAT(names(loaded), ElementsAre("a", "b")) << all_text(loaded.findings);
  std::filesystem::remove_all(folder);
}

TEST(LoadFile, ReportsAFileThatIsNotThere) {
  const Loaded loaded = load_file("/nonexistent/config.yaml", corpus_environment());
  EXPECT_FALSE(loaded.config);
  ASSERT_THAT(loaded.findings, SizeIs(1));
  EXPECT_EQ(loaded.findings[0].rule, "unreadable-file");
  EXPECT_THAT(to_text(loaded.findings[0]), testing::StartsWith("/nonexistent/config.yaml: error: "));
}

TEST(LoadFile, ReportsAFolderAndADevice) {
  for (const char* file : {"/", "/dev/zero"}) {
    const Loaded loaded = load_file(file, corpus_environment());
    EXPECT_FALSE(loaded.config);
    ASSERT_THAT(loaded.findings, SizeIs(1));
    EXPECT_EQ(loaded.findings[0].rule, "unreadable-file");
  }
}

}  // namespace
}  // namespace adapter::config
