// SPDX-License-Identifier: Apache-2.0
#include "repository_journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "adapter/base/file.hpp"
#include "adapter/base/json_depth.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"
#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"

namespace adapter::sync {
namespace {

constexpr std::uint64_t max_state_bytes = 256 * kib;
constexpr int format_version = 1;
constexpr std::chrono::hours latest_success{24 * 366 * 230};  // since 1970

std::optional<ErrorClass> class_from(std::string_view name) {
  for (std::size_t i = 0; i < error_class_count; ++i) {
    const auto candidate = static_cast<ErrorClass>(i);
    if (to_string(candidate) == name) {
      return candidate;
    }
  }
  return std::nullopt;
}

ObjectId required_id(const nlohmann::json& object, const char* key) {
  const auto id = ObjectId::from_hex(object.at(key).get_ref<const std::string&>());
  if (!id) {
    throw Error(ErrorClass::corrupt, "not an object id");
  }
  return *id;
}

/// Something that a configuration can have said: relative, below the data directory, and not in our own folder.
bool is_plain_link(std::string_view link) {
  const auto parts = split(link, '/');
  return parts.front() != volume::own_directory && std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
           return part.empty() || part == "." || part == ".." || part.size() > max_name_bytes ||
                  part.find('\0') != std::string_view::npos;
         });
}

/// Temporary files of replace_file_at() that a kill left; the repository's own folder holds no others of that name.
void sweep_temporaries(const std::filesystem::path& directory, int folder) {
  std::error_code ignored;
  std::filesystem::directory_iterator item(directory, ignored);
  while (!ignored && item != std::filesystem::directory_iterator()) {
    const std::string name = item->path().filename();
    if (name.starts_with(volume::temporary_prefix) && item->is_regular_file(ignored)) {
      remove_tree_at(folder, name);
    }
    item.increment(ignored);
  }
}

/// fstatat without following links: 0, or ENOENT or ENOTDIR. Throws for whatever else keeps it from looking.
int stat_at(int folder, const std::filesystem::path& name, struct stat& info) {
  if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return 0;
  }
  if (errno != ENOENT && errno != ENOTDIR) {
    throw storage_error(errno, "look at", name.native());
  }
  return errno;
}

/// What lies in a repository's directory.
struct Notes {
  std::optional<SavedState> state;
  bool damaged = false;  ///< a file is there, and is not one of ours
};

nlohmann::json json_of(const Published& published) {
  return {{"ref", published.ref},
          {"tip", published.tip.to_hex()},
          {"commit", published.commit.to_hex()},
          {"settings", published.settings}};
}

Published published_from(const nlohmann::json& json) {
  Published published;
  published.ref = json.at("ref").get<std::string>();
  published.tip = required_id(json, "tip");
  published.commit = required_id(json, "commit");
  published.settings = json.at("settings").get<std::string>();
  return published;
}

Source source_from(const nlohmann::json& json) {
  // Files before version 0.1.0 did not say which ref was followed.
  return Source{json.at("url").get<std::string>(), json.value("followed", std::string())};
}

nlohmann::json json_of(const FormerLink& former) {
  nlohmann::json json{{"link", former.link}};
  if (former.source) {
    json["url"] = former.source->url;
    json["followed"] = former.source->ref;
  }
  if (former.commit) {
    json["commit"] = former.commit->to_hex();
  }
  return json;
}

/// Version 0.1.0 wrote the link's path only.
FormerLink former_link_from(const nlohmann::json& json) {
  FormerLink former;
  if (json.is_string()) {
    former.link = json.get<std::string>();
    return former;
  }
  former.link = json.at("link").get<std::string>();
  if (json.contains("url")) {
    former.source = source_from(json);
  }
  if (json.contains("commit")) {
    former.commit = required_id(json, "commit");
  }
  return former;
}

