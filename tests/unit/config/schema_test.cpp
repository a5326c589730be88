// SPDX-License-Identifier: Apache-2.0
// The schema and the documentation are written by hand; the parser's tables say what has to be in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "../../../src/config/repository_keys.hpp"
#include "support.hpp"

namespace adapter::config {
namespace {

using testing::HasSubstr;

nlohmann::json schema_of(const std::string& definition) {
  const nlohmann::json schema = nlohmann::json::parse(read(folder("ADAPTER_TEST_SCHEMA")));
  return definition.empty() ? schema : schema.at("definitions").at(definition);
}

TEST(Schema, HasTheKeysOfTheParser) {
  const std::pair<Section, std::string> places[] = {{Section::top, ""},
                                                    {Section::log, "log"},
                                                    {Section::admin, "admin"},
                                                    {Section::concurrency, "concurrency"},
                                                    {Section::prune, "prune"},
                                                    {Section::defaults, "defaults"},
                                                    {Section::repository, "repository"},
                                                    {Section::credential, "credential"},
                                                    {Section::webhook, "webhook"},
                                                    {Section::limits, "limits"}};
  for (const auto& [section, definition] : places) {
    const nlohmann::json object = schema_of(definition);
    EXPECT_EQ(object.at("additionalProperties"), false) << definition;
    std::vector<std::string> in_schema;
    for (const auto& [key, value] : object.at("properties").items()) {
      in_schema.push_back(key);
      EXPECT_TRUE(value.contains("description")) << definition << "." << key;
    }
    std::vector<std::string> in_parser;
    for (const Key& key : keys_of(section)) {
      if (key.state == Key::State::known) {
        in_parser.emplace_back(key.name);
      }
    }
    EXPECT_THAT(in_schema, testing::UnorderedElementsAreArray(in_parser)) << definition;
  }
}

TEST(Documentation, NamesEachKey) {
  const std::string page = read(folder("ADAPTER_TEST_DOCUMENTATION"));
  for (const Section section : all_sections) {
    for (const Key& key : keys_of(section)) {
      if (key.state != Key::State::secret) {
        EXPECT_THAT(page, HasSubstr("`" + std::string(key.name) + "`")) << name_of(section);
      }
    }
  }
}

/// What the schema says of a value that is written as a number or a word.
nlohmann::json alternative(const nlohmann::json& property, const char* key) {
  for (const nlohmann::json& each : property.value("anyOf", nlohmann::json::array())) {
    if (each.contains(key)) {
      return each;
    }
  }
  return {};
}

/// "60s" and "1m" are one value.
std::string canonical(const std::string& text) {
  const Result<std::chrono::milliseconds> duration = parse_duration(text);
  return duration ? format_duration(*duration) : text;
}

/// As JSON has it: numbers and booleans are none of YAML's texts.
nlohmann::json default_of(const Shape& shape) {
  if (shape.type == Shape::Type::boolean || shape.type == Shape::Type::integer) {
    return nlohmann::json::parse(shape.default_value);
  }
  return shape.default_value;
}

void expect_in_schema(const DescribedKey& key, const nlohmann::json& property) {
  const Shape& shape = key.shape;
  if (shape.default_value.empty()) {
    EXPECT_FALSE(property.contains("default")) << key.name;
  } else {
    const nlohmann::json value = property.value("default", nlohmann::json());
    EXPECT_EQ(value.is_string() ? nlohmann::json(canonical(value)) : value, default_of(shape)) << key.name;
  }
  if (shape.type == Shape::Type::integer) {
    const nlohmann::json integer = alternative(property, "minimum");
    EXPECT_EQ(integer.value("minimum", nlohmann::json()), shape.min) << key.name;
    EXPECT_EQ(integer.value("maximum", nlohmann::json()), shape.max) << key.name;
  } else if (shape.type == Shape::Type::choice) {
    EXPECT_EQ(alternative(property, "enum").value("enum", nlohmann::json()), nlohmann::json(shape.words)) << key.name;
  }
}

TEST(Schema, HasTheValuesAndDefaultsOfARepositorysKeys) {
  for (const DescribedKey& key : describe_repository_keys()) {
    for (const char* definition : {"repository", "defaults"}) {
      expect_in_schema(key, schema_of(definition).at("properties").at(key.name));
    }
  }
  for (const DescribedKey& key : describe_limit_keys()) {
    expect_in_schema(key, schema_of("limits").at("properties").at(key.name));
  }
}

/// "1,000,000"
std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) {
    digits.insert(at - 3, ",");
  }
  return digits;
}

std::string in_code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

/// How a row of docs/configuration.md says the values.
std::string values_of(const Shape& shape) {
  const auto time = [](std::uint64_t ms) { return in_code(format_duration(std::chrono::milliseconds(ms))); };
  std::string words;
  for (const std::string_view word : shape.words) {
    words += (words.empty() ? "" : ", ") + in_code(word);
  }
  switch (shape.type) {
    case Shape::Type::boolean:
      return "true or false";
    case Shape::Type::integer:
      return with_commas(shape.min) + "–" + with_commas(shape.max);
    case Shape::Type::size:
      return "size, to " + write_size(shape.max);
    case Shape::Type::duration:
      return "duration, " + time(shape.min) + "–" + time(shape.max);
    case Shape::Type::percent:
      return "percentage";
    case Shape::Type::choice:
      return words;
    case Shape::Type::path:
      return "path";
    case Shape::Type::mapping:
      return "mapping";
    case Shape::Type::text:
      return "";
  }
  return "";
}

/// The cells of a key's row in the page's tables of a repository and of limits; none when there is no row.
std::vector<std::string> row_of(const std::string& section, std::string_view key) {
  const std::string page = read(folder("ADAPTER_TEST_DOCUMENTATION"));
  const std::size_t begin = page.find("\n" + section + "\n");
  const std::size_t row = page.find("\n| " + in_code(key) + " |", begin);
  std::vector<std::string> cells;
  if (begin == std::string::npos || row == std::string::npos) {
    return cells;
  }
  std::istringstream line(page.substr(row + 2, page.find('\n', row + 1) - row - 2));
  std::string cell;
  while (std::getline(line, cell, '|')) {
    cells.push_back(cell);
  }
  return cells;
}

void expect_in_documentation(const std::string& section, const DescribedKey& key) {
  const std::vector<std::string> cells = row_of(section, key.name);
  ASSERT_GE(cells.size(), 3U) << key.name << " has no row below " << section;
  EXPECT_THAT(cells[1], HasSubstr(values_of(key.shape))) << key.name;
  const std::string& value = key.shape.default_value;
  if (key.shape.type == Shape::Type::integer) {
    EXPECT_EQ(cells[2], " " + with_commas(std::stoull(value)) + " ") << key.name;
  } else if (!value.empty()) {
    const std::size_t begin = cells[2].find('`') + 1;
    EXPECT_EQ(canonical(cells[2].substr(begin, cells[2].rfind('`') - begin)), value) << key.name;
  }
}

TEST(Documentation, HasTheValuesAndDefaultsOfARepositorysKeys) {
  for (const DescribedKey& key : describe_repository_keys()) {
    expect_in_documentation("## Repositories", key);
  }
  for (const DescribedKey& key : describe_limit_keys()) {
    expect_in_documentation("### limits", key);
  }
}

}  // namespace
}  // namespace adapter::config
