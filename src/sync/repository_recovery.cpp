// SPDX-License-Identifier: Apache-2.0
// What a repository's task makes of the volume before it asks the remote.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "adapter/base/volume_layout.hpp"
#include "adapter/log/log.hpp"
#include "pruner.hpp"
#include "recovery_plan.hpp"
#include "repository_task.hpp"
#include "volume_id.hpp"

namespace adapter::sync {
namespace {

/// One line, for the store.
std::string to_line(const Source& source) {
  return source.url + " " + source.ref;
}

std::optional<Source> source_from_line(const std::string& line) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) {
    return std::nullopt;
  }
  return Source{line.substr(0, space), line.substr(space + 1)};
}

/// Trees that a note names are kept, whatever their age.
std::vector<ObjectId> noted_commits(const SavedState& state) {
  std::vector<ObjectId> commits;
  if (state.pending) {
    commits.push_back(state.pending->to.commit);
  }
  if (state.published) {
    commits.push_back(state.published->commit);
  }
  return commits;
}

std::string describe(const publish::Standing& found) {
  if (!found.damage.empty()) {
    return found.damage;
  }
  return found.link == publish::Standing::LinkState::other ? "the link leads into the trees of another repository"
                                                           : "the link is missing";
}

/// The source of the tree that `link` leads to, by the notes of the repository whose tree it is; nullopt when the tree
/// is not there or not noted. Blocking.
std::optional<Source> source_shown(const std::filesystem::path& data_dir, const std::string& link) {
  const std::optional<std::string> owner = publish::owner_of_link(data_dir, link);
  std::error_code failure;
  const std::filesystem::path target = std::filesystem::read_symlink(data_dir / link, failure);
  const std::optional<ObjectId> commit = ObjectId::from_hex(target.filename().native());
  if (!owner || failure || !commit || !std::filesystem::is_directory(data_dir / link, failure)) {
    return std::nullopt;
  }
  const std::optional<SavedState> state = read_state(data_dir / volume::own_path(*owner));
  if (state && state->published && state->published->commit == *commit) {
    return state->source;
  }
  if (state && state->pending && state->pending->to.commit == *commit) {
    return state->pending->source;
  }
  return std::nullopt;
}

/// Those of `links` that lead into the trees of repository `name`. Blocking.
std::vector<std::string> links_into(const std::filesystem::path& data_dir, const std::string& name,
                                    const std::vector<std::string>& links, const std::stop_token& stop) {
  std::vector<std::string> found;
  std::error_code failure;
  if (!std::filesystem::exists(data_dir / volume::trees_path(name), failure)) {
    return found;
  }
  for (const std::string& link : links) {
    if (stop.stop_requested()) {
      throw Error(ErrorClass::cancelled, "looking at the links was cancelled");
    }
    if (publish::owner_of_link(data_dir, link) == name) {
      found.push_back(link);
    }
  }
  return found;
}

bool concerns_the_kept_commit(const Error& error) {
  const ErrorClass error_class = error.error_class();
  return error_class == ErrorClass::policy || error_class == ErrorClass::limit || error_class == ErrorClass::corrupt;
}

}  // namespace

asio::awaitable<void> RepositoryTask::recover_tree() {
  machine_.enter(Phase::recovering);
  recovery_due_ = true;
  co_await shared_.pruner.wait_until_free(repository_.name);
  co_await look_at_volume();
  async::Semaphore::Permit permit = co_await shared_.recoveries.acquire();
  const bool link_moved = co_await take_notes();
  publish::RecoverOptions options;
  options.former_links = journal_.state().links_to_remove();
  options.commits = noted_commits(journal_.state());
  const publish::Standing found = co_await publisher_->recover(std::move(options));
  co_await store_->open();
  machine_.forget_published();
  reporter_.lost_sight();
  RecoveryFacts facts = recovery_facts(found);
  if (found.link == publish::Standing::LinkState::other) {
    facts.shown_elsewhere = co_await source_shown_elsewhere();
  }
  const std::vector<RecoveryStep> steps = plan_recovery(facts);
  const bool planned = link_moved && !steps.empty() && steps.front().way == RecoveryStep::Way::relink;
  if (!steps.empty() && !planned) {
    tell_damage(steps.front(), found);
  }
  const std::optional<SavedState::Pending> begun = journal_.state().pending;
  SyncPermits::Permit rebuild_permit;
  bool of_source = false;
  bool rebuilt = false;
  for (const RecoveryStep& step : steps) {
    if (step.way == RecoveryStep::Way::rebuild && !rebuild_permit) {
      // Work as long as a sync's: the looks of others do not wait for it.
      permit.release();
      rebuild_permit = co_await shared_.syncs.acquire(repository_.name);
    }
    const bool done = co_await take(step, link_moved);
    if (done) {
      adopt(step, found, begun);
      of_source = step.published.has_value();
      rebuilt = step.way == RecoveryStep::Way::rebuild;
      break;
    }
  }
  co_await journal_.save_if_possible(repository_.name);
  if (of_source) {
    shared_.pruner.note_published();
    co_await remove_former_links();
  }
  recovery_due_ = false;
  permit.release();
  rebuild_permit.release();
  if (rebuilt) {
    co_await tidy();
  }
}

