// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "support.hpp"

namespace adapter::config {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Finding make_finding() {
  return {"config.yaml", 4, 7, "unknown-key", "repositories[0].urll", "unknown key; did you mean url?", false};
}

TEST(FindingText, ReadsLikeACompilersMessage) {
  Finding finding = make_finding();
  EXPECT_EQ(to_text(finding), "config.yaml:4:7: error: repositories[0].urll: unknown key; did you mean url?");
  finding.warning = true;
  finding.line = 0;
  EXPECT_EQ(to_text(finding), "config.yaml: warning: repositories[0].urll: unknown key; did you mean url?");
  finding.file = "";
  finding.key = "";
  EXPECT_EQ(to_text(finding), "environment: warning: unknown key; did you mean url?");
}

TEST(FindingText, EscapesWhatAFileBringsIn) {
  const Loaded loaded = load("\"a\\e[31m\\n\": 1\n" + one_repository());
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("error: a\\x1B[31m\\x0A: unknown key"));
  Finding finding = make_finding();
  finding.file = "a\nb.yaml";
  EXPECT_THAT(to_text(finding), testing::StartsWith("a\\x0Ab.yaml:4:7: "));
}

TEST(FindingJson, HoldsEveryField) {
  Finding warning = make_finding();
  warning.warning = true;
  const json parsed = json::parse(to_json({make_finding(), warning}));
  EXPECT_EQ(parsed, json::parse(R"({"findings": [
    {"file": "config.yaml", "line": 4, "column": 7, "level": "error", "rule": "unknown-key",
     "key": "repositories[0].urll", "message": "unknown key; did you mean url?"},
    {"file": "config.yaml", "line": 4, "column": 7, "level": "warning", "rule": "unknown-key",
     "key": "repositories[0].urll", "message": "unknown key; did you mean url?"}]})"));
  EXPECT_EQ(json::parse(to_json({})), json::parse(R"({"findings": []})"));
}

TEST(FindingJson, SurvivesAFileNameThatIsNotUtf8) {
  Finding finding = make_finding();
  finding.file = "\xFF.yaml";
  EXPECT_TRUE(json::accept(to_json({finding})));
  EXPECT_THAT(
      json::parse(to_sarif(
          {finding}, "1"))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
      "%FF.yaml");
}

/// What the schema of SARIF 2.1.0 asks of the parts that are written.
void expect_sarif(const json& log) {
  EXPECT_EQ(log.at("version"), "2.1.0");
  EXPECT_THAT(log.at("$schema").get<std::string>(), HasSubstr("sarif-2.1.0"));
  ASSERT_EQ(log.at("runs").size(), 1U);
  const json& run = log["runs"][0];
  EXPECT_EQ(run.at("columnKind"), "unicodeCodePoints");
  const json& driver = run.at("tool").at("driver");
  EXPECT_EQ(driver.at("name"), "adapter");
  EXPECT_TRUE(driver.at("version").is_string());
  std::set<std::string> ids;
  for (const json& rule : driver.at("rules")) {
    EXPECT_TRUE(ids.insert(rule.at("id")).second);
    EXPECT_FALSE(rule.at("shortDescription").at("text").get<std::string>().empty());
  }
  for (const json& result : run.at("results")) {
    EXPECT_EQ(driver["rules"].at(result.at("ruleIndex").get<std::size_t>())["id"], result.at("ruleId"));
    EXPECT_TRUE(result.at("level") == "error" || result["level"] == "warning");
    EXPECT_FALSE(result.at("message").at("text").get<std::string>().empty());
    for (const json& location : result.at("locations")) {
      if (location.contains("physicalLocation")) {
        const json& physical = location["physicalLocation"];
        const std::string uri = physical.at("artifactLocation").at("uri");
        EXPECT_EQ(uri.find_first_of(" \"<>\\^`{|}"), std::string::npos) << uri;
        if (physical.contains("region")) {
          EXPECT_GE(physical["region"].at("startLine"), 1);
          EXPECT_GE(physical["region"].at("startColumn"), 1);
        }
      }
    }
  }
}

TEST(Sarif, IsWhatTheStandardAsksFor) {
  Finding whole_file = make_finding();
  whole_file.file = "/etc/my adapter/größe#1.yaml";
  whole_file.line = 0;
  Finding variable = make_finding();
  variable.file = "";
  variable.line = 0;
  variable.key = "ADAPTER_URL";
  variable.warning = true;
  const json log = json::parse(to_sarif({make_finding(), whole_file, variable}, "0.1.0"));
  expect_sarif(log);
  const json& results = log["runs"][0]["results"];
  EXPECT_EQ(
      results[0]["locations"][0]["physicalLocation"],
      json::parse(R"({"artifactLocation": {"uri": "config.yaml"}, "region": {"startLine": 4, "startColumn": 7}})"));
  EXPECT_EQ(results[0]["message"]["text"], "repositories[0].urll: unknown key; did you mean url?");
  EXPECT_EQ(results[1]["locations"][0]["physicalLocation"],
            json::parse(R"({"artifactLocation": {"uri": "file:///etc/my%20adapter/gr%C3%B6%C3%9Fe%231.yaml"}})"));
  EXPECT_EQ(results[2]["locations"], json::parse(R"([{"logicalLocations": [{"fullyQualifiedName": "ADAPTER_URL"}]}])"));
  EXPECT_EQ(results[2]["level"], "warning");
  expect_sarif(json::parse(to_sarif({}, "0.1.0")));
}

/// A rule without an entry in the driver's list would have no ruleIndex.
TEST(Sarif, KnowsTheRuleOfEveryFindingOfTheCorpus) {
  const std::filesystem::path corpus = std::getenv("ADAPTER_TEST_CORPUS");
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus / "bad")) {
    if (entry.is_regular_file()) {
      const Loaded loaded = load_file(entry.path(), corpus_environment());
      expect_sarif(json::parse(to_sarif(loaded.findings, "0.1.0")));
      count += loaded.findings.size();
    }
  }
  EXPECT_GE(count, 120U);
}

TEST(FindingPlace, CountsCharactersAndNotBytes) {
  const Loaded loaded = load("repositories: [{name: größe, url: nothing}]\n");
  ASSERT_EQ(loaded.findings.size(), 2U);
  EXPECT_EQ(loaded.findings[1].key, "repositories[0].url");
  EXPECT_EQ(loaded.findings[1].column, 35U);
  const Loaded with_mark = load("\xEF\xBB\xBFpruna: true\r\nnothing: 1\r\n");
  ASSERT_EQ(with_mark.findings.size(), 2U);
  EXPECT_EQ(with_mark.findings[0].column, 1U);
  EXPECT_EQ(with_mark.findings[1].line, 2U);
}

}  // namespace
}  // namespace adapter::config
