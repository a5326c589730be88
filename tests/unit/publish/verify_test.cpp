// SPDX-License-Identifier: Apache-2.0
#include "verify.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>

#include "adapter/base/error.hpp"
#include "adapter/base/file.hpp"

namespace adapter::publish {
namespace {

/// The record of a tree with one folder, none of whose files is there.
Manifest record_of_missing(std::uint32_t files) {
  Manifest record;
  record.folders.emplace_back();
  record.folder_facts.emplace_back();
  record.entries.resize(files);
  for (std::uint32_t i = 0; i < files; ++i) {
    record.entries[i].name = record.strings.add("f" + std::to_string(i));
  }
  return record;
}

class CompareTree : public ::testing::Test {
protected:
  Differences compare(Manifest& record, const std::stop_token& stop) {
    Crew crew(workers_, 0);
    return compare_tree(tree_.get(), record, crew, stop);
  }

  UniqueFd tree_ = open_directory("/");
  async::Workers workers_{2};
};

TEST_F(CompareTree, LooksAtTheStopBeforeAFolder) {
  Manifest record = record_of_missing(0);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(static_cast<void>(compare(record, stop.get_token())), Error);
}

TEST_F(CompareTree, LooksAtTheStopWithinAFolder) {
  Manifest record = record_of_missing(400'000);
  std::stop_source stop;
  const std::jthread asks([&stop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop.request_stop();
  });
  try {
    const Differences found = compare(record, stop.get_token());
    FAIL() << "it went to the end, past " << found.missing << " files";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::cancelled);
  }
}

}  // namespace
}  // namespace adapter::publish
