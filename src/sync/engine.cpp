// SPDX-License-Identifier: Apache-2.0
#include "adapter/sync/engine.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "adapter/async/task_scope.hpp"
#include "adapter/auth/credentials.hpp"
#include "adapter/log/log.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/net/tls_library.hpp"
#include "file_watch.hpp"
#include "link_monitor.hpp"
#include "link_watch.hpp"
#include "old_trees.hpp"
#include "pruner.hpp"
#include "repository_task.hpp"

namespace adapter::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// With more repositories than this the first checks after a start are spread over some seconds.
constexpr std::size_t spread_above = 16;
/// A repository's task with the scope that can end it.
struct Entry {
  Entry(Shared& shared, std::shared_ptr<RemoteGroup> group, const config::Repository& repository,
        const std::filesystem::path& data_dir, const Predecessor& before, std::shared_ptr<async::Semaphore> name_turn)
      : turn(std::move(name_turn)),
        scope(shared.executor),
        task(shared, std::move(group), repository, data_dir, before) {}

  std::shared_ptr<async::Semaphore> turn;  ///< of the name; held for as long as the task runs
  async::TaskScope scope;
  RepositoryTask task;
};

class LiveEngine final : public Engine {
public:
  LiveEngine(const asio::any_io_executor& executor, async::Workers& workers, config::Environment environment,
             const std::string& version, Observer* observer)
      : old_trees_(executor, workers),
        pruner_(executor, workers, old_trees_, doubts_),
        shared_(executor, workers, pruner_, old_trees_, doubts_, config::Concurrency(), observer),
        ending_(executor),
        pruning_(executor),
        link_watch_(executor),
        link_monitor_(workers),
        client_(net::make_http_client(executor, workers, net::ClientOptions())),
        system_ca_file_(environment("SSL_CERT_FILE").value_or(net::default_ca_file())),
        credentials_(workers, std::vector<config::Credential>(), std::move(environment)),
        agent_("adapter/" + version) {}

  asio::awaitable<void> apply(std::shared_ptr<const config::Config> config) override;
  asio::awaitable<std::vector<OnceResult>> sync_once(std::shared_ptr<const config::Config> config,
                                                     std::vector<std::string> names, milliseconds retry_for) override;
  std::optional<std::uint64_t> check_now(std::string_view name) override;
  void check_all_now() override;
  bool announce(std::string_view name, const Announcement& push) override;
  void list_prunable(std::function<void(std::vector<PruneCandidate>)> done) override {
    pruning_.spawn("list of what can be pruned", list_prunable_then(std::move(done)));
  }
  void prune_now(std::vector<std::string> names, std::function<void(std::vector<PruneResult>)> done) override {
    pruning_.spawn("prune now", prune_then(std::move(names), std::move(done)));
  }
  void use_for_pruning(std::shared_ptr<const config::Config> config) override { take_settings(std::move(config)); }
  [[nodiscard]] std::vector<RepositoryStatus> status() const override;
  [[nodiscard]] std::optional<SyncProgress> progress(std::string_view name) const override;
  [[nodiscard]] net::HttpClient::Stats network() const override { return client_->stats(); }
  asio::awaitable<void> stop() override;

private:
  void take_settings(std::shared_ptr<const config::Config> config);
  template <typename Map>
  void forget_expired(Map& known) const;
  std::shared_ptr<RemoteGroup> group_for(const config::Repository& repository);
  Entry& add(const config::Repository& repository, const Predecessor& before = {});
  std::shared_ptr<async::Semaphore> turn_of(const std::string& name);
  void retire(std::shared_ptr<Entry> entry);
  asio::awaitable<void> ended(std::shared_ptr<Entry> entry);
  [[nodiscard]] bool is_configured(std::string_view name) const;
  asio::awaitable<void> watch_links();
  asio::awaitable<void> list_prunable_then(std::function<void(std::vector<PruneCandidate>)> done);
  asio::awaitable<void> prune_then(std::vector<std::string> names, std::function<void(std::vector<PruneResult>)> done);
  [[nodiscard]] std::vector<FailingRepository> failing_repositories() const;
  void retry_for_files(const std::string& name);

