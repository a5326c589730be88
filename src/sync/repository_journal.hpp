// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/awaitable.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/async/workers.hpp"
#include "adapter/base/object_id.hpp"
#include "machine.hpp"

namespace adapter::sync {

inline constexpr std::size_t max_former_links = 64;

/// Where a published commit comes from. Two commits of one repository's folder may have different ones: its `url` or
/// `ref` was configured otherwise in between.
struct Source {
  std::string url;  ///< Url::to_string()
  std::string ref;  ///< as configured
  friend bool operator==(const Source&, const Source&) = default;
};

/// A link of an earlier configuration that may still be there.
struct FormerLink {
  std::string link;                ///< relative to data_dir
  std::optional<Source> source;    ///< of what it showed; absent in notes of version 0.1.0
  std::optional<ObjectId> commit;  ///< what it showed; absent when that is not known
  friend bool operator==(const FormerLink&, const FormerLink&) = default;
};

/// What data_dir/.adapter/<name>/state.json holds. The link is the truth; these notes say whose content it shows, and
/// what it showed where it is lost.
struct SavedState {
  std::string repository{};  ///< whose notes these are, as saved; empty in those of earlier versions
  Source source;             ///< of `published`
  std::string link;          ///< of the last configuration
  /// At most max_former_links, oldest first. A link may be in it twice, and it may be `link` itself: a configuration
  /// that went back to an earlier link.
  std::vector<FormerLink> former_links{};
  std::optional<Published> published;

  /// A publish that has begun. Durable before the link is moved, and removed with the note about `published`: while it
  /// is there the link may show either.
  struct Pending {
    Source source;
    Published to;
    friend bool operator==(const Pending&, const Pending&) = default;
  };
  std::optional<Pending> pending;

  std::map<ObjectId, Refusal> refusals;
  /// The last success with `source`, in whole milliseconds: a schedule with hours between its checks would count as
  /// stale after each restart without it.
  std::optional<schedule::TimePoint> last_success;

  friend bool operator==(const SavedState&, const SavedState&) = default;

  /// Takes the configured link; the one before becomes a former link with what it may show. To be durable before the
  /// new link is made, so that no kill leaves a link behind that has no note. True when something changed.
  bool configure(const std::string& configured_link);
  void begin_publish(Source of, Published commit) { pending = Pending{std::move(of), std::move(commit)}; }
  /// The link shows `commit` of `of` now: also the end of a publish that has begun.
  void note_published(Source of, Published commit);
  /// The link shows `commit`, which may be of another source: a publish that has begun is known to have moved it, or
  /// not to have. True when something changed.
  bool settle_pending(const ObjectId& commit);
  /// Each former link once, without the configured one.
  [[nodiscard]] std::vector<std::string> links_to_remove() const;
  void forget_former_link(const std::string& former);
};

[[nodiscard]] std::string to_json(const SavedState& state);
/// Also reads what version 0.1.0 wrote. Nullopt for what is not such a file.
[[nodiscard]] std::optional<SavedState> parse_state(std::string_view json);

/// Blocking; any thread. Nullopt when there is no such file, or none of ours. Storage error when it cannot be read now:
/// it may say whose content a link shows, so nothing may be decided without it. Changes nothing.
[[nodiscard]] std::optional<SavedState> read_state(const std::filesystem::path& directory);
/// The same for the one owner of the folder: also warns of a file that is none of ours, and removes what a save that
/// was killed left behind.
[[nodiscard]] std::optional<SavedState> load_state(const std::filesystem::path& directory);
/// Blocking; durable and atomic. Notes the directory's name. Throws storage errors.
void save_state(const std::filesystem::path& directory, SavedState state);

/// The notes of one repository, in memory and in its folder. Loop thread; files on a worker. The owner outlives every
/// call.
class RepositoryJournal {
public:
  /// `directory` is data_dir/.adapter/<name>. `workers` outlives the journal.
  RepositoryJournal(async::Workers& workers, std::filesystem::path directory)
      : workers_(workers), directory_(std::move(directory)) {}

  /// Reads the file; once, for what is in memory is newer than whatever lies in the volume later.
  asio::awaitable<void> load();
  [[nodiscard]] bool is_loaded() const noexcept { return loaded_; }
  /// Whether there is any note: none on a new volume, and none when the file was lost.
  [[nodiscard]] bool has_notes() const noexcept { return has_notes_; }
  [[nodiscard]] const SavedState& state() const noexcept { return state_; }
  /// For changes; save() makes them durable.
  [[nodiscard]] SavedState& edit() noexcept;

  /// Throws storage errors; what was not saved stays to be saved.
  asio::awaitable<void> save();
  /// Saves what was edited since the last save(). A volume that takes no note is logged at debug and tried again with
  /// the next call.
  asio::awaitable<void> save_if_possible(std::string name);

private:
  async::Workers& workers_;
  std::filesystem::path directory_;
  SavedState state_;
  bool loaded_ = false;
  bool has_notes_ = false;
  bool edited_ = false;
};

}  // namespace adapter::sync
