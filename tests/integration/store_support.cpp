// SPDX-License-Identifier: Apache-2.0
#include "store_support.hpp"

#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

using adapter::ObjectId;
using namespace std::string_literals;

namespace {

std::string quoted(const std::filesystem::path& path) {
  return "'" + path.string() + "'";
}

/// Nothing of the machine's configuration; a fixed author and time so that a failing case can be repeated.
const std::string environment =
    "env GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com "
    "GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com GIT_AUTHOR_DATE='1700000000 +0000' "
    "GIT_COMMITTER_DATE='1700000000 +0000' git -c safe.directory='*' ";

void append_listing(adapter::store::ObjectReader& reader, const ObjectId& tree, const std::string& prefix,
                    std::string& text) {
  using adapter::store::EntryKind;
  for (const auto& entry : reader.tree(tree, {})) {
    const std::string path = prefix + entry.name;
    switch (entry.kind) {
      case EntryKind::folder:
        append_listing(reader, entry.id, path + "/", text);
        break;
      case EntryKind::submodule:
        text += "160000 commit " + entry.id.to_hex() + "\t" + path + "\n";
        break;
      case EntryKind::symlink:
        text += "120000 blob " + entry.id.to_hex() + "\t" + path + "\n";
        break;
      case EntryKind::file:
      case EntryKind::executable:
        text +=
            (entry.kind == EntryKind::file ? "100644 blob " : "100755 blob ") + entry.id.to_hex() + "\t" + path + "\n";
        break;
    }
  }
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "adapter-store-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("cannot make " + pattern);
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string run_command(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    throw std::runtime_error("cannot run " + command);
  }
  std::string output;
  std::array<char, 65536> buffer{};
  std::size_t count = 0;
  while ((count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
    output.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("failed: " + command + "\n" + output);
  }
  return output;
}

std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_whole(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string raw_id(const ObjectId& id) {
  std::string bytes;
  for (const std::uint8_t byte : id.bytes()) {
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string tree_entry(const std::string& mode, const std::string& name, const ObjectId& id) {
  return mode + " " + name + "\0"s + raw_id(id);
}

GitRepository::GitRepository(std::filesystem::path path) : path_(std::move(path)) {
  std::filesystem::create_directories(path_);
  git("init -q -b main");
}

std::string GitRepository::git(const std::string& arguments, const std::string& input) const {
  std::string redirect = " </dev/null";
  if (!input.empty()) {
    const auto file = path_ / ".git" / "test-input";
    write_whole(file, input);
    redirect = " <" + quoted(file);
  }
  std::string output = run_command("cd " + quoted(path_) + " && " + environment + arguments + redirect + " 2>&1");
  if (output.ends_with('\n')) {
    output.pop_back();
  }
  return output;
}

void GitRepository::write(const std::string& file, std::string_view bytes) const {
  std::filesystem::create_directories((path_ / file).parent_path());
  write_whole(path_ / file, bytes);
}

ObjectId GitRepository::commit(const std::string& message) const {
  git("add -A");
  git("commit -q --allow-empty -m '" + message + "'");
  return ObjectId::from_hex(git("rev-parse HEAD")).value();
}

ObjectId GitRepository::hash_object(const std::string& type, const std::string& bytes) const {
  return ObjectId::from_hex(git("hash-object -t " + type + " -w --literally --stdin", bytes)).value();
}

ObjectId GitRepository::hash_object_name(std::string_view bytes) const {
  return ObjectId::from_hex(git("hash-object --stdin", std::string(bytes))).value();
}

ObjectId GitRepository::commit_of_tree(const ObjectId& tree) const {
  return hash_object("commit", "tree " + tree.to_hex() +
                                   "\nauthor a <a@example.com> 1700000000 +0000\n"
                                   "committer a <a@example.com> 1700000000 +0000\n\nmade by hand\n");
}

std::string GitRepository::pack(const std::string& revisions, const std::string& options) const {
  const auto input = path_ / ".git" / "test-revisions";
  write_whole(input, revisions + "\n");
  return run_command("cd " + quoted(path_) + " && " + environment +
                     "pack-objects -q --stdout --revs --delta-base-offset " + options + " <" + quoted(input));
}

StoreTest::StoreTest() {
  static const bool ready = [] {
    adapter::store::initialize_library(adapter::Limits{});
    return true;
  }();
  EXPECT_TRUE(ready);
}

void StoreTest::await(asio::awaitable<void> work) {
  std::exception_ptr failure;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error) { failure = error; });
  loop.restart();
  loop.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

void StoreTest::open(adapter::store::StoreOptions options) {
  store = adapter::store::make_store(workers, directory(), options);
  await(store->open());
}

adapter::store::CommitSummary StoreTest::ingest(const std::string& pack, adapter::store::Tip tip) {
  auto transfer = store->begin();
  std::string_view rest = pack;
  std::uniform_int_distribution<std::size_t> size(1, 200'000);
  while (!rest.empty()) {
    const auto piece = rest.substr(0, size(random));
    await(transfer->write(piece));
    rest.remove_prefix(piece.size());
  }
  return await(store->accept(std::move(transfer), std::move(tip)));
}

adapter::store::CommitSummary StoreTest::ingest(const std::string& pack, const ObjectId& id, std::uint32_t depth) {
  adapter::store::Tip tip;
  tip.ref = "refs/heads/main";
  tip.id = id;
  tip.depth = depth;
  return ingest(pack, std::move(tip));
}

adapter::Error StoreTest::refusal(const std::string& pack, const ObjectId& id, std::uint32_t depth) {
  try {
    ingest(pack, id, depth);
  } catch (const adapter::Error& error) {
    return error;
  }
  ADD_FAILURE() << "it was kept";
  return {adapter::ErrorClass::config, "nothing was refused"};
}

std::string StoreTest::kept_git(const std::string& arguments) {
  return run_command(environment + "--git-dir " + quoted(directory() / "repo.git") + " " + arguments + " 2>&1");
}

void StoreTest::expect_sound() {
  std::string complaints;
  try {
    complaints = kept_git("fsck --full --no-dangling --no-progress");
  } catch (const std::exception& error) {
    complaints = error.what();
  }
  EXPECT_EQ(complaints, "");
  EXPECT_TRUE(std::filesystem::is_empty(directory() / "incoming"));
}

void StoreTest::expect_nothing_kept() {
  // Files are removed on a worker after the loop has moved on.
  for (int turn = 0; turn < 200 && !std::filesystem::is_empty(directory() / "incoming"); ++turn) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory() / "incoming"));
  EXPECT_EQ(pack_count(), 0U);
  EXPECT_TRUE(store->haves().tips.empty());
}

std::string StoreTest::listing(const ObjectId& commit) {
  const auto reader = store->reader();
  std::string text;
  append_listing(*reader, reader->commit_tree(commit), "", text);
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

std::size_t StoreTest::pack_count() const {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory() / "repo.git/objects/pack")) {
    count += entry.path().extension() == ".pack" ? 1U : 0U;
  }
  return count;
}