  publish::Doubts doubts_;
  OldTrees old_trees_;
  Pruner pruner_;
  Shared shared_;
  async::TaskScope ending_;   ///< waits for tasks that a reload ended
  async::TaskScope pruning_;  ///< deletion, and the watches over links and files
  bool watches_ = false;      ///< apply() was called
  async::Wakeup link_watch_;
  LinkMonitor link_monitor_;
  FileWatch file_watch_{shared_.workers};
  std::unique_ptr<net::HttpClient> client_;
  std::filesystem::path system_ca_file_;
  auth::Credentials credentials_;
  std::string agent_;
  std::shared_ptr<const config::Config> config_;
  std::map<RemoteKey, std::weak_ptr<RemoteGroup>> groups_;
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;  ///< of the present configuration
  /// One permit a name: what works in a repository's directory, one after the other in the order of the configurations.
  std::map<std::string, std::weak_ptr<async::Semaphore>> turns_;
};

void LiveEngine::take_settings(std::shared_ptr<const config::Config> config) {
  config_ = std::move(config);
  shared_.configure(*config_);
  client_->set_connections_per_host(config_->concurrency.connections_per_host);
  pruner_.configure(*config_);
  credentials_.replace(config_->credentials);
}

/// Looks at all of them only when they can be twice as many as are in use: a look at each addition would be quadratic.
template <typename Map>
void LiveEngine::forget_expired(Map& known) const {
  if (known.size() > 2 * config_->repositories.size()) {
    std::erase_if(known, [](const auto& each) { return each.second.expired(); });
  }
}

std::shared_ptr<RemoteGroup> LiveEngine::group_for(const config::Repository& repository) {
  forget_expired(groups_);
  std::weak_ptr<RemoteGroup>& known = groups_[RemoteKey::of(repository)];
  if (auto group = known.lock()) {
    return group;
  }
  transport::RemoteOptions options;
  options.ca_file = repository.ca_file;
  options.allow_insecure = repository.allow_insecure;
  options.allow_loopback = repository.allow_loopback;
  options.limits = repository.limits;
  options.agent = agent_;
  auto group = std::make_shared<RemoteGroup>(
      shared_.executor, transport::make_remote(*client_, credentials_, repository.url, std::move(options)),
      &shared_.transfers, repository.url.origin().authority(), &shared_.broad_questions, &shared_.connections);
  known = group;
  return group;
}

std::shared_ptr<async::Semaphore> LiveEngine::turn_of(const std::string& name) {
  forget_expired(turns_);
  std::weak_ptr<async::Semaphore>& known = turns_[name];
  if (auto turn = known.lock()) {
    return turn;
  }
  auto turn = std::make_shared<async::Semaphore>(shared_.executor, 1);
  known = turn;
  return turn;
}

Entry& LiveEngine::add(const config::Repository& repository, const Predecessor& before) {
  auto entry = std::make_shared<Entry>(shared_, group_for(repository), repository, config_->data_dir, before,
                                       turn_of(repository.name));
  Entry& added = *entry;
  entries_[repository.name] = std::move(entry);
  return added;
}

/// Watches once every earlier task of that name has ended: two must not work in one directory.
asio::awaitable<void> watch_in_turn(Entry& entry, bool spread) {
  const async::Semaphore::Permit turn = co_await entry.turn->acquire();
  co_await entry.task.watch(spread);
}

asio::awaitable<void> LiveEngine::ended(std::shared_ptr<Entry> entry) {
  co_await entry->scope.join();
  pruner_.note_ended(entry->task.repository().name);
}

/// Cancels a task and keeps it until it has ended, which may take as long as its job on the volume does.
void LiveEngine::retire(std::shared_ptr<Entry> entry) {
  entry->scope.cancel();
  const std::string name = entry->task.repository().name;
  pruner_.note_ending(name);
  ending_.spawn("end of repository " + name, ended(std::move(entry)));
}