std::map<ObjectId, Refusal> refusals_from(const nlohmann::json& json) {
  std::map<ObjectId, Refusal> refusals;
  for (const nlohmann::json& entry : json) {
    const auto error_class = class_from(entry.at("class").get_ref<const std::string&>());
    if (!error_class) {
      throw Error(ErrorClass::corrupt, "not an error class");
    }
    Refusal& refusal = refusals[required_id(entry, "tip")];
    refusal.error_class = *error_class;
    refusal.text = entry.at("text").get<std::string>();
    refusal.settings = entry.at("settings").get<std::string>();
    refusal.number = std::min(entry.value("number", std::uint64_t{0}), std::uint64_t{UINT32_MAX});
  }
  return refusals;
}

}  // namespace

bool SavedState::configure(const std::string& configured_link) {
  if (link == configured_link) {
    return false;
  }
  if (!link.empty()) {
    FormerLink former;
    former.link = link;
    if (published) {
      former.source = source;
      former.commit = published->commit;
    }
    former_links.push_back(former);
    if (pending) {
      former.source = pending->source;
      former.commit = pending->to.commit;
      former_links.push_back(std::move(former));
    }
  }
  link = configured_link;
  while (former_links.size() > max_former_links) {
    former_links.erase(former_links.begin());
  }
  return true;
}

void SavedState::note_published(Source of, Published commit) {
  if (of != source) {
    last_success.reset();
  }
  source = std::move(of);
  published = std::move(commit);
  pending.reset();
  forget_former_link(link);
}

bool SavedState::settle_pending(const ObjectId& commit) {
  if (!pending) {
    return false;
  }
  if (published && published->commit == commit) {
    pending.reset();
    return true;
  }
  if (pending->to.commit != commit) {
    return false;
  }
  Pending ended = std::move(*pending);
  note_published(std::move(ended.source), std::move(ended.to));
  return true;
}

std::vector<std::string> SavedState::links_to_remove() const {
  std::vector<std::string> links;
  for (const FormerLink& former : former_links) {
    if (former.link != link && std::find(links.begin(), links.end(), former.link) == links.end()) {
      links.push_back(former.link);
    }
  }
  return links;
}

void SavedState::forget_former_link(const std::string& former) {
  std::erase_if(former_links, [&](const FormerLink& known) { return known.link == former; });
}

