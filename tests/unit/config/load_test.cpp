// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapter/base/limits.hpp"
#include "support.hpp"

namespace adapter::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

/// Repositories of a text that must be good.
std::vector<Repository> repositories(const Loaded& loaded) {
  EXPECT_TRUE(loaded.config) << all_text(loaded.findings);
  return loaded.config ? loaded.config->repositories : std::vector<Repository>(1);
}

std::chrono::milliseconds every(const Repository& repository) {
  const auto* interval = std::get_if<schedule::Interval>(&repository.schedule.when);
  return interval != nullptr ? interval->every : -1ms;
}

std::string cron(const Repository& repository) {
  const auto* slots = std::get_if<schedule::CronSchedule>(&repository.schedule.when);
  return slots != nullptr ? slots->cron.expression() + " " + slots->zone.name() : "";
}

TEST(Load, GivesEveryKeyItsDefault) {
  const Loaded loaded = load(one_repository());
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  EXPECT_THAT(loaded.findings, IsEmpty());
  const Config& config = *loaded.config;
  EXPECT_EQ(config.data_dir, std::filesystem::current_path() / "data");
  EXPECT_EQ(config.workers, 0U);
  EXPECT_EQ(config.log_level, log::Level::info);
  EXPECT_FALSE(config.log_format);
  EXPECT_EQ(config.admin, Admin{});
  EXPECT_EQ(config.concurrency, Concurrency{});
  EXPECT_EQ(config.prune, std::nullopt);
  EXPECT_EQ(config.sandbox, Sandbox::automatic);
  EXPECT_THAT(config.files, ElementsAre("/etc/adapter/config.yaml"));
  const Repository& repository = config.repositories.front();
  EXPECT_EQ(repository.name, "docs");
  EXPECT_EQ(repository.url.to_string(), "https://git.example.com/team/docs.git");
  EXPECT_EQ(repository.ref, "HEAD");
  EXPECT_EQ(every(repository), 60s);
  EXPECT_EQ(repository.schedule.jitter, 0.10);
  EXPECT_EQ(repository.depth, 1U);
  EXPECT_EQ(repository.link, "docs");
  EXPECT_EQ(repository.timeout, 15min);
  EXPECT_EQ(repository.symlinks, SymlinkPolicy::inside);
  EXPECT_EQ(repository.names, NamePolicy::portable);
  EXPECT_EQ(repository.share, Share::all);
  EXPECT_FALSE(repository.ca_file);
  EXPECT_FALSE(repository.max_staleness);
  EXPECT_FALSE(repository.webhook);
  EXPECT_FALSE(repository.every_when_hooked);
  EXPECT_FALSE(repository.allow_insecure || repository.allow_loopback || repository.suspend);
  EXPECT_EQ(repository.limits, Limits{});
}

TEST(Load, ReadsEveryKeyOfTheTop) {
  const Loaded loaded = load(
      "data_dir: volume/../store/\nworkers: 8\nlog: {level: debug, format: text}\n"
      "admin: {listen: 0.0.0.0:8080, token_file: token, allowed_hosts: [Adapter.Example.org]}\n"
      "concurrency: {syncs: 3, transfers: 9, connections_per_host: 2}\nprune: {after: 30s}\nsandbox: require\n" +
      one_repository());
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  const Config& config = *loaded.config;
  EXPECT_EQ(config.data_dir, "/etc/adapter/store");
  EXPECT_EQ(config.workers, 8U);
  EXPECT_EQ(config.log_level, log::Level::debug);
  EXPECT_EQ(config.log_format, log::Format::text);
  EXPECT_EQ(config.admin.listen, "0.0.0.0:8080");
  EXPECT_TRUE(config.admin.listen_is_configured);
  EXPECT_EQ(config.admin.token_file, "/etc/adapter/token");
  EXPECT_THAT(config.admin.allowed_hosts, ElementsAre("adapter.example.org"));
  EXPECT_EQ(config.concurrency, (Concurrency{3, 9, 2}));
  EXPECT_EQ(config.prune, 30s);
  EXPECT_EQ(config.sandbox, Sandbox::require);
}

TEST(Load, ReadsPruneAsASwitchOrADelay) {
  const auto delay = [](const std::string& line) {
    const Loaded loaded = load(line + "\n" + one_repository());
    EXPECT_TRUE(loaded.config) << all_text(loaded.findings);
    return loaded.config ? loaded.config->prune : -1ms;
  };
  EXPECT_EQ(delay("prune: true"), 1h);
  EXPECT_EQ(delay("prune: false"), std::nullopt);
  EXPECT_EQ(delay("prune: {after: 1d}"), 24h);
  EXPECT_EQ(delay("prune: {after: 100ms}"), 100ms);
}

