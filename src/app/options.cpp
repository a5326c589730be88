// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/base/units.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

/// Texts that still have to become something else.
struct Raw {
  std::string config_file;
  std::string level;
  std::string format;
  std::string retry;
  std::string admin_token_file;
};

/// Answers CLI11's validators: empty when `parse` accepts the text.
template <class Parse>
CLI::Validator accepted_by(Parse parse, const std::string& description) {
  return CLI::Validator(
      [parse](std::string& text) {
        const auto result = parse(text);
        return result.has_value() ? std::string() : result.error().text();
      },
      description);
}

/// An empty value comes from a shell variable that is not set: nobody means it.
CLI::Validator not_empty() {
  return CLI::Validator([](std::string& text) { return text.empty() ? std::string("is empty") : std::string(); }, "");
}

/// The command that was named; none means run.
Command chosen(const CLI::App& cli) {
  constexpr std::array commands{
      std::pair{"once", Command::once},           std::pair{"validate", Command::validate},
      std::pair{"status", Command::status},       std::pair{"sync", Command::sync},
      std::pair{"prune", Command::prune},         std::pair{"health", Command::health},
      std::pair{"ls-remote", Command::ls_remote}, std::pair{"info", Command::info},
  };
  for (const auto& [name, command] : commands) {
    if (cli.got_subcommand(name)) {
      return command;
    }
  }
  return Command::run;
}

void add_general_options(CLI::App& cli, Raw& raw) {
  cli.set_version_flag("--version", std::string("adapter ") + version);
  cli.fallthrough();
  cli.require_subcommand(0, 1);
  cli.add_option("--config", raw.config_file, "configuration file; else $ADAPTER_CONFIG, else /etc/adapter/config.yaml")
      ->type_name("FILE")
      ->check(not_empty());
  cli.add_option("--log-level", raw.level, "debug, info, warning or error; overrides the configuration")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  cli.add_option("--log-format", raw.format, "text or json; by default text on a terminal, else json")
      ->check(CLI::IsMember({"text", "json"}));
  cli.footer(
      "Exit codes: 0 done, 1 some failed, 2 wrong use or bad configuration, 3 no daemon answers, 75 the data directory "
      "is in use.");
}

/// The help of a command lists only its own options.
void mention_general_options(CLI::App& cli) {
  for (CLI::App* const command : cli.get_subcommands([](const CLI::App*) { return true; })) {
    const bool is_health = command->get_name() == "health";
    command->footer(
        "Every command takes --config FILE, --log-level LEVEL and --log-format FORMAT too: see adapter "
        "--help.\n" +
        (is_health ? "Exit codes: 0 ready, 1 not ready or no daemon answers, 2 wrong use." : cli.get_footer()));
  }
}

/// What CLI11 says of the command line is enough, but for a missing NAME: which names are there?
int report_wrong_use(const CLI::App& cli, const CLI::ParseError& error) {
  const bool lacks_name = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError);
  if (!lacks_name || !cli.got_subcommand("sync")) {
    return cli.exit(error, std::cout, std::cerr) == 0 ? exit_ok : exit_usage;
  }
  const std::vector<std::string> unknown = cli.remaining(true);
  if (!unknown.empty()) {
    std::cerr << "sync has no option " << escape(unknown.front(), 128) << "; see adapter sync --help\n";
  } else {
    std::cerr << "sync needs the NAME of a repository, or several; adapter status lists those of the daemon, and the "
                 "signal SIGUSR1 makes it sync all of them\n";
  }
  return exit_usage;
}

/// Those that work by themselves.
void add_commands(CLI::App& cli, Options& options, Raw& raw) {
  cli.add_subcommand("run", "watch and sync until SIGTERM or SIGINT (the default)");
  CLI::App* const once = cli.add_subcommand("once", "sync every (named) repository once");
  once->add_option("NAME", options.names, "only these repositories");
  once->add_option("--retry", raw.retry, "keep trying the failed ones this long, for example 2m")
      ->check(accepted_by([](std::string_view text) { return parse_duration(text); }, "DURATION"));
  CLI::App* const validate = cli.add_subcommand("validate", "check the configuration");
  validate->add_option("--format", options.format, "text, json or sarif")
      ->check(CLI::IsMember({"text", "json", "sarif"}));
  validate->add_option("FILE", options.names, "these files, in place of the configuration that counts")
      ->check(not_empty());
  CLI::App* const ls_remote = cli.add_subcommand("ls-remote", "show what the daemon sees at a URL");
  ls_remote->add_option("URL", options.url, "the repository's URL")->required();
  ls_remote->add_option("REF", options.refs, "only refs of these names");
  cli.add_subcommand("info", "print version, capabilities and library versions as JSON");
}

/// Those that speak to a running daemon.
void add_client_commands(CLI::App& cli, Options& options, Raw& raw) {
  CLI::App* const status = cli.add_subcommand("status", "show the repositories of a running daemon");
  status->add_flag("--json", options.json, "print the daemon's answer as it is");
  status->add_flag("--watch", options.watch, "again every 2 s, until Ctrl-C");
  CLI::App* const sync = cli.add_subcommand("sync", "ask a running daemon to sync now, and wait for the result");
  sync->add_option("NAME", options.names, "these repositories; `adapter status` lists their names")->required();
  CLI::App* const health =
      cli.add_subcommand("health", "whether a running daemon is ready, for a container's health check");
  CLI::App* const prune = cli.add_subcommand(
      "prune", "list what repositories that left the configuration have left behind, and delete it with --now");
  prune->add_flag("--now", options.now, "delete what the list shows, after a question");
  prune->add_flag("--yes", options.yes, "with --now: do not ask");
  for (CLI::App* const command : {status, sync, prune, health}) {
    command->add_option("--admin", options.admin_url, "URL of the daemon's admin port; else admin.listen as configured")
        ->type_name("URL")
        ->check(not_empty());
    command->add_option("--admin-token-file", raw.admin_token_file, "file with its token; else admin.token_file")
        ->type_name("FILE")
        ->check(not_empty());
  }
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  Raw raw;
  CLI::App cli("Watches git remotes over HTTPS and keeps folders in step with them.", "adapter");
  add_general_options(cli, raw);
  add_commands(cli, options, raw);
  add_client_commands(cli, options, raw);
  mention_general_options(cli);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_wrong_use(cli, error);
  }
  if (!raw.config_file.empty()) {
    options.config_file = raw.config_file;
  }
  options.log_level = log::parse_level(raw.level);
  options.log_format = log::parse_format(raw.format);
  if (!raw.retry.empty()) {
    options.retry = parse_duration(raw.retry).value();
  }
  if (!raw.admin_token_file.empty()) {
    options.admin_token_file = raw.admin_token_file;
  }
  options.command = chosen(cli);
  if (options.command == Command::validate && !options.names.empty() && options.config_file) {
    std::cerr << "validate takes FILE or --config, not both\n";
    return exit_usage;
  }
  return options;
}

}  // namespace adapter::app
