// SPDX-License-Identifier: Apache-2.0
#include "loader.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "credential.hpp"
#include "reader/fields.hpp"
#include "reader/rescue.hpp"
#include "repository.hpp"
#include "top_level.hpp"

namespace adapter::config {
namespace {

constexpr std::string_view glob_characters = "*?[";

Value root_value(const Document& document) {
  return {&document, document.root(), document.root()->mark, ""};
}

/// One load: reads documents, then turns them into a Config.
class Loader {
public:
  Loader(const Environment& environment, const Files* files, bool expand_values)
      : files_(files), context_{report_, environment, expand_values} {}

  void load_main(const Document& document);
  /// Nothing of it is used when it has a fault, which is reported.
  [[nodiscard]] bool accept(const Document& document);
  [[nodiscard]] Document& keep(Document document) { return documents_.emplace_back(std::move(document)); }
  [[nodiscard]] Report& report() noexcept { return report_; }
  [[nodiscard]] Loaded finish(std::vector<NamedFile>* named_files);

  Config config;

private:
  void read_main(const Fields& top);
  void rescue_admin(const Document& broken);
  [[nodiscard]] bool refuse_empty(const Document& document);
  void read_lists(const Fields& fields);
  /// Both return false when a file that may hold repositories was not read, which is reported.
  bool include(const Document& main, const Value& item);
  bool include_file(const Value& item, const std::filesystem::path& main, const std::filesystem::path& file,
                    bool literal);
  void build();

  const Files* files_;
  Report report_;
  Context context_;
  std::deque<Document> documents_;
  std::set<std::filesystem::path> included_;
  std::uint64_t total_bytes_ = 0;
  bool too_many_reported_ = false;
  bool all_were_read_ = true;  ///< no list of repositories, and no file that may hold one, was refused