std::string to_json(const SavedState& state) {
  nlohmann::json json;
  json["version"] = format_version;
  if (!state.repository.empty()) {
    json["repository"] = state.repository;
  }
  json["url"] = state.source.url;
  json["followed"] = state.source.ref;
  json["link"] = state.link;
  for (const FormerLink& former : state.former_links) {
    json["former_links"].push_back(json_of(former));
  }
  if (state.published) {
    json["published"] = json_of(*state.published);
  }
  if (state.pending) {
    json["pending"] = json_of(state.pending->to);
    json["pending"]["url"] = state.pending->source.url;
    json["pending"]["followed"] = state.pending->source.ref;
  }
  if (state.last_success) {
    json["last_success_ms"] =
        std::chrono::duration_cast<std::chrono::milliseconds>(state.last_success->time_since_epoch()).count();
  }
  json["refused"] = nlohmann::json::array();
  for (const auto& [tip, refusal] : state.refusals) {
    json["refused"].push_back({{"tip", tip.to_hex()},
                               {"class", std::string(to_string(refusal.error_class))},
                               {"text", refusal.text},
                               {"settings", refusal.settings},
                               {"number", refusal.number}});
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<SavedState> parse_state(std::string_view text) {
  if (!is_shallow_json(text)) {
    return std::nullopt;
  }
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    if (json.at("version") != format_version) {
      return std::nullopt;
    }
    SavedState state;
    state.repository = json.value("repository", std::string());
    state.source = source_from(json);
    state.link = json.at("link").get<std::string>();
    for (const nlohmann::json& former : json.value("former_links", nlohmann::json::array())) {
      state.former_links.push_back(former_link_from(former));
    }
    const bool plain =
        is_plain_link(state.link) && std::ranges::all_of(state.former_links, is_plain_link, &FormerLink::link);
    if (!plain || state.former_links.size() > max_former_links) {
      return std::nullopt;
    }
    if (json.contains("published")) {
      state.published = published_from(json.at("published"));
    }
    if (json.contains("pending")) {
      state.pending = SavedState::Pending{source_from(json.at("pending")), published_from(json.at("pending"))};
    }
    if (json.contains("last_success_ms")) {
      // Of another time than ours it says nothing, and sums with it would overflow.
      const std::chrono::milliseconds since_1970(json.at("last_success_ms").get<std::int64_t>());
      if (since_1970 >= std::chrono::milliseconds{0} && since_1970 < latest_success) {
        state.last_success = schedule::TimePoint(since_1970);
      }
    }
    state.refusals = refusals_from(json.at("refused"));
    return state;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

Notes read_notes(const std::filesystem::path& directory) {
  Notes notes;
  struct stat info{};
  // Only what is not there, or is no such file, may be replaced: what cannot be read now can be read later.
  if (stat_at(AT_FDCWD, directory, info) != 0 || !S_ISDIR(info.st_mode)) {
    return notes;
  }
  const UniqueFd folder = open_directory(directory);
  if (stat_at(folder.get(), volume::state_file, info) != 0) {
    return notes;
  }
  notes.damaged = true;
  if (S_ISREG(info.st_mode) && info.st_size <= static_cast<off_t>(max_state_bytes)) {
    notes.state = parse_state(read_file_at(folder.get(), volume::state_file, max_state_bytes));
    notes.damaged = !notes.state;
  }
  return notes;
}

std::optional<SavedState> read_state(const std::filesystem::path& directory) {
  return read_notes(directory).state;
}

std::optional<SavedState> load_state(const std::filesystem::path& directory) {
  Notes notes = read_notes(directory);
  if (notes.damaged) {
    log::warning("notes_damaged",
                 "the notes on a repository cannot be understood and are made anew; a link of an earlier configuration "
                 "stays where it is: remove it by hand",
                 {{"repository", directory.filename().native()}, {"file", (directory / volume::state_file).native()}});
  }
  try {
    const UniqueFd folder = open_directory(directory);
    sweep_temporaries(directory, folder.get());
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch) no folder yet, or read-only: a later start sweeps
  }
  return std::move(notes.state);
}

void save_state(const std::filesystem::path& directory, SavedState state) {
  const UniqueFd folder = open_directory(directory);
  state.repository = directory.filename();
  replace_file_at(folder.get(), volume::state_file, to_json(state), 0600);
}

asio::awaitable<void> RepositoryJournal::load() {
  if (loaded_) {
    co_return;
  }
  auto job = [directory = directory_](const std::stop_token&) { return load_state(directory); };
  std::optional<SavedState> found =
      co_await async::run_blocking(workers_, std::move(job), "read the notes on the repository", async::Lane::quick);
  loaded_ = true;
  has_notes_ = found.has_value();
  if (found) {
    state_ = std::move(*found);
  }
}

SavedState& RepositoryJournal::edit() noexcept {
  has_notes_ = true;
  edited_ = true;
  return state_;
}

asio::awaitable<void> RepositoryJournal::save() {
  auto job = [directory = directory_, state = state_](const std::stop_token&) { save_state(directory, state); };
  edited_ = false;
  try {
    co_await async::run_blocking(workers_, std::move(job), "write the notes on the repository", async::Lane::quick);
  } catch (...) {
    edited_ = true;
    throw;
  }
}

asio::awaitable<void> RepositoryJournal::save_if_possible(std::string name) {
  if (!edited_) {
    co_return;
  }
  try {
    co_await save();
  } catch (const Error& error) {
    if (error.error_class() == ErrorClass::cancelled) {
      throw;
    }
    log::debug("state_not_saved", error.text(), {{"repository", name}});
  }
}

}  // namespace adapter::sync
