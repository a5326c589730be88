// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "adapter/base/limits.hpp"
#include "verify.hpp"

namespace adapter::store {
namespace {

constexpr int max_tag_levels = 8;

/// git allows it, and there is no tree to publish: about the ref's target, until the ref moves.
Error names_no_commit(const ObjectId& id, bool tagged, ObjectType type) {
  const std::string kind(to_string(type));
  return {ErrorClass::policy, tagged ? "the tag " + id.to_hex() + " names a " + kind +
                                           ", and only a commit can be published: choose another ref"
                                     : "the object " + id.to_hex() + " is a " + kind +
                                           ", and only a commit can be published: choose another ref"};
}

}  // namespace

Peeled peel_to_commit(ObjectSource& source, const ObjectId& id) {
  ObjectId at = id;
  for (int level = 0; level <= max_tag_levels; ++level) {
    const auto header = source.header(at);
    if (!header) {
      throw MissingObject(ErrorClass::corrupt, "the object " + at.to_hex() + " is missing");
    }
    if (header->type != ObjectType::commit && header->type != ObjectType::tag) {
      throw names_no_commit(id, level > 0, header->type);
    }
    const auto bytes = source.read(at, header->type, max_commit_or_tag_bytes);
    if (!bytes) {
      throw MissingObject(ErrorClass::corrupt, "the object " + at.to_hex() + " is missing");
    }
    if (header->type == ObjectType::commit) {
      auto links = parse_commit(*bytes);
      if (!links) {
        throw malformed_object("the commit " + at.to_hex() + " is malformed");
      }
      return Peeled{at, std::move(*links)};
    }
    const auto target = parse_tag(*bytes);
    if (!target) {
      throw malformed_object("the tag " + at.to_hex() + " is malformed");
    }
    at = target->id;
  }
  throw Error(ErrorClass::limit,
              "the tag " + id.to_hex() + " leads through more than " + std::to_string(max_tag_levels) + " other tags");
}

}  // namespace adapter::store
