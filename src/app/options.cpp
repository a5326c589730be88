// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <iostream>
#include <string>
#include <utility>

#include "adapter/base/units.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

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

/// The command that was named; none means run.
Command chosen(const CLI::App& cli) {
  constexpr std::array commands{
      std::pair{"once", Command::once},
      std::pair{"validate", Command::validate},
      std::pair{"ls-remote", Command::ls_remote},
      std::pair{"info", Command::info},
  };
  for (const auto& [name, command] : commands) {
    if (cli.got_subcommand(name)) {
      return command;
    }
  }
  return Command::run;
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  std::string config_file;
  std::string level;
  std::string format;
  std::string retry;

  CLI::App cli("Watches git remotes over HTTPS and keeps folders in step with them.", "adapter");
  cli.set_version_flag("--version", std::string("adapter ") + version);
  cli.fallthrough();
  cli.require_subcommand(0, 1);
  cli.add_option("--config", config_file, "configuration file; else $ADAPTER_CONFIG, else /etc/adapter/config.yaml");
  cli.add_option("--log-level", level, "debug, info, warning or error; overrides the configuration")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  cli.add_option("--log-format", format, "text or json; by default text on a terminal, else json")
      ->check(CLI::IsMember({"text", "json"}));
  cli.footer("Exit codes: 0 done, 1 some failed, 2 wrong use or bad configuration, 75 the data directory is in use.");

  cli.add_subcommand("run", "watch and sync until SIGTERM or SIGINT (the default)");
  CLI::App* const once = cli.add_subcommand("once", "sync every (named) repository once");
  once->add_option("NAME", options.names, "only these repositories");
  once->add_option("--retry", retry, "keep trying the failed ones this long, for example 2m")
      ->check(accepted_by(parse_duration, "DURATION"));
  CLI::App* const validate = cli.add_subcommand("validate", "check the configuration");
  validate->add_option("--format", options.format, "text, json or sarif")
      ->check(CLI::IsMember({"text", "json", "sarif"}));
  CLI::App* const ls_remote = cli.add_subcommand("ls-remote", "show what the daemon sees at a URL");
  ls_remote->add_option("URL", options.url, "the repository's URL")->required();
  ls_remote->add_option("REF", options.refs, "only refs of these names");
  cli.add_subcommand("info", "print version, capabilities and library versions as JSON");

  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = cli.exit(error, std::cout, std::cerr);
    return code == 0 ? exit_ok : exit_usage;
  }

  if (!config_file.empty()) {
    options.config_file = config_file;
  } else if (cli.count("--config") != 0) {
    std::cerr << "adapter: --config needs the name of a file\n";
    return exit_usage;
  }
  options.log_level = log::parse_level(level);
  options.log_format = log::parse_format(format);
  if (!retry.empty()) {
    options.retry = parse_duration(retry).value();
  }
  options.command = chosen(cli);
  return options;
}

}  // namespace adapter::app