TEST(Load, ReadsEveryKeyOfARepository) {
  const Repository repository = repositories(load(one_repository(
      "ref: refs/heads/main\nevery: 500ms\njitter: 2.5%\ndepth: 0\nlink: team/docs\ntimeout: 1h\nsymlinks: keep\n"
      "names: git\nshare: group\nca_file: ca.pem\nallow_insecure: true\nallow_loopback: true\nmax_staleness: 2h\n"
      "suspend: true\nwebhook: {secret_files: [a, /run/b], kind: gitlab}\nevery_when_hooked: 10m\n"
      "limits: {max_pack_bytes: 1KiB, max_objects: 2, max_object_bytes: 3, max_paths: 4, max_tree_bytes: 5B, "
      "max_depth: 6, max_refs: 7, max_advertisement_bytes: 8}")))[0];
  EXPECT_EQ(repository.ref, "refs/heads/main");
  EXPECT_EQ(every(repository), 500ms);
  EXPECT_DOUBLE_EQ(repository.schedule.jitter, 0.025);
  EXPECT_EQ(repository.depth, 0U);
  EXPECT_EQ(repository.link, "team/docs");
  EXPECT_EQ(repository.timeout, 1h);
  EXPECT_EQ(repository.symlinks, SymlinkPolicy::keep);
  EXPECT_EQ(repository.names, NamePolicy::git);
  EXPECT_EQ(repository.share, Share::group);
  EXPECT_EQ(repository.ca_file, "/etc/adapter/ca.pem");
  EXPECT_TRUE(repository.allow_insecure && repository.allow_loopback && repository.suspend);
  EXPECT_EQ(repository.max_staleness, 2h);
  ASSERT_TRUE(repository.webhook);
  EXPECT_THAT(repository.webhook->secret_files, ElementsAre("/etc/adapter/a", "/run/b"));
  EXPECT_EQ(repository.webhook->kind, "gitlab");
  EXPECT_EQ(repository.every_when_hooked, 10min);
  EXPECT_EQ(repository.limits, (Limits{1024, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Load, ReadsEveryKeyOfDefaultsAndLetsTheRepositoryWin) {
  const std::vector<Repository> both = repositories(load(
      "defaults: {ref: dev, every: 5s, jitter: 0%, depth: 9, timeout: 2m, symlinks: refuse, names: git, share: group, "
      "ca_file: ca.pem, allow_loopback: true, max_staleness: 1h, suspend: true, webhook: {secret_file: s}, "
      "every_when_hooked: 30m, limits: {max_paths: 5, max_refs: 5}}\n" +
      one_repository() +
      "  - {name: b, url: https://git.example.com/b, ref: main, every: 7s, jitter: 1%, depth: 1, timeout: 3m, "
      "symlinks: "
      "inside, names: portable, share: all, ca_file: /b.pem, allow_loopback: false, max_staleness: 2h, suspend: false, "
      "webhook: {secret_file: t}, every_when_hooked: 40m, limits: {max_paths: 6}}\n"));
  ASSERT_THAT(both, SizeIs(2));
  const Repository& plain = both[0];
  EXPECT_EQ(plain.ref, "dev");
  EXPECT_EQ(every(plain), 5s);
  EXPECT_EQ(plain.schedule.jitter, 0);
  EXPECT_EQ(plain.depth, 9U);
  EXPECT_EQ(plain.timeout, 2min);
  EXPECT_EQ(plain.symlinks, SymlinkPolicy::refuse);
  EXPECT_EQ(plain.names, NamePolicy::git);
  EXPECT_EQ(plain.share, Share::group);
  EXPECT_EQ(plain.ca_file, "/etc/adapter/ca.pem");
  EXPECT_TRUE(plain.allow_loopback && plain.suspend);
  EXPECT_EQ(plain.max_staleness, 1h);
  EXPECT_THAT(plain.webhook->secret_files, ElementsAre("/etc/adapter/s"));
  EXPECT_EQ(plain.every_when_hooked, 30min);
  EXPECT_EQ(plain.limits.max_paths, 5U);
  const Repository& own = both[1];
  EXPECT_EQ(own.ref, "main");
  EXPECT_EQ(every(own), 7s);
  EXPECT_EQ(own.schedule.jitter, 0.01);
  EXPECT_EQ(own.depth, 1U);
  EXPECT_EQ(own.timeout, 3min);
  EXPECT_EQ(own.symlinks, SymlinkPolicy::inside);
  EXPECT_EQ(own.names, NamePolicy::portable);
  EXPECT_EQ(own.share, Share::all);
  EXPECT_EQ(own.ca_file, "/b.pem");
  EXPECT_FALSE(own.allow_loopback || own.suspend);
  EXPECT_EQ(own.max_staleness, 2h);
  EXPECT_THAT(own.webhook->secret_files, ElementsAre("/etc/adapter/t"));
  EXPECT_EQ(own.every_when_hooked, 40min);
  EXPECT_EQ(own.limits.max_paths, 6U);
  EXPECT_EQ(own.limits.max_refs, 5U);
}

TEST(Load, LetsTheNearerOfDefaultsAndRepositorySayWhen) {
  const std::string hourly = "cron: '0 * * * *'";
  EXPECT_EQ(cron(repositories(load("defaults: {every: 5s}\n" + one_repository(hourly)))[0]), "0 * * * * UTC");
  EXPECT_EQ(every(repositories(load("defaults: {" + hourly + "}\n" + one_repository("every: 5s")))[0]), 5s);
  EXPECT_EQ(cron(repositories(load("defaults: {timezone: Asia/Tokyo}\n" + one_repository(hourly)))[0]),
            "0 * * * * Asia/Tokyo");
  EXPECT_EQ(cron(repositories(load("defaults: {" + hourly + ", timezone: Asia/Tokyo}\n" +
                                   one_repository("timezone: Europe/Berlin")))[0]),
            "0 * * * * Europe/Berlin");
  EXPECT_EQ(every(repositories(load("defaults: {timezone: Asia/Tokyo}\n" + one_repository()))[0]), 60s);
}

TEST(Load, HashesTheNameOfEachRepositoryForCron) {
  const std::vector<Repository> both =
      repositories(load("defaults: {cron: H H * * *}\n" + one_repository() + "  - {name: other, url: https://h/x}\n"));
  ASSERT_THAT(both, SizeIs(2));
  EXPECT_NE(both[0].schedule, both[1].schedule);
}

TEST(Load, TakesTheNearestCaFile) {
  const auto ca_file = [](const std::string& text) { return repositories(load(text))[0].ca_file.value_or(""); };
  const std::string top = "ca_file: top.pem\n";
  const std::string defaults = "defaults: {ca_file: defaults.pem}\n";
  const std::string credentials =
      "credentials: [{url: https://git.example.com/, ca_file: host.pem}, {url: https://git.example.com/team, ca_file: "
      "team.pem}, {url: https://git.example.com/te, ca_file: te.pem}]\n";
  EXPECT_EQ(ca_file(top + one_repository()), "/etc/adapter/top.pem");
  EXPECT_EQ(ca_file(top + defaults + one_repository()), "/etc/adapter/defaults.pem");
  EXPECT_EQ(ca_file(top + defaults + credentials + one_repository()), "/etc/adapter/team.pem");
  EXPECT_EQ(ca_file(top + defaults + credentials + one_repository("ca_file: own.pem")), "/etc/adapter/own.pem");
  EXPECT_EQ(ca_file(top + "repositories: [{name: a, url: 'http://h/a', allow_insecure: true}]\n"), "");
}

TEST(Load, ReadsEachKindOfCredential) {
  const Loaded loaded = load(
      "credentials:\n"
      "  - {url: https://git.example.com/a, username: bot, password_file: p}\n"
      "  - {url: https://git.example.com/b, username: bot, password_env: P}\n"
      "  - {url: https://git.example.com/c, token_file: /run/t}\n"
      "  - {url: https://git.example.com/d, token_env: T}\n"
      "  - {url: https://git.example.com/e, ca_file: ca.pem}\n" +
      one_repository());
  ASSERT_TRUE(loaded.config) << all_text(loaded.findings);
  using Kind = SecretSource::Kind;
  const std::vector<Credential>& credentials = loaded.config->credentials;
  ASSERT_THAT(credentials, SizeIs(5));
  EXPECT_EQ(std::get<BasicCredential>(credentials[0].secret), (BasicCredential{"bot", {Kind::file, "/etc/adapter/p"}}));
  EXPECT_EQ(std::get<BasicCredential>(credentials[1].secret), (BasicCredential{"bot", {Kind::environment, "P"}}));
  EXPECT_EQ(std::get<BearerCredential>(credentials[2].secret), (BearerCredential{{Kind::file, "/run/t"}}));
  EXPECT_EQ(std::get<BearerCredential>(credentials[3].secret), (BearerCredential{{Kind::environment, "T"}}));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(credentials[4].secret));
  EXPECT_EQ(credentials[4].ca_file, "/etc/adapter/ca.pem");
  // None of them covers the repository: each says so, and none is an error.
  EXPECT_THAT(loaded.findings, SizeIs(5));
  EXPECT_TRUE(loaded.findings[0].warning);
  EXPECT_EQ(loaded.findings[0].rule, "unused");
}

TEST(Load, ExpandsVariablesInValuesOnly) {
  const Repository repository =
      repositories(load("repositories: [{name: docs, url: \"https://${HOST}/${MISSING:-team}/x.git\", ref: "
                        "\"${BRANCH}\", depth: \"${DEPTH}\", "
                        "link: \"$$a-${EMPTY:-b}${EMPTY}\"}]\n"))[0];
  EXPECT_EQ(repository.url.to_string(), "https://git.example.com/team/x.git");
  EXPECT_EQ(repository.ref, "release/1.0");
  EXPECT_EQ(repository.depth, 7U);
  EXPECT_EQ(repository.link, "$a-b");
}

TEST(Load, DoesNotExpandWhatAVariableHolds) {
  const Environment environment = make_environment({{"A", "${B}"}, {"B", "never"}});
  EXPECT_EQ(repositories(load(one_repository("link: ${A}"), {}, environment))[0].link, "${B}");
}

TEST(Load, SaysWhichVariableIsNotSet) {
  const Loaded loaded = load(one_repository("ref: ${NOWHERE}"));
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(all_text(loaded.findings),
              HasSubstr("/etc/adapter/config.yaml:4:10: error: repositories[0].ref: the variable NOWHERE is not set"));
}

TEST(Load, TakesDataDirAndListenFromVariablesWhereTheFileIsSilent) {
  const Environment environment =
      make_environment({{"ADAPTER_DATA_DIR", "/data"}, {"ADAPTER_ADMIN_LISTEN", "127.0.0.1:8080"}});
  const Loaded silent = load(one_repository(), {}, environment);
  EXPECT_EQ(silent.config->data_dir, "/data");
  EXPECT_EQ(silent.config->admin.listen, "127.0.0.1:8080");
  EXPECT_FALSE(silent.config->admin.listen_is_configured) << "the image sets this very value";
  const Environment other = make_environment({{"ADAPTER_ADMIN_LISTEN", "127.0.0.1:8081"}});
  EXPECT_TRUE(load(one_repository(), {}, other).config->admin.listen_is_configured);
  const Loaded loud = load("data_dir: /srv\nadmin: {listen: 127.0.0.1:9}\n" + one_repository(), {}, environment);
  EXPECT_EQ(loud.config->data_dir, "/srv");
  EXPECT_EQ(loud.config->admin.listen, "127.0.0.1:9");
  const Loaded off = load("admin: {listen: ''}\n" + one_repository(), {}, environment);
  EXPECT_EQ(off.config->admin.listen, "");
}

TEST(Load, KnowsTheAdminPortOfAFileWithMistakes) {
  const Loaded loaded = load("admin: {listen: 127.0.0.1:9, token_file: token}\nevrey: 5s\n" + one_repository());
  EXPECT_FALSE(loaded.config);
  EXPECT_EQ(loaded.admin.listen, "127.0.0.1:9");
  EXPECT_EQ(loaded.admin.token_file, "/etc/adapter/token");
}

TEST(Load, NamesTheVariableThatOpensThePort) {
  const Environment environment = make_environment({{"ADAPTER_ADMIN_LISTEN", "0.0.0.0:8080"}});
  const Loaded loaded = load(one_repository(), {}, environment);
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(all_text(loaded.findings), HasSubstr("environment: error: ADAPTER_ADMIN_LISTEN: an address that is not"));
  EXPECT_TRUE(load("admin: {token_file: t}\n" + one_repository(), {}, environment).config);
}

TEST(Load, FindsUnusedCredentialsBesideOtherFaultsOnceAllRepositoriesAreKnown) {
  const std::string credential = "credentials:\n  - {url: https://other.example.com/, token_file: t}\n";
  const std::string unused = "no repository's URL begins with this one";
  EXPECT_THAT(all_text(load(credential + one_repository("evry: 1m")).findings), HasSubstr(unused));
  for (const std::string& text : std::vector<std::string>{
           credential + "repositories:\n  - {name: docs}\n", credential + "repositories: docs\n",
           credential + one_repository() + "include: [missing.yaml]\n", credential + "repos: []\n",
           credential + one_repository() + "include: missing.yaml\n", credential + "include: ['**.yaml']\n"}) {
    const Loaded loaded = load(text);
    EXPECT_FALSE(loaded.config) << text;
    EXPECT_THAT(all_text(loaded.findings), Not(HasSubstr(unused))) << text;
  }
  EXPECT_THAT(
      all_text(load(credential + "include: [a.yaml]\n", {{"/etc/adapter/a.yaml", "repositories: [\n"}}).findings),
      Not(HasSubstr(unused)));
}

TEST(Load, NamesAnAbsolutePatternAlone) {
  EXPECT_THAT(all_text(load("include: [/none/*.yaml]\n").findings), HasSubstr("no file matches /none/*.yaml\n"));
  EXPECT_THAT(all_text(load("include: [none/*.yaml]\n").findings),
              HasSubstr("no file matches none/*.yaml below /etc/adapter\n"));
}

TEST(Load, WarnsWhenThereIsNothingToWatch) {
  for (const std::string text : {"{}\n", "repositories: []\n", "log: {level: info}\n"}) {
    const Loaded loaded = load(text);
    EXPECT_TRUE(loaded.config) << text;
    ASSERT_THAT(loaded.findings, SizeIs(1)) << text;
    EXPECT_EQ(loaded.findings[0].rule, "no-repositories");
    EXPECT_TRUE(loaded.findings[0].warning);
  }
}

TEST(Load, RefusesAMainFileWithoutContent) {
  for (const std::string text : {"", "\n", "\xEF\xBB\xBF", "# later\n", "---\n", "~\n"}) {
    const Loaded loaded = load(text);
    EXPECT_FALSE(loaded.config) << text;
    EXPECT_EQ(all_text(loaded.findings), "/etc/adapter/config.yaml: error: is empty; write `repositories: []`\n");
  }
}

TEST(Load, KnowsTheAdminPortOfAFileThatIsNotValidYaml) {
  const std::string admin = "admin:\n  # the port\n  listen: 127.0.0.1:9\n\n  token_file: token\n";
  const std::string fault = "repositories: [{name: docs, url: https://git.example.com/x?y}, }\n";
  for (const std::string& text : std::vector<std::string>{
           admin + fault, fault + admin, "log:\n\tlevel: info\n" + admin + one_repository(), "a: \x01\n" + admin,
           admin + "---\nlog: {}\n", "admin: {listen: '127.0.0.1:9', token_file: token\n" + one_repository(),
           admin + "log: {level: \"info}\n"}) {
    const Loaded loaded = load(text, {}, make_environment({{"ADAPTER_ADMIN_LISTEN", "127.0.0.1:10"}}));
    EXPECT_FALSE(loaded.config) << text;
    EXPECT_THAT(loaded.findings, SizeIs(1)) << text;
    EXPECT_EQ(loaded.admin.listen, "127.0.0.1:9") << text;
    EXPECT_EQ(loaded.admin.token_file, "/etc/adapter/token") << text;
  }
}

TEST(Load, KnowsTheAdminPortOfTheVariableWhereTheFileCannotSayIt) {
  const Environment environment =
      make_environment({{"ADAPTER_ADMIN_LISTEN", "127.0.0.1:10"}, {"ADAPTER_ADMIN_TOKEN_FILE", "/run/token"}});
  for (const std::string text : {"", "log: {\n", "admin:\n\tlisten: 127.0.0.1:9\n"}) {
    const Loaded loaded = load(text, {}, environment);
    EXPECT_FALSE(loaded.config) << text;
    EXPECT_EQ(loaded.admin.listen, "127.0.0.1:10") << text;
    EXPECT_EQ(loaded.admin.token_file, "/run/token") << text;
  }
}

TEST(Load, ListsAThousandFindingsAndCountsTheRest) {
  std::string text = "repositories:\n";
  for (int i = 0; i < 1500; ++i) {
    text += "  - {}\n";
  }
  const Loaded loaded = load(text);
  ASSERT_THAT(loaded.findings, SizeIs(1001));
  EXPECT_THAT(loaded.findings.back().message, HasSubstr("2000 more findings"));
}

TEST(Load, ReadsTenThousandRepositories) {
  std::string text = "repositories:\n";
  for (int i = 0; i < 10'000; ++i) {
    text +=
        "  - {name: r" + std::to_string(i) + ", url: https://git.example.com/team/r" + std::to_string(i) + ".git}\n";
  }
  EXPECT_THAT(repositories(load(text)), SizeIs(10'000));
}

}  // namespace
}  // namespace adapter::config
