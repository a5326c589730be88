// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/wire/protocol_v2.hpp"

/// What real git answered (fixtures/record.py says how), and ways to replay bytes to a parser.
namespace adapter::wire::testing {

inline constexpr std::string_view agent = "adapter/test";
inline const std::string id_a(40, 'a');
inline const std::string id_b(40, 'b');

inline std::string recorded(const std::string& name) {
  std::ifstream file(WIRE_FIXTURES + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << "no fixture " << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What git itself says about the recorded repositories.
inline std::string fact(const std::string& key) {
  std::istringstream lines(recorded("facts.tsv"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + "\t")) {
      return line.substr(key.size() + 1);
    }
  }
  ADD_FAILURE() << "no fact " << key;
  return {};
}

inline ObjectId fact_id(const std::string& key) {
  return ObjectId::from_hex(fact(key)).value_or(ObjectId{});
}

inline std::string packets(const std::vector<std::string_view>& payloads) {
  std::string out;
  for (const auto payload : payloads) {
    append_pkt(out, payload);
  }
  return out;
}

/// Gives the bytes to the parser, `piece` at a time. The first error, of the packets or of the parser.
template <class TakePacket>
std::optional<Error> replay(std::string_view bytes, std::size_t piece, TakePacket take) {
  PktReader reader;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    // A copy of its own: a parser that keeps a view past its time is found by the address sanitizer.
    const std::string part(bytes.substr(at, piece));
    reader.feed(part);
    while (true) {
      auto pkt = reader.next();
      if (!pkt) {
        return pkt.error();
      }
      if (!pkt->has_value()) {
        break;
      }
      if (auto error = take(**pkt)) {
        return error;
      }
    }
  }
  EXPECT_TRUE(reader.at_boundary()) << "the bytes end inside a packet";
  return std::nullopt;
}

inline Pkt data_pkt(std::string_view payload) {
  return Pkt{PktKind::data, payload};
}
inline constexpr Pkt flush{PktKind::flush, {}};
inline constexpr Pkt delim{PktKind::delim, {}};
inline constexpr Pkt response_end{PktKind::response_end, {}};

inline void expect_error(const std::optional<Error>& error, ErrorClass error_class, std::string_view words) {
  ASSERT_TRUE(error.has_value()) << "expected: " << words;
  EXPECT_EQ(error->error_class(), error_class) << error->text();
  EXPECT_NE(error->text().find(words), std::string::npos) << error->text();
}

}  // namespace adapter::wire::testing
