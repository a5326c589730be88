// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>

#include "../support/file_calls.hpp"
#include "store_support.hpp"

using adapter::Error;
using adapter::ErrorClass;
using adapter::NamePolicy;
using adapter::ObjectId;
using adapter::store::StoreOptions;
using namespace std::string_literals;

namespace {

class StoreHostile : public StoreTest {
protected:
  void SetUp() override {
    origin.write("file", "content\n");
    good = origin.commit("good");
    blob = ObjectId::from_hex(origin.git("rev-parse HEAD:file")).value();
    empty_tree = origin.hash_object("tree", "");
  }

  /// What keeping a commit with this root tree is refused with.
  Error refusal_of(const std::string& tree, StoreOptions options = {}) {
    const ObjectId commit = origin.commit_of_tree(origin.hash_object("tree", tree));
    open(options);
    // git's own walk would stumble over some of these: name the objects.
    std::string list = commit.to_hex() + "\n" + blob.to_hex() + "\n" + empty_tree.to_hex() + "\n";
    list += origin.git("cat-file --batch-check='%(objectname)' --batch-all-objects");
    write_whole(origin.path() / ".git/test-list", list + "\n");
    const std::string pack =
        run_command("cd '" + origin.path().string() + "' && git pack-objects -q --stdout <.git/test-list");
    const Error error = refusal(pack, commit);
    expect_nothing_kept();
    return error;
  }

