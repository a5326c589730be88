// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <git2.h>
#include <git2/sys/odb_backend.h>

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "adapter/base/error.hpp"
#include "adapter/base/object_id.hpp"

// With SHA-256 compiled in, git_indexer_new and the functions of object ids have other signatures.
#ifdef GIT_EXPERIMENTAL_SHA256
static_assert(false, "this libgit2 was built with GIT_EXPERIMENTAL_SHA256");
#endif
static_assert(sizeof(git_oid::id) == adapter::ObjectId::size_bytes);

/// Owners of libgit2's handles and the only door to its errors; nothing outside this folder sees git2.h.
namespace adapter::store::git {

template <auto release>
struct Release {
  template <class Handle>
  void operator()(Handle* handle) const noexcept {
    release(handle);
  }
};

using Odb = std::unique_ptr<git_odb, Release<git_odb_free>>;
using OdbObject = std::unique_ptr<git_odb_object, Release<git_odb_object_free>>;
using Indexer = std::unique_ptr<git_indexer, Release<git_indexer_free>>;

[[nodiscard]] inline git_oid to_oid(const ObjectId& id) noexcept {
  git_oid oid{};
  std::memcpy(oid.id, id.bytes().data(), ObjectId::size_bytes);
  return oid;
}

[[nodiscard]] inline ObjectId from_oid(const git_oid& oid) noexcept {
  return ObjectId(std::span<const std::uint8_t, ObjectId::size_bytes>(oid.id));
}

/// The Error for a call that has just returned `code` < 0 on this thread: storage for the operating system's errors and
/// for want of memory, cancelled for our own callbacks' refusal, corrupt for everything else. The library's text is
/// escaped.
[[nodiscard]] Error failure(int code, std::string_view what);

}  // namespace adapter::store::git
