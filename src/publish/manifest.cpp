// SPDX-License-Identifier: Apache-2.0
#include "manifest.hpp"

#include <array>
#include <concepts>
#include <cstring>
#include <unordered_map>

#include "manifest_format.hpp"

namespace adapter::publish {
namespace {

class Writer {
public:
  explicit Writer(const ByteSink& sink) : sink_(sink) { buffer_.reserve(buffer_bytes); }

  void bytes(std::string_view text) {
    if (buffer_.size() + text.size() > buffer_bytes) {
      flush();
    }
    buffer_.append(text);
  }

  template <std::integral Number>
  void number(Number number) {
    auto rest = static_cast<std::uint64_t>(number);
    std::array<char, sizeof(Number)> text{};
    for (char& byte : text) {
      byte = static_cast<char>(rest & 0xFFU);
      rest >>= 8U;
    }
    bytes({text.data(), text.size()});
  }

  void text(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    bytes(text);
  }

  void facts(const Facts& facts) {
    number(facts.mode);
    number(facts.size_bytes);
    number(facts.mtime_ns);
    number(facts.ctime_ns);
  }

  void id(const ObjectId& id) {
    std::array<char, ObjectId::size_bytes> text{};
    std::memcpy(text.data(), id.bytes().data(), text.size());
    bytes({text.data(), text.size()});
  }

  void finish() {
    flush();
    number(sum_.value());
    flush();
  }

private:
  void flush() {
    sum_.add(buffer_);
    sink_(buffer_);
    buffer_.clear();
  }

  const ByteSink& sink_;
  std::string buffer_;
  Checksum sum_;
};

/// The distinct targets of a manifest, by where their bytes lie: equal ones share them.
class TargetTable {
public:
  explicit TargetTable(const Manifest& manifest) {
    for (const ManifestEntry& entry : manifest.entries) {
      if (!entry.target.empty() && places_.try_emplace(entry.target.data(), targets_.size() + 1).second) {
        targets_.push_back(entry.target);
      }
    }
  }
  [[nodiscard]] const std::vector<std::string_view>& targets() const noexcept { return targets_; }
  /// Counted from 1; 0 is no target.
  [[nodiscard]] std::uint32_t place(std::string_view target) const {
    return target.empty() ? 0 : static_cast<std::uint32_t>(places_.at(target.data()));
  }

private:
  std::vector<std::string_view> targets_;
  std::unordered_map<const char*, std::size_t> places_;
};

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
  return facts;
}

Facts root_facts_of(const struct stat& info) noexcept {
  Facts facts = facts_of(info);
  facts.ctime_ns = 0;
  return facts;
}

void encode(const Manifest& manifest, const ByteSink& sink) {
  Writer out(sink);
  const TargetTable targets(manifest);
  out.bytes(magic_2);
  out.number(static_cast<std::uint8_t>(manifest.symlinks));
  out.number(static_cast<std::uint8_t>(manifest.share));
  out.number(manifest.files);
  out.number(manifest.bytes);
  out.number(manifest.left_out_link_count);
  out.number(static_cast<std::uint64_t>(manifest.left_out_links.size()));
  for (const std::string& path : manifest.left_out_links) {
    out.text(path);
  }
  out.number(static_cast<std::uint64_t>(targets.targets().size()));
  for (const std::string_view target : targets.targets()) {
    out.text(target);
  }
  out.number(static_cast<std::uint64_t>(manifest.folders.size()));
  for (std::size_t i = 0; i < manifest.folders.size(); ++i) {
    out.number(manifest.folders[i].parent);
    out.text(manifest.folders[i].name);
    out.facts(manifest.folder_facts[i]);
  }
  out.number(static_cast<std::uint64_t>(manifest.entries.size()));
  for (const ManifestEntry& entry : manifest.entries) {
    out.number(entry.folder);
    out.text(entry.name);
    out.facts(entry.facts);
    out.number(targets.place(entry.target));
    out.id(entry.id);
  }
  out.finish();
}

}  // namespace adapter::publish