/// Before recovery holds a permit: the link's folder may be a mount that hangs, which is to hold up no other
/// repository.
asio::awaitable<void> RepositoryTask::look_at_volume() {
  auto look = [data_dir = data_dir_, link = data_dir_ / repository_.link](const std::stop_token&) {
    std::error_code unknown;
    static_cast<void>(std::filesystem::status(link, unknown));
    return volume_id(data_dir);
  };
  std::string volume =
      co_await async::run_blocking(workers_, std::move(look), "look at the volume", async::Lane::quick);
  machine_.set_volume(std::move(volume));
}

/// The journal, once, and in it the configured link: durable before that link can be made. Whether that is another link
/// than the one before.
asio::awaitable<bool> RepositoryTask::take_notes() {
  if (!journal_.is_loaded()) {
    co_await journal_.load();
    machine_.restore_refusals(journal_.state().refusals);
    if (!journal_.has_notes()) {
      co_await find_borrowed_links();
    }
  }
  if (journal_.state().link == repository_.link) {
    co_return false;
  }
  const bool had_notes = journal_.has_notes();
  journal_.edit().configure(repository_.link);
  if (had_notes) {
    // A volume that takes no note takes no new link either: what stands is served on.
    co_await journal_.save_if_possible(repository_.name);
  }
  co_return had_notes;
}

/// No notes say so, but a link that another repository has by now may still show a tree of this one.
asio::awaitable<void> RepositoryTask::find_borrowed_links() {
  auto job = [data_dir = data_dir_, name = repository_.name, links = shared_.pruner.links_of_others(repository_.name)](
                 const std::stop_token& stop) { return links_into(data_dir, name, links, stop); };
  const std::vector<std::string> found =
      co_await async::run_blocking(workers_, std::move(job), "look for links into the trees");
  for (const std::string& link : found) {
    FormerLink former;
    former.link = link;
    journal_.edit().former_links.push_back(std::move(former));
  }
}

/// The link leads into the trees of another repository, whose notes say whose content it shows.
asio::awaitable<std::optional<Source>> RepositoryTask::source_shown_elsewhere() {
  auto job = [data_dir = data_dir_, link = repository_.link](const std::stop_token&) {
    return source_shown(data_dir, link);
  };
  std::optional<Source> source =
      co_await async::run_blocking(workers_, std::move(job), "look whose tree the link shows", async::Lane::quick);
  co_return source;
}

/// Not again what the watch over links told.
void RepositoryTask::tell_damage(const RecoveryStep& step, const publish::Standing& found) const {
  if (step.way == RecoveryStep::Way::relink && found.damage.empty()) {
    if (link_resolves()) {
      tell_link_lost(step.commit);
    }
  } else if (step.way != RecoveryStep::Way::keep) {
    log::warning("tree_damaged", "the published tree is not as it was written and is made again",
                 {{"repository", repository_.name}, {"commit", step.commit}, {"damage", describe(found)}});
  }
}

RecoveryFacts RepositoryTask::recovery_facts(publish::Standing found) const {
  RecoveryFacts facts;
  facts.configured = source_;
  facts.link = repository_.link;
  facts.journal = journal_.has_notes() ? &journal_.state() : nullptr;
  facts.found = std::move(found);
  const store::Haves& haves = store_->haves();
  if (haves.current && haves.current_commit) {
    facts.kept.emplace();
    facts.kept->ref = haves.ref;
    facts.kept->tip = *haves.current;
    facts.kept->commit = *haves.current_commit;
    facts.kept_source = source_from_line(haves.source);
  }
  return facts;
}

/// False when the step cannot be taken: the packs do not hold the commit, or the present rules refuse it.
asio::awaitable<bool> RepositoryTask::take(RecoveryStep step, bool is_new_link) {
  if (step.way == RecoveryStep::Way::keep) {
    co_return true;
  }
  const SavedState& noted = journal_.state();
  if (step.published && (noted.source != source_ || noted.published != step.published)) {
    journal_.edit().begin_publish(source_, *step.published);
    co_await journal_.save();
  }
  if (step.way == RecoveryStep::Way::relink) {
    std::vector<std::string> former = noted.links_to_remove();
    co_await publisher_->relink(step.commit, std::move(former));
    if (is_new_link) {
      log::info("link_set", "the link that the configuration names now leads to the tree",
                {{"repository", repository_.name}, {"commit", step.commit}});
    } else {
      log::info("link_restored", "the link leads to its tree again",
                {{"repository", repository_.name}, {"commit", step.commit}});
    }
    co_return true;
  }
  const bool rebuilt = co_await rebuild(step.commit);
  co_return rebuilt;
}

