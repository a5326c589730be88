// SPDX-License-Identifier: Apache-2.0
#include "manifest.hpp"

#include <concepts>
#include <cstring>

#include "folder.hpp"

namespace adapter::publish {
namespace {

constexpr std::string_view magic = "adapter manifest 1\n";
constexpr std::size_t checksum_bytes = 8;
constexpr std::size_t facts_bytes = 4 + 8 + 8 + 8 + 8;
constexpr std::size_t min_folder_bytes = 4 + 4 + facts_bytes;
constexpr std::size_t min_entry_bytes = 4 + 4 + facts_bytes + 4;

/// FNV-1a, 64 bits: against rot and torn writes, not against an author.
std::uint64_t checksum(std::string_view bytes) noexcept {
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  for (const char byte : bytes) {
    sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  }
  return sum;
}

template <std::integral Number>
void put(std::string& out, Number number) {
  auto rest = static_cast<std::uint64_t>(number);
  char bytes[sizeof(Number)];
  for (char& byte : bytes) {
    byte = static_cast<char>(rest & 0xFFU);
    rest >>= 8U;
  }
  out.append(bytes, sizeof bytes);
}

void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

void put(std::string& out, const Facts& facts) {
  put(out, facts.mode);
  put(out, facts.size_bytes);
  put(out, facts.mtime_ns);
  put(out, facts.ctime_ns);
  put(out, facts.inode);
}

/// Reads forward; after the first thing that is not there everything is zero and `ok` is false.
class Reader {
public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <std::integral Number>
  Number number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(sizeof(Number));
    for (std::size_t i = bytes.size(); i-- > 0;) {
      value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
    }
    return static_cast<Number>(value);
  }

  std::string text() { return std::string(take(number<std::uint32_t>())); }

  Facts facts() {
    Facts facts;
    facts.mode = number<std::uint32_t>();
    facts.size_bytes = number<std::uint64_t>();
    facts.mtime_ns = number<std::int64_t>();
    facts.ctime_ns = number<std::int64_t>();
    facts.inode = number<std::uint64_t>();
    return facts;
  }

  /// How many records follow; checked against what is left, so that a wrong count cannot ask for memory.
  std::size_t count(std::size_t min_record_bytes) {
    const auto value = number<std::uint64_t>();
    if (value > rest_.size() / min_record_bytes) {
      ok_ = false;
      return 0;
    }
    return static_cast<std::size_t>(value);
  }

  void fail() { ok_ = false; }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return ok_ && rest_.empty(); }

private:
  std::string_view take(std::size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  std::string_view rest_;
  bool ok_ = true;
};

template <class Enum>
Enum read_enum(Reader& reader, Enum last) {
  const auto value = reader.number<std::uint8_t>();
  if (value > static_cast<std::uint8_t>(last)) {
    reader.fail();
    return last;
  }
  return static_cast<Enum>(value);
}

void read_folders(Reader& reader, Manifest& manifest) {
  const std::size_t count = reader.count(min_folder_bytes);
  if (count == 0) {
    reader.fail();
    return;
  }
  manifest.folders.reserve(count);
  manifest.folder_facts.reserve(count);
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    FolderNode folder;
    folder.parent = reader.number<std::uint32_t>();
    folder.name = reader.text();
    const bool sound =
        i == 0 ? folder.parent == 0 && folder.name.empty() : folder.parent < i && is_component(folder.name);
    if (!sound) {
      reader.fail();
    }
    manifest.folders.push_back(std::move(folder));
    manifest.folder_facts.push_back(reader.facts());
  }
}

void read_entries(Reader& reader, Manifest& manifest) {
  const std::size_t count = reader.count(min_entry_bytes);
  manifest.entries.reserve(count);
  std::uint32_t last_folder = 0;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    ManifestEntry entry;
    entry.folder = reader.number<std::uint32_t>();
    entry.name = reader.text();
    entry.facts = reader.facts();
    entry.target = reader.text();
    if (entry.folder < last_folder || entry.folder >= manifest.folders.size() || !is_component(entry.name)) {
      reader.fail();
    }
    last_folder = entry.folder;
    manifest.entries.push_back(std::move(entry));
  }
}

std::int64_t nanoseconds(const struct timespec& time) noexcept {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_nsec};
}

}  // namespace

Facts facts_of(const struct stat& info) noexcept {
  Facts facts;
  facts.mode = static_cast<std::uint32_t>(info.st_mode);
  facts.size_bytes = S_ISDIR(info.st_mode) ? 0 : static_cast<std::uint64_t>(info.st_size);
  facts.mtime_ns = nanoseconds(info.st_mtim);
  facts.ctime_ns = nanoseconds(info.st_ctim);
  facts.inode = static_cast<std::uint64_t>(info.st_ino);
  return facts;
}

Facts root_facts_of(const struct stat& info) noexcept {
  Facts facts = facts_of(info);
  facts.ctime_ns = 0;
  return facts;
}

std::string encode(const Manifest& manifest) {
  std::string out(magic);
  out.reserve(magic.size() + 64 + manifest.folders.size() * (min_folder_bytes + 16) +
              manifest.entries.size() * (min_entry_bytes + 24));
  put(out, static_cast<std::uint8_t>(manifest.symlinks));
  put(out, static_cast<std::uint8_t>(manifest.share));
  put(out, manifest.files);
  put(out, manifest.bytes);
  put(out, manifest.left_out_link_count);
  put(out, static_cast<std::uint64_t>(manifest.left_out_links.size()));
  for (const std::string& path : manifest.left_out_links) {
    put(out, std::string_view(path));
  }
  put(out, static_cast<std::uint64_t>(manifest.folders.size()));
  for (std::size_t i = 0; i < manifest.folders.size(); ++i) {
    put(out, manifest.folders[i].parent);
    put(out, std::string_view(manifest.folders[i].name));
    put(out, manifest.folder_facts[i]);
  }
  put(out, static_cast<std::uint64_t>(manifest.entries.size()));
  for (const ManifestEntry& entry : manifest.entries) {
    put(out, entry.folder);
    put(out, std::string_view(entry.name));
    put(out, entry.facts);
    put(out, std::string_view(entry.target));
  }
  put(out, checksum(out));
  return out;
}

std::optional<Manifest> decode(std::string_view bytes) {
  if (!bytes.starts_with(magic) || bytes.size() < magic.size() + checksum_bytes) {
    return std::nullopt;
  }
  const std::string_view body = bytes.substr(0, bytes.size() - checksum_bytes);
  if (Reader(bytes.substr(body.size())).number<std::uint64_t>() != checksum(body)) {
    return std::nullopt;
  }
  Reader reader(body.substr(magic.size()));
  Manifest manifest;
  manifest.symlinks = read_enum(reader, SymlinkPolicy::refuse);
  manifest.share = read_enum(reader, Share::group);
  manifest.files = reader.number<std::uint64_t>();
  manifest.bytes = reader.number<std::uint64_t>();
  manifest.left_out_link_count = reader.number<std::uint64_t>();
  const std::size_t listed = reader.count(4);
  for (std::size_t i = 0; i < listed && reader.ok(); ++i) {
    manifest.left_out_links.push_back(reader.text());
  }
  read_folders(reader, manifest);
  if (reader.ok()) {
    read_entries(reader, manifest);
  }
  if (!reader.at_end()) {
    return std::nullopt;
  }
  return manifest;
}

}  // namespace adapter::publish