  std::vector<ParsedRepository> repositories_;
  std::vector<Located<Credential>> credentials_;
  RepositorySettings defaults_;
  std::optional<std::filesystem::path> ca_file_;
};

bool Loader::accept(const Document& document) {
  report_.begin_file(document.name());
  if (const auto& fault = document.fault()) {
    report_.error(Place{&document, fault->mark, ""}, fault->rule, fault->message);
    all_were_read_ = false;
    return false;
  }
  return true;
}

/// A file that is being written is empty for a moment: its repositories would be taken for removed.
bool Loader::refuse_empty(const Document& document) {
  if (document.root() != nullptr && document.root()->kind != Node::Kind::null) {
    return false;
  }
  report_.error(Place{&document, {}, ""}, "empty-file", "is empty; write `repositories: []`");
  all_were_read_ = false;
  return true;
}

void Loader::load_main(const Document& document) {
  if (!accept(document)) {
    rescue_admin(document);
    return;
  }
  if (refuse_empty(document)) {
    read_settings_of_program(context_, nullptr, config);
    return;
  }
  read_main(Fields(context_, root_value(document), Section::top));
  build();
  if (repositories_.empty() && !report_.has_errors()) {
    report_.warning(Place{&document, {}, "repositories"}, "no-repositories", "there is no repository to watch");
  }
}

/// For the commands that ask a daemon which goes on with the configuration before. What else is wrong with the part is
/// not reported.
void Loader::rescue_admin(const Document& broken) {
  Report unheard;
  Context context{unheard, context_.environment, context_.expand_values};
  const Document& part = keep(rescue(broken, "admin"));
  Config found;
  if (part.root() != nullptr) {
    const Fields top(context, root_value(part), Section::top);
    read_settings_of_program(context, &top, found);
  } else {
    read_settings_of_program(context, nullptr, found);
  }
  config.admin = std::move(found.admin);
}

void Loader::read_main(const Fields& top) {
  read_settings_of_program(context_, &top, config);
  ca_file_ = top.named_file("ca_file", NamedFile::Kind::certificates);
  if (const Value* defaults = top.find("defaults")) {
    defaults_ = read_defaults(context_, *defaults);
  }
  read_lists(top);
  const Value* const list = top.find("include");
  all_were_read_ = all_were_read_ && (list == nullptr || list->node->kind == Node::Kind::sequence);
  for (const Value& item : top.list("include", "a list of paths, for example [conf.d/*.yaml]")) {
    all_were_read_ = include(*item.document, item) && all_were_read_;
  }
}

void Loader::read_lists(const Fields& fields) {
  const Value* const repositories = fields.find("repositories");
  const bool is_list = repositories == nullptr || repositories->node->kind == Node::Kind::sequence;
  all_were_read_ = all_were_read_ && is_list && !fields.refused_a_key();
  for (const Value& item : fields.list("credentials", "a list of credentials")) {
    if (auto credential = read_credential(context_, item)) {
      credentials_.push_back(std::move(*credential));
    }
  }
  for (const Value& item : fields.list("repositories", "a list of repositories, each beginning with \"- name: …\"")) {
    repositories_.push_back(read_repository(context_, item));
  }
}

bool Loader::include(const Document& main, const Value& item) {
  const std::optional<std::string> pattern = read_text(context_, item, "a path, for example conf.d/*.yaml");
  if (!pattern || files_ == nullptr) {
    return false;
  }
  const std::filesystem::path main_file(main.name());
  const std::filesystem::path folder = main_file.parent_path();
  const bool literal = pattern->find_first_of(glob_characters) == std::string::npos;
  if (pattern->find("**") != std::string::npos) {
    report_.error(item.place(), "bad-value", "** is not supported; write one pattern for each folder");
    return false;
  }
  if (literal && files_->is_directory && files_->is_directory(folder / *pattern)) {
    const bool slash = pattern->ends_with('/');
    report_.error(item.place(), "unreadable-file",
                  escape(*pattern, 256) + " is a directory; write " + escape(*pattern, 256) + (slash ? "" : "/") +
                      "*.yaml for the files in it");
    return false;
  }
  if (literal) {
    return include_file(item, main_file, folder / *pattern, true);
  }
  std::vector<std::filesystem::path> found;
  try {
    found = files_->glob(folder, *pattern);
  } catch (const Error& error) {
    report_.error(item.place(), "unreadable-file", error.text());
    return false;
  }
  if (found.empty()) {
    report_.warning(
        item.place(), "no-match",
        "no file matches " + escape(*pattern, 256) +
            (pattern->starts_with('/') ? "" : " below " + escape(folder.empty() ? "." : folder.string(), 1024)));
  }
  std::sort(found.begin(), found.end());
  bool all_were_read = true;
  for (const std::filesystem::path& file : found) {
    all_were_read = include_file(item, main_file, file, false) && all_were_read;
  }
  return all_were_read;
}

bool Loader::include_file(const Value& item, const std::filesystem::path& main, const std::filesystem::path& file,
                          bool literal) {
  const std::filesystem::path absolute = (files_->working_directory / file).lexically_normal();
  if (absolute == (files_->working_directory / main).lexically_normal()) {
    if (literal) {
      report_.error(item.place(), "bad-value", "a file cannot include itself");
    }
    return true;  // a pattern that also matches the main file means the others
  }
  if (!included_.insert(absolute).second) {
    return true;
  }
  if (included_.size() > max_included_files) {
    if (!std::exchange(too_many_reported_, true)) {
      report_.error(item.place(), "too-large", "includes more than " + std::to_string(max_included_files) + " files");
    }
    return false;
  }
  std::string text;
  try {
    text = files_->read(file);
  } catch (const Error& error) {
    report_.error(item.place(), "unreadable-file", error.text());
    return false;
  }
  total_bytes_ += text.size();
  if (total_bytes_ > files_->max_total_bytes) {
    if (!std::exchange(too_many_reported_, true)) {
      report_.error(item.place(), "too-large",
                    "the included files hold more than " + format_size(files_->max_total_bytes));
    }
    return false;
  }
  config.files.push_back(absolute);
  Document& document = keep(Document::parse(file.string(), std::move(text)));
  document.set_directory(absolute.parent_path());
  if (!accept(document) || refuse_empty(document)) {
    return false;
  }
  read_lists(Fields(context_, root_value(document), Section::included));
  return true;
}

void Loader::build() {
  check_names_and_links(context_, repositories_);
  check_hooks_arrive(context_, repositories_, defaults_, config.admin);
  const std::optional<std::filesystem::path>& ca_file_of_defaults =
      defaults_.keys.has("ca_file") ? defaults_.keys.values().ca_file : ca_file_;
  for (const ParsedRepository& parsed : repositories_) {
    Repository repository = build_repository(context_, parsed, defaults_);
    if (repository.url.origin().scheme == "https" && !repository.ca_file) {
      const Credential* credential = find_credential(credentials_, repository.url);
      const bool named_there = credential != nullptr && credential->ca_file;
      if (named_there) {
        repository.ca_file = credential->ca_file;
      } else {
        repository.ca_file = ca_file_of_defaults;
      }
    }
    config.repositories.push_back(std::move(repository));
  }
  config.ca_file = ca_file_of_defaults;
  const bool has_urls = std::all_of(repositories_.begin(), repositories_.end(),
                                    [](const ParsedRepository& parsed) { return parsed.url; });
  check_credentials(context_, credentials_, config.repositories, all_were_read_ && has_urls);
  for (const Located<Credential>& credential : credentials_) {
    config.credentials.push_back(credential.value);
  }
}

Loaded Loader::finish(std::vector<NamedFile>* named_files) {
  Loaded loaded;
  loaded.admin = config.admin;
  if (!report_.has_errors()) {
    loaded.config = std::move(config);
  }
  loaded.findings = report_.take();
  if (named_files != nullptr) {
    *named_files = report_.take_named_files();
  }
  return loaded;
}

}  // namespace

Loaded load_text(std::string text, const std::filesystem::path& file, const Environment& environment,
                 const Files& files, std::vector<NamedFile>* named_files) {
  Loader loader(environment, &files, true);
  const std::filesystem::path absolute = (files.working_directory / file).lexically_normal();
  loader.config.files.push_back(absolute);
  Document& document = loader.keep(Document::parse(file.string(), std::move(text)));
  document.set_directory(absolute.parent_path());
  loader.load_main(document);
  return loader.finish(named_files);
}

Loaded load_document(const Document& document, const Environment& environment, std::vector<NamedFile>* named_files) {
  Loader loader(environment, nullptr, false);
  loader.load_main(document);
  return loader.finish(named_files);
}

}  // namespace adapter::config
