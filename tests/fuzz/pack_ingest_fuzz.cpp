// SPDX-License-Identifier: Apache-2.0
// A transferred pack: the scan for bombs, libgit2's indexer in quarantine, and our own reading of what it made. The
// checksum at the end is mended, so that the bytes before it are what is tried.
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/crypto/digest.hpp"
#include "adapter/store/store.hpp"
#include "pack_merge.hpp"
#include "pack_scan.hpp"
#include "quarantine.hpp"

namespace adapter::store {
namespace {

Limits small_limits() {
  Limits limits;
  limits.max_object_bytes = 1 * mib;
  limits.max_objects = 1000;
  limits.max_pack_bytes = 16 * mib;
  return limits;
}

const Layout& scratch() {
  static const Layout layout = [] {
    initialize_library(small_limits());
    std::string pattern = (std::filesystem::temp_directory_path() / "adapter-fuzz-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      abort();
    }
    Layout made{pattern};
    prepare_layout(made);
    return made;
  }();
  return layout;
}

std::string with_checksum(std::string_view bytes) {
  constexpr std::size_t trailer_bytes = 20;
  std::string pack(bytes.substr(0, bytes.size() < trailer_bytes ? bytes.size() : bytes.size() - trailer_bytes));
  crypto::Sha1 sha1;
  sha1.update(pack);
  const auto digest = sha1.finish();
  pack += crypto::bytes_of(digest);
  return pack;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string pack = with_checksum(std::string_view(reinterpret_cast<const char*>(data), size));
  PackScan scan(1 * mib, 16 * mib);
  const std::string_view view(pack);
  if (!scan.feed(view.substr(0, size / 2))) {
    static_cast<void>(scan.feed(view.substr(size / 2)));
  }
  try {
    Quarantine quarantine(scratch(), small_limits(), std::make_shared<ProgressCounts>());
    quarantine.append(view.substr(0, size / 3), {});
    quarantine.append(view.substr(size / 3), {});
    const auto stem = quarantine.finish({});
    if (stem) {
      const StoredPack stored(quarantine.pack_folder(), *stem);
      const StoredPack* pointer = &stored;
      MergePlan plan(std::span(&pointer, 1));
      for (std::uint32_t entry = 0; entry < stored.count(); ++entry) {
        plan.add(stored.id(entry));
      }
      std::size_t written = 0;
      plan.write([&](std::string_view bytes) { written += bytes.size(); }, {});
      if (written == 0) {
        abort();
      }
    }
  } catch (const Error&) {
  }
  return 0;
}

}  // namespace adapter::store
