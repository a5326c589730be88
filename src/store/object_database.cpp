// SPDX-License-Identifier: Apache-2.0
#include "object_database.hpp"

#include "adapter/base/units.hpp"
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

}  // namespace

ObjectDatabase::ObjectDatabase(std::span<const std::filesystem::path> objects_folders) {
  git_odb* odb = nullptr;
  if (const int code = git_odb_new(&odb); code < 0) {
    throw git::failure(code, "cannot open the object database");
  }
  odb_.reset(odb);
  int priority = static_cast<int>(objects_folders.size());
  for (const auto& folder : objects_folders) {
    for (const PackFile& pack : list_packs(folder / "pack")) {
      if (!looks_sound(folder / "pack", pack, false)) {
        throw Error(ErrorClass::corrupt, "the stored pack " + pack.stem + " is damaged");
      }
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

std::optional<ObjectHeader> ObjectDatabase::header(const ObjectId& id) {
  const git_oid oid = git::to_oid(id);
  std::size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  const int code = git_odb_read_header(&size, &type, odb_.get(), &oid);
  if (code == GIT_ENOTFOUND) {
    return std::nullopt;
  }
  if (code < 0) {
    throw git::failure(code, "cannot read the object " + id.to_hex());
  }
  const auto known = type_of(type);
  if (!known) {
    throw Error(ErrorClass::corrupt, "the object " + id.to_hex() + " has an unknown type");
  }
  return ObjectHeader{*known, size};
}

void ObjectDatabase::forget() noexcept {
  last_.reset();
  turn_.give_back();
}

std::optional<std::string_view> ObjectDatabase::read(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes) {
  forget();
  const auto found = header(id);
  if (!found) {
    return std::nullopt;
  }
  if (found->type != type) {
    throw wrong_type(id, to_string(found->type), type);
  }
  if (found->size_bytes > limit_bytes) {
    throw Error(ErrorClass::limit, "the " + std::string(to_string(type)) + " " + id.to_hex() + " has " +
                                       format_size(found->size_bytes) + ", more than " + format_size(limit_bytes));
  }
  if (found->size_bytes >= large_object_bytes) {
    turn_.take();
  }
  const git_oid oid = git::to_oid(id);
  git_odb_object* object = nullptr;
  const int code = git_odb_read(&object, odb_.get(), &oid);
  if (code < 0) {
    throw git::failure(code, "cannot read the object " + id.to_hex());
  }
  last_.reset(object);
  if (type_of(git_odb_object_type(object)) != type || git_odb_object_size(object) > limit_bytes) {
    throw Error(ErrorClass::corrupt, "the object " + id.to_hex() + " is not what its header says");
  }
  return std::string_view(static_cast<const char*>(git_odb_object_data(object)), git_odb_object_size(object));
}

}  // namespace adapter::store
