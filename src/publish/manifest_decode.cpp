// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <unordered_set>

#include "folder.hpp"
#include "manifest.hpp"
#include "manifest_format.hpp"

namespace adapter::publish {
namespace {

/// Reads forward; after the first thing that is not there everything is zero and `ok` is false.
class Reader {
public:
  Reader(const ByteSource& source, std::uint64_t size_bytes) : source_(source), rest_bytes_(size_bytes) {
    buffer_.resize(buffer_bytes);
  }

  template <std::integral Number>
  Number number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(sizeof(Number));
    for (std::size_t i = bytes.size(); i-- > 0;) {
      value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
    }
    return static_cast<Number>(value);
  }

  /// Valid until the next call.
  std::string_view text() {
    const auto size = number<std::uint32_t>();
    if (size > max_text_bytes) {
      fail();
      return {};
    }
    return take(size);
  }

  Facts facts() {
    Facts facts;
    facts.mode = number<std::uint32_t>();
    facts.size_bytes = number<std::uint64_t>();
    facts.mtime_ns = number<std::int64_t>();
    facts.ctime_ns = number<std::int64_t>();
    return facts;
  }

  ObjectId id() {
    const std::string_view text = take(ObjectId::size_bytes);
    std::array<std::uint8_t, ObjectId::size_bytes> bytes{};
    std::copy(text.begin(), text.end(), bytes.begin());
    return ObjectId(bytes);
  }

  /// How many records follow; checked against what is left, so that a wrong count cannot ask for memory.
  std::size_t count(std::size_t min_record_bytes) {
    const auto value = number<std::uint64_t>();
    if (value > rest_bytes_ / min_record_bytes) {
      fail();
      return 0;
    }
    return static_cast<std::size_t>(value);
  }

  std::string_view take(std::size_t size) {
    if (!ok_ || size > rest_bytes_ || !fill(size)) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes(buffer_.data() + begin_, size);
    begin_ += size;
    rest_bytes_ -= size;
    sum_.add(bytes);
    return bytes;
  }

  void fail() noexcept { ok_ = false; }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// Whether the checksum follows, is right, and is the last.
  [[nodiscard]] bool ends_well() {
    const std::uint64_t sum = sum_.value();
    return number<std::uint64_t>() == sum && ok_ && rest_bytes_ == 0;
  }

private:
  bool fill(std::size_t size) {
    if (end_ - begin_ >= size) {
      return true;
    }
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    while (end_ < size) {
      const std::size_t count = source_(buffer_.data() + end_, buffer_.size() - end_);
      if (count == 0) {
        return false;
      }
      end_ += count;
    }
    return true;
  }

  const ByteSource& source_;
  std::uint64_t rest_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Checksum sum_;
  bool ok_ = true;
};

class Decoder {
public:
  Decoder(const ByteSource& source, std::uint64_t size_bytes) : reader_(source, size_bytes) {}

  std::optional<Manifest> run() {
    const std::string_view magic = reader_.take(magic_2.size());
    old_ = magic == magic_1;
    if (!old_ && magic != magic_2) {
      return std::nullopt;
    }
    manifest_.symlinks = read_enum(SymlinkPolicy::refuse);
    manifest_.share = read_enum(Share::group);
    manifest_.files = reader_.number<std::uint64_t>();
    manifest_.bytes = reader_.number<std::uint64_t>();
    manifest_.left_out_link_count = reader_.number<std::uint64_t>();
    const std::size_t listed = reader_.count(4);
    for (std::size_t i = 0; i < listed && reader_.ok(); ++i) {
      manifest_.left_out_links.emplace_back(reader_.text());
    }
    if (!old_) {
      read_targets();
    }
    read_folders();
    if (reader_.ok()) {
      read_entries();
    }
    if (!reader_.ok() || !reader_.ends_well()) {
      return std::nullopt;
    }
    return std::move(manifest_);
  }

private:
  template <class Enum>
  Enum read_enum(Enum last) {
    const auto value = reader_.number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) {
      reader_.fail();
      return last;
    }
    return static_cast<Enum>(value);
  }

  std::string_view keep(std::string_view text) {
    string_bytes_ += text.size();
    if (string_bytes_ > max_tree_string_bytes) {
      reader_.fail();
      return {};
    }
    return manifest_.strings.add(text);
  }

  /// Version 1 follows each set of facts by an inode.
  Facts read_facts() {
    const Facts facts = reader_.facts();
    if (old_) {
      static_cast<void>(reader_.number<std::uint64_t>());
    }
    return facts;
  }

  void read_targets() {
    const std::size_t count = reader_.count(4);
    for (std::size_t i = 0; i < count && reader_.ok(); ++i) {
      targets_.push_back(keep(reader_.text()));
    }
  }

  void read_folders() {
    const std::size_t count = reader_.count(min_folder_bytes);
    if (count == 0) {
      reader_.fail();
      return;
    }
    manifest_.folders.reserve(count);
    manifest_.folder_facts.reserve(count);
    for (std::uint32_t i = 0; i < count && reader_.ok(); ++i) {
      FolderNode folder;
      folder.parent = reader_.number<std::uint32_t>();
      folder.name = keep(reader_.text());
      const bool sound =
          i == 0 ? folder.parent == 0 && folder.name.empty() : folder.parent < i && is_component(folder.name);
      if (!sound) {
        reader_.fail();
      }
      manifest_.folders.push_back(folder);
      manifest_.folder_facts.push_back(read_facts());
    }
  }

  void read_entries() {
    const std::size_t count = reader_.count(min_entry_bytes);
    manifest_.entries.reserve(count);
    std::uint32_t last_folder = 0;
    for (std::size_t i = 0; i < count && reader_.ok(); ++i) {
      ManifestEntry entry;
      entry.folder = reader_.number<std::uint32_t>();
      entry.name = keep(reader_.text());
      entry.facts = read_facts();
      entry.target = old_ ? share(reader_.text()) : target_at(reader_.number<std::uint32_t>());
      if (!old_) {
        entry.id = reader_.id();
      }
      if (entry.folder < last_folder || entry.folder >= manifest_.folders.size() || !is_component(entry.name)) {
        reader_.fail();
      }
      last_folder = entry.folder;
      manifest_.entries.push_back(entry);
    }
  }

  std::string_view target_at(std::uint32_t place) {
    if (place > targets_.size()) {
      reader_.fail();
      return {};
    }
    return place == 0 ? std::string_view() : targets_[place - 1];
  }

  /// Version 1 repeats the target with each link.
  std::string_view share(std::string_view target) {
    const auto known = shared_.find(target);
    if (known != shared_.end()) {
      return *known;
    }
    const std::string_view kept = keep(target);
    shared_.insert(kept);
    return kept;
  }

  Reader reader_;
  Manifest manifest_;
  bool old_ = false;
  std::uint64_t string_bytes_ = 0;  ///< kept in manifest_.strings
  std::vector<std::string_view> targets_;
  std::unordered_set<std::string_view> shared_;
};

}  // namespace

std::optional<Manifest> decode(const ByteSource& source, std::uint64_t size_bytes) {
  return Decoder(source, size_bytes).run();
}

}  // namespace adapter::publish
