// SPDX-License-Identifier: Apache-2.0
#include "blob_hash.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "adapter/base/error.hpp"
#include "adapter/base/file.hpp"

namespace adapter::publish {
namespace {

UniqueFd file_of(const std::string& bytes) {
  UniqueFd file(memfd_create("blob", MFD_CLOEXEC));
  write_all(file.get(), bytes, "blob");
  return file;
}

/// The ids are `git hash-object --stdin`'s.
TEST(BlobHash, IsGitsNameOfABlob) {
  const std::pair<std::string, const char*> blobs[] = {
      {"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
      {"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"},
      {std::string(55, 'a'), "d1985ddc2983785702b9a90effd5aff2f7cfdca4"},
      {std::string(64, 'a'), "71b7a71962774fa5c721e1163f935cb61a0e09e6"},
      {std::string(1'000'000, 'a'), "de1fbf0c2f34f67f01f355f31ed0cf7319643c5e"},
  };
  for (const auto& [bytes, id] : blobs) {
    EXPECT_EQ(blob_id_of(file_of(bytes).get(), bytes.size(), {}), ObjectId::from_hex(id)) << bytes.size();
  }
}

TEST(BlobHash, IsNoneOfAFileOfAnotherSize) {
  const UniqueFd file = file_of("hello\n");
  EXPECT_FALSE(blob_id_of(file.get(), 5, {}));
  EXPECT_FALSE(blob_id_of(file.get(), 7, {}));
  EXPECT_FALSE(blob_id_of(-1, 0, {}));
}

TEST(BlobHash, StopsWhenItIsStopped) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(static_cast<void>(blob_id_of(file_of("x").get(), 1, source.get_token())), Error);
}

}  // namespace
}  // namespace adapter::publish
