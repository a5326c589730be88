// SPDX-License-Identifier: Apache-2.0
#include <git2.h>

#include <algorithm>
#include <string>

#include "adapter/base/text.hpp"
#include "adapter/store/store.hpp"
#include "git_handles.hpp"

namespace adapter::store {
namespace {

// A mapped window is address space, not memory; but pages that were looked at count until they are unmapped.
constexpr std::size_t mapped_window_bytes = 32 * mib;
constexpr std::size_t mapped_limit_bytes = 512 * mib;

void set_search_path(int level) {
  git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
}

}  // namespace

std::string library_version() {
  int major = 0;
  int minor = 0;
  int revision = 0;
  git_libgit2_version(&major, &minor, &revision);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(revision);
}

void initialize_library(const Limits& largest) {
  if (git_libgit2_init() < 0) {
    throw git::failure(-1, "cannot start libgit2");
  }
  // No configuration of a user or a system is ever read, whoever owns the volume.
  for (const int level :
       {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_PROGRAMDATA}) {
    set_search_path(level);
  }
  git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  // Every object is read once a walk; a cache would only hold memory.
  git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
  // A flipped bit in an index gives a sound object under a wrong name: only its hash shows that.
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
  git_libgit2_opts(GIT_OPT_DISABLE_PACK_KEEP_FILE_CHECKS, 1);
  git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, mapped_window_bytes);
  git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, mapped_limit_bytes);
  git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, static_cast<std::size_t>(largest.max_objects));
#ifdef ADAPTER_GIT_HAS_PACK_MAX_OBJECT_SIZE
  git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, static_cast<std::size_t>(largest.max_object_bytes));
#endif
}

namespace git {

Error failure(int code, std::string_view what) {
  const git_error* last = git_error_last();
  const int error_class = last != nullptr ? last->klass : GIT_ERROR_NONE;
  std::string text(what);
  if (last != nullptr && last->message != nullptr && error_class != GIT_ERROR_NONE) {
    text += ": " + escape(last->message);
  }
  if (code == GIT_EUSER) {
    return Error(ErrorClass::cancelled, std::string(what) + ": cancelled");
  }
  const bool local =
      error_class == GIT_ERROR_OS || error_class == GIT_ERROR_NOMEMORY || error_class == GIT_ERROR_FILESYSTEM;
  return Error(local ? ErrorClass::storage : ErrorClass::corrupt, text);
}

}  // namespace git
}  // namespace adapter::store