asio::awaitable<void> LiveEngine::apply(std::shared_ptr<const config::Config> config) {
  take_settings(std::move(config));
  std::map<std::string, Predecessor> replaced;
  std::map<std::string_view, const config::Repository*> wanted;
  for (const config::Repository& repository : config_->repositories) {
    wanted[repository.name] = &repository;
  }
  for (auto place = entries_.begin(); place != entries_.end();) {
    place->second->task.note_reload();
    const auto still = wanted.find(place->first);
    if (still != wanted.end() && place->second->task.repository() == *still->second) {
      ++place;
      continue;
    }
    if (still != wanted.end()) {
      replaced[place->first] = place->second->task.predecessor(*still->second);
    }
    retire(std::move(place->second));
    place = entries_.erase(place);
  }
  std::vector<Entry*> started;
  for (const config::Repository& repository : config_->repositories) {
    if (!entries_.contains(repository.name)) {
      started.push_back(&add(repository, replaced[repository.name]));
    }
  }
  const bool spread = started.size() > spread_above;
  for (Entry* const entry : started) {
    entry->scope.spawn_lasting("repository " + entry->task.repository().name,
                               [entry, spread] { return watch_in_turn(*entry, spread); });
  }
  if (!std::exchange(watches_, true)) {
    pruning_.spawn_lasting("prune", [this] { return pruner_.run(); });
    pruning_.spawn_lasting("old trees", [this] { return old_trees_.run(); });
    pruning_.spawn_lasting("links", [this] { return watch_links(); });
    pruning_.spawn_lasting("files of failed repositories", [this] {
      return file_watch_.run(
          shared_.file_failure, [this] { return failing_repositories(); },
          [this](const std::string& name) { retry_for_files(name); });
    });
  }
  if (shared_.observer != nullptr) {
    Event event;
    event.kind = EventKind::reloaded;
    event.time = std::chrono::system_clock::now();
    shared_.observer->on_event(event);
  }
  co_return;
}

bool LiveEngine::is_configured(std::string_view name) const {
  return std::any_of(config_->repositories.begin(), config_->repositories.end(),
                     [&](const config::Repository& repository) { return repository.name == name; });
}

asio::awaitable<void> LiveEngine::list_prunable_then(std::function<void(std::vector<PruneCandidate>)> done) {
  std::vector<PruneCandidate> candidates = co_await pruner_.candidates();
  done(std::move(candidates));
}

asio::awaitable<void> LiveEngine::prune_then(std::vector<std::string> names,
                                             std::function<void(std::vector<PruneResult>)> done) {
  if (!watches_) {
    pruning_.spawn("old trees", old_trees_.run());
  }
  std::vector<PruneResult> results = co_await pruner_.prune_now(std::move(names));
  if (!watches_) {
    old_trees_.finish();
  }
  done(std::move(results));
}

/// Sees a link that does not lead to its tree long before a check that is due in an hour does.
asio::awaitable<void> LiveEngine::watch_links() {
  while (true) {
    const steady_clock::time_point again = steady_clock::now() + link_watch_interval(entries_.size());
    co_await link_watch_.wait_until(again);
    std::vector<WatchedLink> links;
    for (const auto& [name, entry] : entries_) {
      const RepositoryTask& task = entry->task;
      if (task.shows_a_commit()) {
        links.push_back(WatchedLink{name, task.repository().link, task.link_resolves(), task.shown_commits()});
      }
    }
    const std::vector<WatchedLink> differing = co_await link_monitor_.look_at(config_->data_dir, std::move(links));
    for (const WatchedLink& link : differing) {
      const auto place = entries_.find(link.repository);
      if (place != entries_.end() && place->second->task.repository().link == link.link) {
        place->second->task.note_link(link);
      }
    }
  }
}

