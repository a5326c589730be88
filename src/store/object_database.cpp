// SPDX-License-Identifier: Apache-2.0
#include "object_database.hpp"

#include <cassert>

#include "adapter/base/units.hpp"
#include "large_objects.hpp"
#include "layout.hpp"

namespace adapter::store {
namespace {

std::optional<ObjectType> type_of(git_object_t type) noexcept {
  switch (type) {
    case GIT_OBJECT_COMMIT:
      return ObjectType::commit;
    case GIT_OBJECT_TREE:
      return ObjectType::tree;
    case GIT_OBJECT_BLOB:
      return ObjectType::blob;
    case GIT_OBJECT_TAG:
      return ObjectType::tag;
    default:
      return std::nullopt;
  }
}

/// Whoever refers to the object wrote it so: another download brings the same.
Error wrong_type(const ObjectId& id, std::string_view found, ObjectType wanted) {
  Error error(ErrorClass::corrupt, "the object " + id.to_hex() + " is a " + std::string(found) + ", not a " +
                                       std::string(to_string(wanted)));
  error.set_retryable(false);
  return error;
}

std::string_view bytes_of(const git::OdbObject& object) noexcept {
  return {static_cast<const char*>(git_odb_object_data(object.get())), git_odb_object_size(object.get())};
}

}  // namespace

ObjectDatabase::ObjectDatabase(std::span<const std::filesystem::path> objects_folders, std::uint64_t allowance_bytes)
    : unfolding_("the objects are", allowance_bytes) {
  git_odb* odb = nullptr;
  if (const int code = git_odb_new(&odb); code < 0) {
    throw git::failure(code, "cannot open the object database");
  }
  odb_.reset(odb);
  int priority = static_cast<int>(objects_folders.size());
  for (const auto& folder : objects_folders) {
    packs_.emplace_back();
    for (const PackFile& pack : list_packs(folder / "pack")) {
      if (!looks_sound(folder / "pack", pack, false)) {
        throw Error(ErrorClass::corrupt, "the stored pack " + pack.stem + " is damaged");
      }
      packs_.back().emplace_back(folder / "pack", pack.stem);
    }
    git_odb_backend* backend = nullptr;
    if (const int code = git_odb_backend_pack(&backend, folder.c_str()); code < 0) {
      throw git::failure(code, "cannot open the packs in " + folder.string());
    }
    if (const int code = git_odb_add_backend(odb_.get(), backend, priority--); code < 0) {
      backend->free(backend);
      throw git::failure(code, "cannot open the packs in " + folder.string());
    }
  }
}

/// Not libgit2's look-up, which walks the whole chain of deltas for each object.
std::optional<ObjectHeader> ObjectDatabase::header(const ObjectId& id) {
  for (auto& folder : packs_) {
    for (PackHeaders& pack : folder) {
      if (const auto found = pack.header(id)) {
        return found;
      }
    }
  }
  return std::nullopt;
}

/// libgit2 reads from the first folder that has the object, and there from a pack of its own choice.
void ObjectDatabase::require(const ObjectId& id) {
  bool found = false;
  for (auto folder = packs_.begin(); folder != packs_.end() && !found; ++folder) {
    for (PackHeaders& pack : *folder) {
      found = pack.require(id) || found;
    }
  }
}

std::optional<ObjectHeader> ObjectDatabase::checked_header(const ObjectId& id, ObjectType type,
                                                           std::uint64_t limit_bytes) {
  const auto found = header(id);
  if (found && found->type != type) {
    throw wrong_type(id, to_string(found->type), type);
  }
  if (found && found->size_bytes > limit_bytes) {
    throw Error(ErrorClass::limit, "the " + std::string(to_string(type)) + " " + id.to_hex() + " has " +
                                       format_size(found->size_bytes) + ", more than " + format_size(limit_bytes));
  }
  if (found) {
    unfolding_.add(*found);
  }
  return found;
}

git::OdbObject ObjectDatabase::load(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes) {
  require(id);
  const git_oid oid = git::to_oid(id);
  git_odb_object* raw = nullptr;
  const int code = git_odb_read(&raw, odb_.get(), &oid);
  if (code < 0) {
    throw git::failure(code, "cannot read the object " + id.to_hex());
  }
  git::OdbObject object(raw);
  if (type_of(git_odb_object_type(raw)) != type || git_odb_object_size(raw) > limit_bytes) {
    throw Error(ErrorClass::corrupt, "the object " + id.to_hex() + " is not what its header says");
  }
  return object;
}

std::optional<std::string_view> ObjectDatabase::read(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes) {
  assert(limit_bytes <= max_small_object_bytes);
  last_.reset();
  static_assert(max_small_chain_object_bytes <= large_object_bytes);  // else a permit would be needed
  const auto found = checked_header(id, type, limit_bytes);
  if (!found) {
    return std::nullopt;
  }
  if (is_out_of_proportion(*found)) {
    throw Error(ErrorClass::limit, "the " + std::string(to_string(type)) + " " + id.to_hex() + " of " +
                                       format_size(found->size_bytes) + " is stored as deltas on objects of " +
                                       format_size(found->chain_bytes) +
                                       ", which git never does; repack the repository (git repack -a -d -f)");
  }
  last_ = load(id, type, limit_bytes);
  return bytes_of(last_);
}

bool ObjectDatabase::visit(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes, const std::stop_token& stop,
                           const BytesVisitor& visitor) {
  const auto found = checked_header(id, type, limit_bytes);
  if (!found) {
    return false;
  }
  std::optional<LargeObjectPermit> permit;
  if (found->largest_in_chain_bytes >= large_object_bytes) {
    permit.emplace(stop);
  }
  const git::OdbObject object = load(id, type, limit_bytes);
  visitor(bytes_of(object));
  return true;
}

}  // namespace adapter::store
