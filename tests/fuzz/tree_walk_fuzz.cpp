// SPDX-License-Identifier: Apache-2.0
// Tree, commit and tag objects, names, and the walk over them. What an id leads to is decided by its first byte.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "adapter/base/error.hpp"
#include "history.hpp"
#include "names.hpp"
#include "objects.hpp"
#include "verify.hpp"

namespace adapter::store {
namespace {

class FuzzedSource final : public ObjectSource {
public:
  explicit FuzzedSource(std::string_view bytes) : bytes_(bytes) {}

  std::optional<ObjectHeader> header(const ObjectId& id) override {
    const std::uint8_t first = id.bytes()[0];
    if (first == 0) {
      return std::nullopt;
    }
    return ObjectHeader{static_cast<ObjectType>(first % 4), part(id).size()};
  }
  std::optional<std::string_view> read(const ObjectId& id, ObjectType, std::uint64_t limit_bytes) override {
    if (id.bytes()[0] == 0) {
      return std::nullopt;
    }
    return part(id).substr(0, limit_bytes);
  }

  bool visit(const ObjectId& id, ObjectType type, std::uint64_t limit_bytes, const std::stop_token&,
             const BytesVisitor& visitor) override {
    const auto bytes = read(id, type, limit_bytes);
    if (bytes) {
      visitor(*bytes);
    }
    return bytes.has_value();
  }

private:
  std::string_view part(const ObjectId& id) const {
    return bytes_.empty() ? bytes_ : bytes_.substr(id.bytes()[1] % bytes_.size());
  }
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(name_fault(bytes, NamePolicy::portable, size % 2 == 0));
  static_cast<void>(name_fault(bytes, NamePolicy::git, true));
  static_cast<void>(is_valid_ref_name(bytes));
  static_cast<void>(parse_commit(bytes));
  static_cast<void>(parse_tag(bytes));
  FuzzedSource source(bytes);
  Limits limits;
  limits.max_paths = 1000;
  limits.max_depth = 20;
  for (const char* hex : {"0000000000000000000000000000000000000001", "0400000000000000000000000000000000000000",
                          "0300000000000000000000000000000000000000"}) {
    const auto id = ObjectId::from_hex(hex);
    try {
      static_cast<void>(verify_commit(source, *id, limits, NamePolicy::portable, {}));
    } catch (const Error&) {
    }
    try {
      static_cast<void>(walk_history(source, std::span(&*id, 1), 50, {}, {}, {}));
    } catch (const Error&) {
    }
  }
  return 0;
}

}  // namespace adapter::store