/// Makes a commit's tree and link whole again from the packs, without the network.
asio::awaitable<bool> RepositoryTask::rebuild(ObjectId commit) {
  std::optional<Error> refused;
  bool rebuilt = false;
  try {
    rebuilt = co_await write_from_packs(commit);
  } catch (const publish::StuckTree& error) {
    refused = error;
  } catch (const Error& error) {
    if (!concerns_the_kept_commit(error)) {
      throw;
    }
    refused = error;
  }
  if (refused) {
    // The remote may have a better one by now: it is asked next.
    log::warning("not_rebuilt", refused->text(),
                 {{"repository", repository_.name}, {"commit", commit}, {"class", refused->error_class()}});
  }
  co_return rebuilt;
}

asio::awaitable<bool> RepositoryTask::write_from_packs(ObjectId commit) {
  pipeline_.start();
  const std::optional<store::CommitSummary> facts = co_await pipeline_.verify_held(commit);
  if (!facts) {
    log::warning("not_rebuilt", "the packs do not hold all of the commit",
                 {{"repository", repository_.name}, {"commit", commit}});
    co_return false;
  }
  publish::PublishOptions options = publish_options();
  const publish::PublishResult outcome = co_await pipeline_.publish(commit, std::move(options));
  reporter_.tree_written(outcome, Now::read());
  log::info("tree_rebuilt", "the published tree was made whole again from the packs",
            {{"repository", repository_.name}, {"commit", commit}, {"files", outcome.files}});
  co_return true;
}

/// The link shows this step's commit now. It is reported as published only when it is of the configured source.
/// `begun`: a publish that the attempt before began and did not tell the end of.
void RepositoryTask::adopt(const RecoveryStep& step, const publish::Standing& found,
                           const std::optional<SavedState::Pending>& begun) {
  const SavedState& noted = journal_.state();
  const bool untold = begun && begun->source == source_ && step.published == begun->to &&
                      (noted.source != source_ || noted.published != step.published);
  const std::optional<ObjectId> before = noted.published ? std::optional(noted.published->commit) : std::nullopt;
  if (noted.pending) {
    journal_.edit().settle_pending(step.commit);
  }
  if (!step.published) {
    reporter_.lost_sight();
    return;
  }
  if (noted.source != source_ || noted.published != step.published) {
    journal_.edit().note_published(source_, *step.published);
  }
  if (noted.last_success) {
    reporter_.remember_success(*noted.last_success, Now::read());
  }
  Published published = *step.published;
  const std::vector<ObjectId>& held = store_->haves().tips;
  const bool lost = std::find(held.begin(), held.end(), published.tip) == held.end();
  if (lost || !is_as_configured(step, found, begun)) {
    // The store lost sight of it, or the tree has other modes or links than the note says: the next check puts that
    // right.
    published.settings.clear();
  }
  const auto other = std::find_if(found.complete.begin(), found.complete.end(),
                                  [&](const ObjectId& commit) { return commit != step.commit; });
  reporter_.found(step.commit, other == found.complete.end() ? std::nullopt : std::optional(*other));
  if (untold) {
    reporter_.found_published(published, before, Now::read());
  }
  machine_.restore_published(std::move(published));
}

/// Whether the tree that the link shows now is known to be written as the configuration says. A publish of the same
/// commit under other settings may have ended behind its note and before its tree.
bool RepositoryTask::is_as_configured(const RecoveryStep& step, const publish::Standing& found,
                                      const std::optional<SavedState::Pending>& begun) const {
  if (step.way == RecoveryStep::Way::rebuild) {
    return true;
  }
  if (found.commit == step.commit) {
    return !found.lacks_group && found.share == repository_.share && found.symlinks == repository_.symlinks;
  }
  return !begun || begun->to != step.published;
}

/// The link shows the configured source: links of earlier configurations are not needed any more.
asio::awaitable<void> RepositoryTask::remove_former_links() {
  std::vector<std::string> former = journal_.state().links_to_remove();
  former_links_seen_ = shared_.pruner.generation();
  if (former.empty()) {
    co_return;
  }
  const std::vector<std::string> settled =
      co_await shared_.pruner.remove_former_links(*publisher_, repository_.name, std::move(former));
  for (const std::string& link : settled) {
    journal_.edit().forget_former_link(link);
  }
  co_await journal_.save_if_possible(repository_.name);
}

/// Those that another repository claimed, or that a configuration since then does not claim any more.
asio::awaitable<void> RepositoryTask::revisit_former_links() {
  const std::vector<std::string> former = journal_.state().links_to_remove();
  const bool claimed = std::any_of(former.begin(), former.end(),
                                   [this](const std::string& link) { return shared_.pruner.is_claimed(link); });
  if (claimed || (!former.empty() && former_links_seen_ != shared_.pruner.generation())) {
    co_await remove_former_links();
  }
}

std::optional<ObjectId> RepositoryTask::published_commit() const {
  const std::optional<Published>& published = machine_.published();
  return published ? std::optional(published->commit) : std::nullopt;
}

std::string RepositoryTask::source_line() const {
  return to_line(source_);
}

}  // namespace adapter::sync
