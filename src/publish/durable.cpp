// SPDX-License-Identifier: Apache-2.0
#include "durable.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "adapter/async/job_list.hpp"
#include "folder.hpp"

namespace adapter::publish {
namespace {

/// Linux 5.8 or newer; before, syncfs answered 0 whatever happened to the pages.
bool syncfs_tells_errors() {
  static const bool answer = [] {
    struct utsname system{};
    if (uname(&system) != 0) {
      return false;
    }
    char* end = nullptr;
    const long major = std::strtol(static_cast<const char*>(system.release), &end, 10);
    const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
    return major > 5 || (major == 5 && minor >= 8);
  }();
  return answer;
}

void sync_each(int staging, const Manifest& manifest) {
  std::size_t entry = 0;
  for (std::uint32_t i = 0; i < manifest.folders.size(); ++i) {
    const std::string path = folder_path(manifest.folders, i);
    const UniqueFd folder = open_beneath(staging, path);
    for (; entry < manifest.entries.size() && manifest.entries[entry].folder == i; ++entry) {
      const ManifestEntry& written = manifest.entries[entry];
      if (!S_ISREG(written.facts.mode)) {
        continue;
      }
      const UniqueFd file(
          openat(folder.get(), std::string(written.name).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
      if (!file || checked_fsync(file.get()) != 0) {
        throw volume_error(errno, "make durable", join(path, written.name));
      }
    }
    fsync_folder(folder.get(), path.empty() ? "the tree" : path);
  }
}

}  // namespace

void make_durable(int witness, int staging, const Manifest& manifest) {
  const async::JobStep step("make the tree durable");
  const bool few = manifest.entries.size() + manifest.folders.size() <= few_entries;
  if (few || !syncfs_tells_errors()) {
    sync_each(staging, manifest);
    return;
  }
  struct stat info{};
  if (syncfs(witness) == 0 && fstat(witness, &info) == 0) {  // as checked_fsync
    return;
  }
  if (errno == ENOSYS) {
    sync_each(staging, manifest);
    return;
  }
  throw volume_error(errno, "make durable (syncfs)", "the volume");
}

}  // namespace adapter::publish