std::vector<FailingRepository> LiveEngine::failing_repositories() const {
  std::vector<FailingRepository> failing;
  for (const auto& [name, entry] : entries_) {
    if (!entry->task.fails()) {
      continue;
    }
    FailingRepository& each = failing.emplace_back(FailingRepository{name, entry->task.waits_for_files()});
    if (each.waits_for_files) {
      const config::Repository& repository = entry->task.repository();
      each.files = credentials_.files_of(repository.url);
      each.files.push_back(repository.ca_file.value_or(system_ca_file_));
      each.tried = entry->task.last_attempt();
    }
  }
  return failing;
}

void LiveEngine::retry_for_files(const std::string& name) {
  const auto place = entries_.find(name);
  if (place != entries_.end() && place->second->task.waits_for_files()) {
    log::info("file_changed", "a secret or certificate that it needs changed; checking again", {{"repository", name}});
    place->second->task.poke();
  }
}

asio::awaitable<std::vector<OnceResult>> LiveEngine::sync_once(std::shared_ptr<const config::Config> config,
                                                               std::vector<std::string> names, milliseconds retry_for) {
  take_settings(std::move(config));
  for (const std::string& name : names) {
    if (!is_configured(name)) {
      throw Error(ErrorClass::config, "there is no repository named \"" + name + "\" in the configuration");
    }
  }
  pruner_.request_deletion();
  pruning_.spawn("old trees", old_trees_.run());
  const steady_clock::time_point deadline = steady_clock::now() + retry_for;
  std::vector<OnceResult> results;
  results.reserve(config_->repositories.size());  // the tasks below write into its elements
  for (const config::Repository& repository : config_->repositories) {
    const bool is_named = std::find(names.begin(), names.end(), repository.name) != names.end();
    if (!names.empty() && !is_named) {
      continue;
    }
    OnceResult& result = results.emplace_back();
    result.name = repository.name;
    if (repository.suspend && is_named) {
      result.error.emplace(ErrorClass::config, "the repository is suspended by the configuration");
    } else if (repository.suspend) {
      result.left_out = true;
    } else {
      result.error.emplace(ErrorClass::cancelled, "interrupted");
      Entry& entry = add(repository);
      const bool waits = retry_for > milliseconds(0);
      entry.scope.spawn("repository " + repository.name, entry.task.sync_once(deadline, waits, result));
    }
  }
  for (const auto& [name, entry] : entries_) {
    co_await entry->scope.join();
  }
  old_trees_.finish();
  co_await pruning_.join();
  co_return results;
}

std::optional<std::uint64_t> LiveEngine::check_now(std::string_view name) {
  const auto place = entries_.find(name);
  const std::uint64_t attempt = place != entries_.end() ? place->second->task.poke() : 0;
  return attempt != 0 ? std::optional(attempt) : std::nullopt;
}

bool LiveEngine::announce(std::string_view name, const Announcement& push) {
  const auto place = entries_.find(name);
  if (place == entries_.end()) {
    return false;
  }
  place->second->task.announce(push);
  return true;
}

void LiveEngine::check_all_now() {
  for (const auto& [name, entry] : entries_) {
    entry->task.poke();
  }
}

std::vector<RepositoryStatus> LiveEngine::status() const {
  std::vector<RepositoryStatus> all;
  all.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    all.push_back(entry->task.status());
  }
  return all;
}

std::optional<SyncProgress> LiveEngine::progress(std::string_view name) const {
  const auto place = entries_.find(name);
  return place == entries_.end() ? std::nullopt : std::optional(place->second->task.progress());
}

asio::awaitable<void> LiveEngine::stop() {
  // The entries stay where they are: sync_once() may be waiting for them too.
  for (const auto& [name, entry] : entries_) {
    entry->scope.cancel();
  }
  pruning_.cancel();
  co_await pruning_.join();
  for (const auto& [name, entry] : entries_) {
    co_await entry->scope.join();
  }
  co_await ending_.join();
  client_->close();
}

}  // namespace

std::unique_ptr<Engine> make_engine(const asio::any_io_executor& executor, async::Workers& workers,
                                    config::Environment environment, const std::string& version, Observer* observer) {
  return std::make_unique<LiveEngine>(executor, workers, std::move(environment), version, observer);
}

}  // namespace adapter::sync
