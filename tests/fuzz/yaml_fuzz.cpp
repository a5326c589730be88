// SPDX-License-Identifier: Apache-2.0
// A configuration file, with an environment of a few variables and no file system behind it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "../../src/config/loader.hpp"
#include "adapter/base/error.hpp"
#include "adapter/base/text.hpp"

namespace {

constexpr std::string_view canary = "canary-5ecret";

std::optional<std::string> variable(std::string_view name) {
  if (name == "SECRET") {
    return std::string(canary);
  }
  if (name == "A") {
    return "a: [b, {c}]\n\"'${B}";
  }
  return std::nullopt;
}

adapter::config::Files no_files() {
  adapter::config::Files files;
  files.read = [](const std::filesystem::path& file) -> std::string {
    if (file.filename() == "a.yaml") {
      return "repositories: [{name: a, url: https://example.com/a}]\n";
    }
    throw adapter::Error(adapter::ErrorClass::storage, "there is no such file");
  };
  files.glob = [](const std::filesystem::path& folder, const std::string&) {
    return std::vector<std::filesystem::path>{folder / "a.yaml"};
  };
  files.working_directory = "/work";
  return files;
}

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace config = adapter::config;
  static const config::Files files = no_files();
  const std::string text(reinterpret_cast<const char*>(data), size);
  const config::Loaded loaded = config::load_text(text, "config.yaml", variable, files);
  bool has_error = false;
  for (const config::Finding& finding : loaded.findings) {
    has_error = has_error || !finding.warning;
    const std::string line = config::to_text(finding);
    require(line.find('\n') == std::string::npos && adapter::is_valid_utf8(line));
    require((finding.line == 0) == (finding.column == 0));
    require(!finding.rule.empty() && !finding.message.empty());
  }
  require(loaded.config.has_value() != has_error);
  require(!config::to_json(loaded.findings).empty() && !config::to_sarif(loaded.findings, "1").empty());
  if (loaded.config) {
    for (const config::Repository& repository : loaded.config->repositories) {
      require(!repository.name.empty() && !repository.link.empty() && !repository.link.starts_with('/'));
      require(("/" + repository.link + "/").find("/../") == std::string::npos);
      require(!repository.url.origin().host.empty());
      require(repository.url.origin().scheme == "https" || repository.allow_insecure);
    }
  }
  return 0;
}
