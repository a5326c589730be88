// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "adapter/base/text.hpp"
#include "adapter/config/load.hpp"

namespace adapter::config {
namespace {

using Json = nlohmann::ordered_json;

struct Rule {
  std::string_view id;
  std::string_view description;
};
/// Every rule that a finding may name.
constexpr std::array rules{
    Rule{"bad-key", "A key must be a single word."},
    Rule{"bad-url", "Not a URL that this program can follow."},
    Rule{"bad-value", "A value that does not have the form of its key."},
    Rule{"bad-variable", "A ${NAME} that cannot be expanded."},
    Rule{"case-differs", "A credential that covers a URL but for the case of its path."},
    Rule{"conflict", "Keys that exclude each other or have no effect together."},
    Rule{"duplicate", "Two entries with the same name or URL."},
    Rule{"duplicate-key", "A key stands twice in one mapping."},
    Rule{"empty-file", "A file without content."},
    Rule{"insecure", "Neither encrypted nor protected, and not said to be meant."},
    Rule{"later", "A key that is reserved for a later version."},
    Rule{"link-conflict", "Two repositories would appear at the same place."},
    Rule{"long-id", "A ref that looks like a commit id with too many digits."},
    Rule{"missing-file", "There is no configuration to load."},
    Rule{"missing-key", "A key that must be there is not."},
    Rule{"multiple-documents", "Only one YAML document a file is read."},
    Rule{"no-certificate", "A file of certificates without a usable one."},
    Rule{"no-configuration", "There is no configuration to check."},
    Rule{"no-match", "An include that no file matches."},
    Rule{"no-repositories", "There is nothing to watch."},
    Rule{"not-a-folder", "A file stands where the data directory should be."},
    Rule{"not-text", "Not UTF-8 text."},
    Rule{"odd-secret", "A secret that is unusable or looks like a mistake."},
    Rule{"out-of-range", "A number, size or duration outside its bounds."},
    Rule{"quoted-variable", "A variable whose value has quotes around it."},
    Rule{"remote-ref", "A ref that only clones have."},
    Rule{"secret-in-file", "A secret stands in the configuration itself."},
    Rule{"short-id", "A ref that looks like a shortened commit id."},
    Rule{"too-large", "Larger than the limits of a configuration."},
    Rule{"too-many", "More findings than are listed."},
    Rule{"unknown-key", "A key that the program does not know."},
    Rule{"unknown-variable", "An ADAPTER_ variable that nothing reads."},
    Rule{"unreadable-file", "A file that is missing or cannot be read."},
    Rule{"unused", "An entry without any effect."},
    Rule{"unused-variable", "A variable that is not read beside a file."},
    Rule{"unwritable-folder", "The data directory cannot be written to or made."},
    Rule{"web-page", "The address of a forge's page instead of a repository's."},
    Rule{"wrong-type", "A value of another type than its key's."},
    Rule{"yaml-syntax", "Not valid YAML."},
    Rule{"yaml-tag", "A YAML tag, which has no meaning here."},
};

std::string_view level_of(const Finding& finding) {
  return finding.warning ? "warning" : "error";
}

/// Only what RFC 3986 leaves unreserved, and "/", stays.
std::string percent_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  static constexpr std::string_view kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kept.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
    }
  }
  return out;
}

std::string uri_of(std::string_view file) {
  return (file.starts_with('/') ? "file://" : "") + percent_encode(file);
}

/// A file's name may hold any bytes; JSON may not.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json sarif_result(const Finding& finding) {
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& r) { return r.id == finding.rule; });
  Json result;
  result["ruleId"] = finding.rule;
  if (rule != rules.end()) {
    result["ruleIndex"] = rule - rules.begin();
  }
  result["level"] = level_of(finding);
  result["message"]["text"] = finding.key.empty() ? finding.message : finding.key + ": " + finding.message;
  Json location = Json::object();
  if (!finding.file.empty()) {
    location["physicalLocation"]["artifactLocation"]["uri"] = uri_of(finding.file);
    if (finding.line != 0) {
      location["physicalLocation"]["region"] =
          Json{{"startLine", finding.line}, {"startColumn", std::max<std::size_t>(finding.column, 1)}};
    }
  }
  if (!finding.key.empty()) {
    location["logicalLocations"] = Json::array({Json{{"fullyQualifiedName", finding.key}}});
  }
  result["locations"] = location.empty() ? Json::array() : Json::array({std::move(location)});
  return result;
}

}  // namespace

std::string to_text(const Finding& finding) {
  std::string text = finding.file.empty() ? "environment" : escape(finding.file, 4096);
  if (finding.line != 0) {
    text += ":" + std::to_string(finding.line) + ":" + std::to_string(finding.column);
  }
  text += ": " + std::string(level_of(finding)) + ": ";
  if (!finding.key.empty()) {
    text += escape(finding.key) + ": ";
  }
  return text + finding.message;
}

std::string to_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back(Json{{"file", finding.file},
                        {"line", finding.line},
                        {"column", finding.column},
                        {"level", level_of(finding)},
                        {"rule", finding.rule},
                        {"key", finding.key},
                        {"message", finding.message}});
  }
  return dump(Json{{"findings", std::move(list)}});
}

std::string to_sarif(const std::vector<Finding>& findings, std::string_view tool_version) {
  Json driver{{"name", "adapter"}, {"version", tool_version}, {"rules", Json::array()}};
  for (const Rule& rule : rules) {
    driver["rules"].push_back(Json{{"id", rule.id}, {"shortDescription", {{"text", rule.description}}}});
  }
  Json results = Json::array();
  for (const Finding& finding : findings) {
    results.push_back(sarif_result(finding));
  }
  Json run;
  run["tool"]["driver"] = std::move(driver);
  run["columnKind"] = "unicodeCodePoints";
  run["results"] = std::move(results);
  Json log;
  log["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
  log["version"] = "2.1.0";
  log["runs"] = Json::array({std::move(run)});
  return dump(log);
}

}  // namespace adapter::config