  ObjectId good;
  ObjectId blob;
  ObjectId empty_tree;
};

TEST_F(StoreHostile, TreesThatGitWouldNotWriteAreRefused) {
  const ObjectId link = origin.hash_object("blob", "target");
  for (const std::string& tree :
       {tree_entry("100644", "..", blob), tree_entry("100644", ".", blob), tree_entry("40000", ".git", empty_tree),
        tree_entry("40000", ".GiT", empty_tree), tree_entry("40000", "git~1", empty_tree),
        tree_entry("100644", "a/b", blob), tree_entry("100644", "", blob), tree_entry("100644", "a\nb", blob),
        tree_entry("10644", "fifo", blob), tree_entry("20644", "device", blob), tree_entry("140755", "socket", blob),
        tree_entry("104755", "setuid", blob), tree_entry("100644", "b", blob) + tree_entry("100644", "a", blob),
        tree_entry("100644", "a", blob) + tree_entry("100644", "a", blob),
        tree_entry("100644", "a", blob) + tree_entry("40000", "a", empty_tree),
        tree_entry("100644", "a", blob) + tree_entry("100644", "a.b", blob) + tree_entry("40000", "a", empty_tree),
        tree_entry("120000", ".gitmodules", link), tree_entry("40000", ".g\u200Cit", empty_tree)}) {
    const auto error = refusal_of(tree);
    EXPECT_EQ(error.error_class(), ErrorClass::policy) << error.text();
  }
}

TEST_F(StoreHostile, MalformedOrMismatchedObjectsAreCorrupt) {
  for (const std::string& tree :
       {"100644 a\0short"s, "100644"s, tree_entry("40000", "a", blob), tree_entry("100644", "a", empty_tree),
        tree_entry("100644", "a", good), tree_entry("100644", "a", ObjectId::from_hex(std::string(40, '7')).value())}) {
    const auto error = refusal_of(tree);
    EXPECT_EQ(error.error_class(), ErrorClass::corrupt) << error.text();
  }
}

/// Whoever may write to the repository can send one with each check.
TEST_F(StoreHostile, AMalformedObjectHasNoStoredPackLookedThrough) {
  open();
  ingest(origin.pack(good.to_hex()), good);
  const ObjectId commit = origin.commit_of_tree(origin.hash_object("tree", tree_entry("40000", "a", blob)));
  const std::string list = commit.to_hex() + "\n" + origin.git("rev-parse " + commit.to_hex() + "^{tree}") + "\n";
  write_whole(origin.path() / ".git/test-list", list);
  const std::string pack =
      run_command("cd '" + origin.path().string() + "' && git pack-objects -q --stdout <.git/test-list");
  adapter::testing::FileCalls::watch();
  const Error error = refusal(pack, commit);
  adapter::testing::FileCalls::ignore();
  EXPECT_EQ(error.error_class(), ErrorClass::corrupt);
  EXPECT_FALSE(error.retryable());
  const auto made = adapter::testing::FileCalls::paths_of("mkdir");
  const auto quarantines = std::count_if(made.begin(), made.end(), [](const std::string& path) {
    return std::filesystem::path(path).parent_path().filename() == "incoming";
  });
  EXPECT_EQ(quarantines, 1) << "the transfer's own, and one for each stored pack that was indexed again";
}

TEST_F(StoreHostile, TheNamesPolicyOfGitTakesSystemdUnits) {
  const std::string tree = tree_entry("100644", "dev-disk-by\\x2duuid.swap", blob);
  const auto error = refusal_of(tree);
  EXPECT_NE(error.text().find("names: git"), std::string::npos) << error.text();
  const ObjectId commit = origin.commit_of_tree(origin.hash_object("tree", tree));
  StoreOptions options;
  options.names = NamePolicy::git;
  open(options);
  EXPECT_EQ(ingest(origin.pack(commit.to_hex()), commit).paths, 1U);
  expect_sound();
}

TEST_F(StoreHostile, HistoricModesAreReadAsWhatTheyMean) {
  const ObjectId folder_tree = origin.hash_object("tree", tree_entry("100664", "x", blob));
  const ObjectId commit = origin.commit_of_tree(origin.hash_object("tree", tree_entry("040000", "a", folder_tree)));
  open();
  EXPECT_EQ(ingest(origin.pack(commit.to_hex()), commit).paths, 2U);
  EXPECT_EQ(listing(commit), "100644 blob " + blob.to_hex() + "\ta/x");
}

/// What git checks out of modes that are not its own is what the reader says.
TEST_F(StoreHostile, OtherModesAreReadAsGitReadsThem) {
  std::string tree;
  for (const char* const mode : {"100600", "100640", "100644", "100664", "100666", "100700", "100744", "100755",
                                 "100775", "100777", "0100644", "0100755"}) {
    tree += tree_entry(mode, "f" + std::to_string(100 + tree.size()), blob);
  }
  tree += tree_entry("40755", "folder", origin.hash_object("tree", tree_entry("100644", "x", blob)));
  const ObjectId commit = origin.commit_of_tree(origin.hash_object("tree", tree));
  open();
  ingest(origin.pack(commit.to_hex()), commit);
  EXPECT_EQ(listing(commit), origin.git("ls-tree -r " + commit.to_hex()));
  const std::string checkout = (folder.path() / "checkout").string();
  std::filesystem::create_directories(checkout);
  origin.git("--work-tree='" + checkout + "' checkout -q " + commit.to_hex() + " -- .");
  std::istringstream lines(listing(commit));
  for (std::string line; std::getline(lines, line);) {
    struct stat info{};
    ASSERT_EQ(stat((checkout + "/" + line.substr(line.find('\t') + 1)).c_str(), &info), 0) << line;
    EXPECT_EQ((info.st_mode & 0100U) != 0, line.starts_with("100755")) << line;
  }
}

TEST_F(StoreHostile, UnsortedTreesAreReadAsGitReadsThemWithItsNamesPolicy) {
  const std::string tree =
      tree_entry("100644", "b", blob) + tree_entry("100755", "a", blob) + tree_entry("100644", "c", blob);
  const auto error = refusal_of(tree);
  EXPECT_EQ(error.error_class(), ErrorClass::policy);
  EXPECT_NE(error.text().find("names: git"), std::string::npos) << error.text();
  StoreOptions options;
  options.names = NamePolicy::git;
  const ObjectId commit = origin.commit_of_tree(origin.hash_object("tree", tree));
  open(options);
  ingest(origin.pack(commit.to_hex()), commit);
  EXPECT_EQ(listing(commit), origin.git("ls-tree -r " + commit.to_hex()));
  std::filesystem::remove_all(directory());
  const auto twice = refusal_of(tree + tree_entry("100644", "b", blob), options);
  EXPECT_EQ(twice.error_class(), ErrorClass::policy);
  EXPECT_NE(twice.text().find("is there twice"), std::string::npos) << twice.text();
}

TEST_F(StoreHostile, ATagOfABlobIsAboutTheRef) {
  origin.git("tag -a -m t words HEAD:file");
  const ObjectId tag = ObjectId::from_hex(origin.git("rev-parse words")).value();
  open();
  const auto error = refusal(origin.pack("words"), tag);
  EXPECT_EQ(error.error_class(), ErrorClass::policy);
  EXPECT_FALSE(error.retryable());
  EXPECT_NE(error.text().find("names a blob"), std::string::npos) << error.text();
  expect_nothing_kept();
}

TEST_F(StoreHostile, ATreeBombIsRefusedAtOnce) {
  ObjectId below = blob;
  for (int level = 0; level < 12; ++level) {
    std::string tree;
    for (char name = 'a'; name < 'k'; ++name) {
      tree += tree_entry(level == 0 ? "100644" : "40000", std::string(1, name), below);
    }
    below = origin.hash_object("tree", tree);
  }
  const ObjectId commit = origin.commit_of_tree(below);
  open();
  const auto error = refusal(origin.pack(commit.to_hex()), commit);
  EXPECT_EQ(error.error_class(), ErrorClass::limit);
  expect_nothing_kept();
}

TEST_F(StoreHostile, CapsAreKept) {
  origin.write("large", std::string(3'000'000, 'x'));
  origin.write("other", "y");
  const ObjectId tip = origin.commit("large");
  const std::string pack = origin.pack("HEAD");
  StoreOptions objects;
  objects.limits.max_objects = 3;
  StoreOptions bytes;
  bytes.limits.max_pack_bytes = pack.size() - 1;
  StoreOptions object;
  object.limits.max_object_bytes = 1'000'000;
  StoreOptions paths;
  paths.limits.max_paths = 2;
  StoreOptions tree;
  tree.limits.max_tree_bytes = 2'000'000;
  for (const auto& [options, key] :
       {std::pair{objects, "max_objects"}, std::pair{bytes, "max_pack_bytes"}, std::pair{object, "max_object_bytes"},
        std::pair{paths, "max_paths"}, std::pair{tree, "max_tree_bytes"}}) {
    open(options);
    const auto error = refusal(pack, tip);
    EXPECT_EQ(error.error_class(), ErrorClass::limit) << key;
    EXPECT_NE(error.text().find(key), std::string::npos) << error.text();
    expect_nothing_kept();
  }
}

/// A pack of one entry, made by hand.
std::string one_entry(unsigned type, std::uint64_t size, const std::string& compressed) {
  std::string pack = "PACK\0\0\0\2\0\0\0\1"s;
  auto byte = static_cast<unsigned>(type << 4U | (size & 0x0FU));
  for (size >>= 4U; size != 0; size >>= 7U) {
    pack.push_back(static_cast<char>(byte | 0x80U));
    byte = static_cast<unsigned>(size & 0x7FU);
  }
  pack.push_back(static_cast<char>(byte));
  return pack + compressed;
}

std::string deflated_zeros(std::uint64_t size) {
  z_stream stream{};
  deflateInit(&stream, Z_BEST_COMPRESSION);
  std::string input(1 << 20, '\0');
  std::string output;
  std::string buffer(1 << 16, '\0');
  while (size > 0 || stream.avail_in > 0) {
    const auto count = static_cast<unsigned>(std::min<std::uint64_t>(size, input.size()));
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = count;
    size -= count;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<unsigned>(buffer.size());
      deflate(&stream, size == 0 ? Z_FINISH : Z_NO_FLUSH);
      output.append(buffer, 0, buffer.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return output;
}

TEST_F(StoreHostile, ABombOfOneObjectIsRefusedFromItsHeader) {
  const std::uint64_t size = 600'000'000;
  const std::string zeros = deflated_zeros(size);
  for (const bool delta : {false, true}) {
    const std::string body = (delta ? raw_id(blob) : ""s) + zeros;
    const std::string pack = one_entry(delta ? 7 : 3, size, body) + std::string(20, 't');
    open();
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    const auto error = refusal(pack, good);
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    EXPECT_EQ(error.error_class(), ErrorClass::limit) << error.text();
    EXPECT_LT(after.ru_utime.tv_sec - before.ru_utime.tv_sec, 3);
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 100'000);
    expect_nothing_kept();
  }
}

TEST_F(StoreHostile, EachTruncationIsCorrupt) {
  const std::string pack = origin.pack("HEAD");
  open();
  for (std::size_t size = 1; size < pack.size(); ++size) {
    const auto error = refusal(pack.substr(0, size), good);
    EXPECT_EQ(error.error_class(), ErrorClass::corrupt) << size << ": " << error.text();
  }
  expect_nothing_kept();
}

TEST_F(StoreHostile, EachFlippedByteIsRefused) {
  const std::string pack = origin.pack("HEAD");
  open();
  for (std::size_t at = 0; at < pack.size(); ++at) {
    std::string flipped = pack;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    const auto error = refusal(flipped, good);
    EXPECT_TRUE(error.error_class() == ErrorClass::corrupt || error.error_class() == ErrorClass::limit)
        << at << ": " << error.text();
  }
  expect_nothing_kept();
}

TEST_F(StoreHostile, BytesAfterThePackAreCorrupt) {
  open();
  EXPECT_EQ(refusal(origin.pack("HEAD") + "more", good).error_class(), ErrorClass::corrupt);
  expect_nothing_kept();
}

}  // namespace
