// SPDX-License-Identifier: Apache-2.0
#include "store_packs.hpp"

#include <zlib.h>

#include <cstdio>

#include "adapter/crypto/digest.hpp"

using adapter::ObjectId;
using namespace std::string_literals;

namespace {

std::string number(std::uint64_t value) {
  std::string bytes;
  do {
    const auto low = static_cast<unsigned>(value & 0x7FU);
    value >>= 7U;
    bytes.push_back(static_cast<char>(value != 0 ? low | 0x80U : low));
  } while (value != 0);
  return bytes;
}

std::string distance_bytes(std::uint64_t distance) {
  std::string bytes(1, static_cast<char>(distance & 0x7FU));
  while ((distance >>= 7U) != 0) {
    --distance;
    bytes.insert(bytes.begin(), static_cast<char>(0x80U | (distance & 0x7FU)));
  }
  return bytes;
}

std::string raw(const ObjectId& id) {
  std::string bytes;
  for (const std::uint8_t byte : id.bytes()) {
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string text_of(const std::string& salt, std::size_t number) {
  return salt + "#" + std::to_string(10'000'000 + number);
}

}  // namespace

std::string deflated(std::string_view bytes) {
  std::string result(compressBound(bytes.size()), '\0');
  uLongf size = result.size();
  compress(reinterpret_cast<Bytef*>(result.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  result.resize(size);
  return result;
}

std::string literal_delta(std::size_t base_size, const std::string& result) {
  std::string delta = number(base_size) + number(result.size());
  for (std::size_t at = 0; at < result.size(); at += 100) {
    const std::string piece = result.substr(at, 100);
    delta += static_cast<char>(piece.size()) + piece;
  }
  return delta;
}

ObjectId PackWriter::id_of(const std::string& type, const std::string& bytes) {
  adapter::crypto::Sha1 sha1;
  sha1.update(type + " " + std::to_string(bytes.size()) + "\0"s);
  sha1.update(bytes);
  return ObjectId(sha1.finish());
}

void PackWriter::begin(unsigned type, std::uint64_t size) {
  offsets_.push_back(body_.size());
  auto byte = static_cast<unsigned>(type << 4U | (size & 0x0FU));
  for (size >>= 4U; size != 0; size >>= 7U) {
    body_.push_back(static_cast<char>(byte | 0x80U));
    byte = static_cast<unsigned>(size & 0x7FU);
  }
  body_.push_back(static_cast<char>(byte));
}

ObjectId PackWriter::add(const std::string& type, const std::string& bytes) {
  begin(type == "commit" ? 1 : type == "tree" ? 2 : 3, bytes.size());
  body_ += deflated(bytes);
  return id_of(type, bytes);
}

void PackWriter::add_ref_delta(const ObjectId& base, const std::string& delta) {
  begin(7, delta.size());
  body_ += raw(base) + deflated(delta);
}

void PackWriter::add_ofs_delta(std::size_t base_entry, const std::string& delta) {
  const std::uint64_t distance = body_.size() - offsets_[base_entry];
  begin(6, delta.size());
  body_ += distance_bytes(distance) + deflated(delta);
}

std::string PackWriter::bytes() const {
  std::string pack = "PACK\0\0\0\2"s;
  for (int shift = 24; shift >= 0; shift -= 8) {
    pack.push_back(static_cast<char>(offsets_.size() >> static_cast<unsigned>(shift)));
  }
  pack += body_;
  adapter::crypto::Sha1 sha1;
  sha1.update(pack);
  const auto digest = sha1.finish();
  pack += adapter::crypto::bytes_of(digest);
  return pack;
}

DeltaChain add_chain(PackWriter& pack, std::size_t deltas, DeltaKind kind, const std::string& salt) {
  DeltaChain chain;
  std::string before = text_of(salt, 0);
  chain.ids.push_back(pack.add("blob", before));
  for (std::size_t at = 1; at <= deltas; ++at) {
    const std::string text = text_of(salt, at);
    const std::string delta = literal_delta(before.size(), text);
    if (kind == DeltaKind::by_id) {
      pack.add_ref_delta(chain.ids.back(), delta);
    } else {
      pack.add_ofs_delta(pack.entries() - 1, delta);
    }
    chain.ids.push_back(PackWriter::id_of("blob", text));
    before = text;
  }
  return chain;
}

DeltaChain add_reversed_chain(PackWriter& pack, std::size_t deltas) {
  DeltaChain chain;
  for (std::size_t at = 0; at <= deltas; ++at) {
    chain.ids.push_back(PackWriter::id_of("blob", text_of("", at)));
  }
  for (std::size_t at = deltas; at > 0; --at) {
    pack.add_ref_delta(chain.ids[at - 1], literal_delta(text_of("", at - 1).size(), text_of("", at)));
  }
  pack.add("blob", text_of("", 0));
  return chain;
}

ObjectId add_commit_of(PackWriter& pack, const std::vector<ObjectId>& blobs) {
  std::string tree;
  for (std::size_t at = 0; at < blobs.size(); ++at) {
    tree += "100644 " + std::to_string(10'000'000 + at) + "\0"s + raw(blobs[at]);
  }
  const ObjectId root = pack.add("tree", tree);
  return pack.add("commit", "tree " + root.to_hex() +
                                "\nauthor a <a@example.com> 1700000000 +0000\n"
                                "committer a <a@example.com> 1700000000 +0000\n\nmade by hand\n");
}
