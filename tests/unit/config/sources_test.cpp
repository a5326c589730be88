// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support.hpp"
#include "support/mapped_file.hpp"

namespace adapter::config {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class SourcesOfAFile : public testing::Test {
protected:
  SourcesOfAFile() {
    std::string name = (fs::temp_directory_path() / "adapter-sources-XXXXXX").native();
    folder = mkdtemp(name.data());
    fs::create_directory(folder / "conf.d");
    write("conf.d/a.yaml", one("a"));
    write("config.yaml", "include: [conf.d/*.yaml]\n" + one("main"));
  }
  ~SourcesOfAFile() override { fs::remove_all(folder); }

  static std::string one(const std::string& name) {
    return "repositories: [{name: " + name + ", url: https://git.example.com/" + name + "}]\n";
  }
  /// As a new file in its place: an inode says so, however fast the clock is.
  void write(const fs::path& name, const std::string& text) const {
    std::ofstream(folder / "new") << text;
    fs::rename(folder / "new", folder / name);
  }
  [[nodiscard]] Sources load() const { return load_file(folder / "config.yaml", make_environment({})).sources; }

  fs::path folder;
};

TEST_F(SourcesOfAFile, AreWhatWasReadAndWhatWasLookedFor) {
  const Sources sources = load();
  EXPECT_THAT(sources.files, ElementsAre(folder / "config.yaml", folder / "conf.d/a.yaml"));
  ASSERT_THAT(sources.patterns, SizeIs(1));
  EXPECT_EQ(sources.patterns.front().folder, folder);
  EXPECT_EQ(sources.patterns.front().pattern, "conf.d/*.yaml");
  EXPECT_THAT(sources.versions, SizeIs(2));
}

TEST_F(SourcesOfAFile, AreTheSameUntilSomethingChanges) {
  const Sources sources = load();
  EXPECT_EQ(look_again(sources), sources);
  EXPECT_EQ(look_again(sources), sources);
}

TEST_F(SourcesOfAFile, DifferWhenAFileIsReplaced) {
  for (const char* name : {"conf.d/a.yaml", "config.yaml"}) {
    const Sources sources = load();
    write(name, one("other"));
    EXPECT_NE(look_again(sources), sources) << name;
  }
}

TEST_F(SourcesOfAFile, DifferWhenAFileIsWrittenInPlace) {
  const Sources sources = load();
  std::ofstream(folder / "config.yaml", std::ios::app) << "# more\n";
  EXPECT_NE(look_again(sources), sources);
}

TEST_F(SourcesOfAFile, DifferWhenAFileIsRewrittenUnderTheSameStamp) {
  test::MappedFile mapped(folder / "config.yaml");
  const Sources sources = load();
  EXPECT_EQ(look_again(sources), sources);
  mapped.rewrite("INCLUDE");
  EXPECT_NE(look_again(sources), sources);
}

TEST_F(SourcesOfAFile, DifferWhenAFileComesOrGoes) {
  Sources sources = load();
  write("conf.d/b.yaml", one("b"));
  EXPECT_NE(look_again(sources), sources);
  sources = load();
  EXPECT_EQ(look_again(sources), sources);
  fs::remove(folder / "conf.d/b.yaml");
  EXPECT_NE(look_again(sources), sources);
  sources = load();
  fs::remove(folder / "config.yaml");
  EXPECT_NE(look_again(sources), sources);
}

TEST_F(SourcesOfAFile, DifferWhenALinkOnTheWayIsSwapped) {
  fs::create_directory(folder / "first");
  fs::create_directory(folder / "second");
  write("first/config.yaml", one("a"));
  write("second/config.yaml", one("a"));
  fs::create_directory_symlink("first", folder / "..data");
  const Sources sources = load_file(folder / "..data/config.yaml", make_environment({})).sources;
  fs::create_directory_symlink("second", folder / "..data_tmp");
  fs::rename(folder / "..data_tmp", folder / "..data");
  EXPECT_NE(look_again(sources), sources);
}

TEST_F(SourcesOfAFile, AreThereWhenTheFileIsBadOrGone) {
  write("config.yaml", "include: [conf.d/*.yaml, gone.yaml]\nnonsense: 1\n" + one("main"));
  const Loaded bad = load_file(folder / "config.yaml", make_environment({}));
  EXPECT_FALSE(bad.config);
  EXPECT_THAT(bad.sources.files, Contains(folder / "gone.yaml"));
  EXPECT_EQ(look_again(bad.sources), bad.sources);
  write("gone.yaml", one("back"));
  EXPECT_NE(look_again(bad.sources), bad.sources);
  fs::remove(folder / "config.yaml");
  const Loaded gone = load_file(folder / "config.yaml", make_environment({}));
  EXPECT_THAT(gone.sources.files, ElementsAre(folder / "config.yaml"));
  EXPECT_EQ(look_again(gone.sources), gone.sources);
}

TEST_F(SourcesOfAFile, OfAPatternThatMeetsTheMainFileStandStillToo) {
  write("config.yaml", "include: [\"*.yaml\"]\n" + one("main"));
  const Sources sources = load();
  EXPECT_EQ(look_again(sources), sources);
}

TEST(Sources, OfVariablesAreNone) {
  const Loaded loaded = load_environment(make_environment({{"ADAPTER_URL", "https://git.example.com/a.git"}}));
  EXPECT_THAT(loaded.sources.files, IsEmpty());
  EXPECT_EQ(look_again(loaded.sources), loaded.sources);
}

}  // namespace
}  // namespace adapter::config
