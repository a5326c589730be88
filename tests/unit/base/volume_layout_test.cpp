// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/volume_layout.hpp"

#include <gtest/gtest.h>

namespace adapter {
namespace {

// Links of readers and volumes of earlier versions hold these paths.
TEST(VolumeLayout, GivesPathsRelativeToDataDir) {
  const ObjectId commit = *ObjectId::from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  EXPECT_EQ(volume::own_path(volume::lock_file), ".adapter/.lock");
  EXPECT_EQ(volume::own_path("docs"), ".adapter/docs");
  EXPECT_EQ(volume::trees_path("docs"), ".adapter/docs/trees");
  EXPECT_EQ(volume::tree_path("docs", commit), ".adapter/docs/trees/4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  EXPECT_EQ(volume::residue_path("docs"), ".adapter/.residue/docs");
}

}  // namespace
}  // namespace adapter
