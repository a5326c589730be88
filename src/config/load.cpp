// SPDX-License-Identifier: Apache-2.0
#include "adapter/config/load.hpp"

#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "adapter/config/checks.hpp"
#include "loader.hpp"
#include "values.hpp"

namespace adapter::config {
namespace {

constexpr std::string_view default_file = "/etc/adapter/config.yaml";

/// glob() hands errors to a plain function.
thread_local int glob_failure = 0;

int note_glob_failure(const char*, int error_number) {
  // A folder that is not there, or is a file, holds no files.
  if (error_number == ENOENT || error_number == ENOTDIR) {
    return 0;
  }
  glob_failure = error_number;
  return 1;
}

/// Throws storage when a folder on the way cannot be read.
std::vector<std::filesystem::path> glob_files(const std::filesystem::path& folder, const std::string& pattern) {
  std::string full;
  if (!pattern.starts_with('/') && !folder.empty()) {
    for (const char c : folder.string() + "/") {
      if (c == '*' || c == '?' || c == '[' || c == '\\') {
        full.push_back('\\');
      }
      full.push_back(c);
    }
  }
  full += pattern;
  struct Matches {
    glob_t list{};
    ~Matches() { ::globfree(&list); }
  } matches;
  std::vector<std::filesystem::path> found;
  glob_failure = 0;
  const int answer = ::glob(full.c_str(), GLOB_NOSORT, note_glob_failure, &matches.list);
  // A folder that cannot be read is not one without files: repositories would be taken for removed.
  if (answer != 0 && answer != GLOB_NOMATCH) {
    throw storage_error(answer == GLOB_NOSPACE ? ENOMEM : glob_failure, "look for", full);
  }
  found.reserve(matches.list.gl_pathc);
  for (std::size_t i = 0; i < matches.list.gl_pathc; ++i) {
    found.emplace_back(matches.list.gl_pathv[i]);
  }
  return found;
}

/// The keys of the document that load_environment makes, and the variables that they came from.
struct Variable {
  std::string_view name;
  std::string_view list;
  std::string_view key;
};
constexpr Variable variables[] = {
    {"ADAPTER_NAME", "repositories", "name"},
    {"ADAPTER_URL", "repositories", "url"},
    {"ADAPTER_REF", "repositories", "ref"},
    {"ADAPTER_EVERY", "repositories", "every"},
    {"ADAPTER_CRON", "repositories", "cron"},
    {"ADAPTER_CA_FILE", "repositories", "ca_file"},
    {"ADAPTER_URL", "credentials", "url"},
    {"ADAPTER_USERNAME", "credentials", "username"},
    {"ADAPTER_PASSWORD_FILE", "credentials", "password_file"},
};

/// What the last part of a URL's path calls the repository.
std::string name_from_url(std::string_view url) {
  const Result<http::Url> parsed = read_url(url);
  if (!parsed) {
    return "repository";
  }
  std::string_view path = parsed->path();
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  if (path.ends_with(".git")) {
    path.remove_suffix(4);
  }
  return make_name(path.substr(path.rfind('/') + 1));
}

/// {repositories: [{…}], credentials: [{…}]}
Document document_from(const Environment& environment) {
  Document document("");
  document.set_directory(working_directory());
  const bool with_credential =
      variable(environment, "ADAPTER_USERNAME") || variable(environment, "ADAPTER_PASSWORD_FILE");
  Node& root = document.add(Node::Kind::mapping, {});
  for (const std::string_view list_name : {std::string_view("repositories"), std::string_view("credentials")}) {
    if (list_name == "credentials" && !with_credential) {
      continue;
    }
    Node& list = document.add(Node::Kind::sequence, {});
    Node& entry = document.add(Node::Kind::mapping, {});
    for (const Variable& known : variables) {
      std::optional<std::string> value = variable(environment, known.name);
      if (known.name == "ADAPTER_NAME" && !value) {
        value = name_from_url(variable(environment, "ADAPTER_URL").value_or(""));
      }
      if (known.list == list_name && value) {
        entry.children.push_back(&document.add(Node::Kind::scalar, {}, std::string(known.key)));
        entry.children.push_back(&document.add(Node::Kind::scalar, {}, std::move(*value)));
      }
    }
    list.children.push_back(&entry);
    root.children.push_back(&document.add(Node::Kind::scalar, {}, std::string(list_name)));
    root.children.push_back(&list);
  }
  document.set_root(&root);
  return document;
}

/// Cures of the parser that only a file can follow, and what to do with variables.
struct Cure {
  std::string_view with_file;
  std::string_view with_variables;
};
constexpr Cure cures[] = {
    {"write an entry under `credentials:` with `username` and `password_file` instead",
     "set ADAPTER_USERNAME and ADAPTER_PASSWORD_FILE instead"},
    {"remove ca_file", "unset ADAPTER_CA_FILE"},
};

/// Speaks of variables where the parser spoke of keys.
std::vector<Finding> name_variables(std::vector<Finding> findings) {
  std::vector<Finding> out;
  for (Finding& finding : findings) {
    finding.file.clear();
    finding.line = 0;
    finding.column = 0;
    for (const Cure& cure : cures) {
      const std::size_t at = finding.message.find(cure.with_file);
      if (at != std::string::npos) {
        finding.message.replace(at, cure.with_file.size(), cure.with_variables);
      }
    }
    for (const Variable& known : variables) {
      if (finding.key == std::string(known.list) + "[0]." + std::string(known.key)) {
        finding.key = known.name;
        break;
      }
    }
    if (std::find(out.begin(), out.end(), finding) == out.end()) {
      out.push_back(std::move(finding));
    }
  }
  return out;
}

Finding missing_variable(std::string_view name, std::string message) {
  Finding finding;
  finding.rule = "missing-key";
  finding.key = name;
  finding.message = std::move(message);
  return finding;
}

/// `before`: what an earlier look saw.
void note(Sources& sources, const std::filesystem::path& file, const Sources& before = {}) {
  const auto known = before.versions.find(file);
  sources.versions.insert_or_assign(
      file, FileVersion::of(file, known != before.versions.end() ? known->second : FileVersion()));
}

/// The file system, which writes into `sources` what was looked at. A version is taken before the bytes: whatever
/// changes behind it differs from the version.
Files noting_files(Sources& sources) {
  Files files = real_files();
  const std::filesystem::path start = files.working_directory;
  files.read = [read = std::move(files.read), start, &sources](const std::filesystem::path& file) {
    sources.files.push_back(start / file);
    note(sources, sources.files.back());
    return read(file);
  };
  files.glob = [glob = std::move(files.glob), start, &sources](const std::filesystem::path& folder,
                                                               const std::string& pattern) {
    sources.patterns.push_back({start / folder, pattern});
    std::vector<std::filesystem::path> found = glob(folder, pattern);
    for (const std::filesystem::path& file : found) {
      note(sources, start / file);
    }
    return found;
  };
  return files;
}

bool is_there(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

Loaded load(const std::filesystem::path& file, const Environment& environment, std::vector<NamedFile>* named_files) {
  Sources sources;
  const Files files = noting_files(sources);
  Loaded loaded;
  try {
    loaded = load_text(files.read(file), file, environment, files, named_files);
  } catch (const Error& error) {
    Finding finding;
    finding.file = file.string();
    finding.rule = error.error_class() == ErrorClass::limit ? "too-large" : "unreadable-file";
    finding.message = error.text();
    loaded.findings.push_back(std::move(finding));
  }
  loaded.sources = std::move(sources);
  return loaded;
}

Loaded load(const Environment& environment, std::vector<NamedFile>* named_files) {
  if (!variable(environment, "ADAPTER_URL")) {
    return {std::nullopt, {missing_variable("ADAPTER_URL", "is not set; set it to the remote's URL, or write a file")}};
  }
  const bool has_name = variable(environment, "ADAPTER_USERNAME").has_value();
  if (has_name != variable(environment, "ADAPTER_PASSWORD_FILE").has_value()) {
    return {std::nullopt,
            {has_name ? missing_variable("ADAPTER_PASSWORD_FILE", "is not set; ADAPTER_USERNAME needs it")
                      : missing_variable("ADAPTER_USERNAME", "is not set; ADAPTER_PASSWORD_FILE needs it")}};
  }
  const Document document = document_from(environment);
  Loaded loaded = load_document(document, environment, named_files);
  loaded.findings = name_variables(std::move(loaded.findings));
  for (std::size_t i = 0; named_files != nullptr && i < named_files->size(); ++i) {
    (*named_files)[i].place = name_variables({(*named_files)[i].place}).front();
  }
  return loaded;
}

/// Adds what is found about the files that the configuration names.
Loaded with_named_files(Loaded loaded, const std::vector<NamedFile>& named_files, const Looks& looks) {
  const std::vector<Finding> findings = check_named_files(named_files, looks, !loaded.admin.listen.empty());
  loaded.findings.insert(loaded.findings.end(), findings.begin(), findings.end());
  if (std::any_of(findings.begin(), findings.end(), [](const Finding& finding) { return !finding.warning; })) {
    loaded.config.reset();
  }
  return loaded;
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this process changes the environment
    const char* value = std::getenv(std::string(name).c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::optional<std::string> variable(const Environment& environment, std::string_view name) {
  std::optional<std::string> value = environment(name);
  return value && !value->empty() ? value : std::nullopt;
}

Files real_files() {
  Files files;
  files.read = [](const std::filesystem::path& file) { return read_file(file, max_file_bytes); };
  files.glob = glob_files;
  files.is_directory = [](const std::filesystem::path& path) {
    std::error_code failure;
    return std::filesystem::is_directory(path, failure);
  };
  files.working_directory = working_directory();
  return files;
}

Loaded load_file(const std::filesystem::path& file, const Environment& environment) {
  return load(file, environment, nullptr);
}

Loaded load_environment(const Environment& environment) {
  return load(environment, nullptr);
}

Loaded examine_file(const std::filesystem::path& file, const Environment& environment, const Looks& looks) {
  std::vector<NamedFile> named_files;
  Loaded loaded = load(file, environment, &named_files);
  return with_named_files(std::move(loaded), named_files, looks);
}

Loaded examine_environment(const Environment& environment, const Looks& looks) {
  std::vector<NamedFile> named_files;
  Loaded loaded = load(environment, &named_files);
  return with_named_files(std::move(loaded), named_files, looks);
}

Sources look_again(const Sources& sources) {
  Sources now{sources.files, sources.patterns};
  for (const std::filesystem::path& file : now.files) {
    note(now, file, sources);
  }
  for (const Sources::Pattern& pattern : now.patterns) {
    try {
      for (const std::filesystem::path& file : glob_files(pattern.folder, pattern.pattern)) {
        note(now, file, sources);
      }
    } catch (const Error&) {
      continue;  // what it found before is not found now: that is a difference, and loading again says why
    }
  }
  return now;
}

Result<Choice> choose(const std::optional<std::filesystem::path>& option, const Environment& environment) {
  const std::optional<std::string> named = variable(environment, "ADAPTER_CONFIG");
  const bool has_url = variable(environment, "ADAPTER_URL").has_value();
  const std::filesystem::path file =
      option ? *option : std::filesystem::path(named.value_or(std::string(default_file)));
  const bool is_named = option || named;
  const bool found = is_there(file);
  if (has_url && (is_named || found)) {
    return Error(ErrorClass::config, "both ADAPTER_URL and the configuration file " + escape(file.string()) +
                                         " say what to watch; unset ADAPTER_URL, or do without the file");
  }
  if (is_named && !found) {
    return Error(ErrorClass::config, "the configuration file " + escape(file.string()) + " (from " +
                                         (option ? "--config" : "ADAPTER_CONFIG") +
                                         ") does not exist or cannot be reached");
  }
  if (has_url) {
    return Choice{Source::environment, {}};
  }
  return Choice{found ? Source::file : Source::none, file};
}

}  // namespace adapter::config
