// SPDX-License-Identifier: Apache-2.0
#include "state_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "adapter/base/file.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/text.hpp"

namespace adapter::sync {
namespace {

constexpr const char* file_name = "state.json";
constexpr std::string_view temporary_prefix = ".tmp-";
constexpr std::uint64_t max_state_bytes = 256 * kib;
constexpr int format_version = 1;

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
  return parts.front() != ".adapter" && std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
           return part.empty() || part == "." || part == ".." || part.size() > max_name_bytes ||
                  part.find('\0') != std::string_view::npos;
         });
}

/// Temporary files of replace_file_at() that a kill left; the repository's own folder holds no others of that name.
void sweep_temporaries(const std::filesystem::path& directory, int folder) {
  std::error_code ignored;
  for (const auto& item : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = item.path().filename();
    if (name.starts_with(temporary_prefix) && item.is_regular_file(ignored)) {
      remove_tree_at(folder, name);
    }
  }
}

}  // namespace

std::string to_json(const RepositoryState& state) {
  nlohmann::json json;
  json["version"] = format_version;
  json["url"] = state.url;
  json["link"] = state.link;
  if (!state.former_links.empty()) {
    json["former_links"] = state.former_links;
  }
  if (state.published) {
    json["published"] = {{"ref", state.published->ref},
                         {"tip", state.published->tip.to_hex()},
                         {"commit", state.published->commit.to_hex()},
                         {"settings", state.published->settings}};
  }
  json["followed"] = state.followed;
  if (state.last_success) {
    json["last_success_ms"] =
        std::chrono::duration_cast<std::chrono::milliseconds>(state.last_success->time_since_epoch()).count();
  }
  json["refused"] = nlohmann::json::array();
  for (const auto& [tip, refusal] : state.refusals) {
    json["refused"].push_back({{"tip", tip.to_hex()},
                               {"class", std::string(to_string(refusal.error_class))},
                               {"text", refusal.text},
                               {"settings", refusal.settings}});
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<RepositoryState> parse_state(std::string_view text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    if (json.at("version") != format_version) {
      return std::nullopt;
    }
    RepositoryState state;
    state.url = json.at("url").get<std::string>();
    state.link = json.at("link").get<std::string>();
    state.former_links = json.value("former_links", std::vector<std::string>());
    if (!is_plain_link(state.link) || !std::ranges::all_of(state.former_links, is_plain_link) ||
        state.former_links.size() > max_former_links) {
      return std::nullopt;
    }
    if (json.contains("published")) {
      const nlohmann::json& published = json.at("published");
      state.published.emplace();
      state.published->ref = published.at("ref").get<std::string>();
      state.published->tip = required_id(published, "tip");
      state.published->commit = required_id(published, "commit");
      state.published->settings = published.at("settings").get<std::string>();
    }
    // Absent in files of earlier versions.
    state.followed = json.value("followed", std::string());
    if (json.contains("last_success_ms")) {
      state.last_success =
          schedule::TimePoint(std::chrono::milliseconds(json.at("last_success_ms").get<std::int64_t>()));
    }
    for (const nlohmann::json& entry : json.at("refused")) {
      const auto error_class = class_from(entry.at("class").get_ref<const std::string&>());
      if (!error_class) {
        return std::nullopt;
      }
      Refusal& refusal = state.refusals[required_id(entry, "tip")];
      refusal.error_class = *error_class;
      refusal.text = entry.at("text").get<std::string>();
      refusal.settings = entry.at("settings").get<std::string>();
    }
    return state;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<RepositoryState> load_state(const std::filesystem::path& directory) {
  try {
    const UniqueFd folder = open_directory(directory);
    sweep_temporaries(directory, folder.get());
    const std::string text = read_file_at(folder.get(), file_name, max_state_bytes);
    return parse_state(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void save_state(const std::filesystem::path& directory, const RepositoryState& state) {
  const UniqueFd folder = open_directory(directory);
  replace_file_at(folder.get(), file_name, to_json(state), 0600);
}

}  // namespace adapter::sync
