// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/http/url.hpp"

namespace adapter::http::testing {

inline Url url(std::string_view text) {
  return Url::parse(text).value();
}

/// "\\xNN" and "\\" of the corpus as bytes.
inline std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
    } else if (text[at + 1] == '\\') {
      out += '\\';
      ++at;
    } else {
      unsigned value = 0;
      std::from_chars(text.data() + at + 2, text.data() + at + 4, value, 16);
      out += static_cast<char>(value);
      at += 3;
    }
  }
  return out;
}

/// The rows of url_corpus.tsv of one kind; the kind is column 0.
inline std::vector<std::vector<std::string>> corpus(std::string_view kind) {
  std::ifstream file(HTTP_CORPUS);
  EXPECT_TRUE(file.good()) << "no corpus at " << HTTP_CORPUS;
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    const auto columns = split(line, '\t');
    if (columns.front() != kind) {
      continue;
    }
    auto& row = rows.emplace_back();
    for (const auto column : columns) {
      row.push_back(unescape(column));
    }
  }
  return rows;
}

}  // namespace adapter::http::testing
