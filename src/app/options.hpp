// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "adapter/log/log.hpp"

namespace adapter::app {

/// Exit codes of the program; part of the user's contract.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;      ///< wrong use or a bad configuration
inline constexpr int exit_no_daemon = 3;  ///< nobody answers as a daemon's admin port does
inline constexpr int exit_busy = 75;      ///< another process holds the data directory

enum class Command : std::uint8_t { run, once, validate, status, sync, prune, health, ls_remote, info };

/// What the command line said.
struct Options {
  Command command = Command::run;
  std::optional<std::filesystem::path> config_file;
  std::optional<log::Level> log_level;
  std::optional<log::Format> log_format;

  std::vector<std::string> names;      ///< once: empty: all; sync; validate: files, empty: the one that counts
  std::chrono::milliseconds retry{0};  ///< once
  std::string format = "text";         ///< validate: text, json or sarif
  std::string url;                     ///< ls-remote
  std::vector<std::string> refs;       ///< ls-remote
  bool json = false;                   ///< status
  bool watch = false;                  ///< status

  bool now = false;  ///< prune: delete what the list shows
  bool yes = false;  ///< prune: do not ask

  // status, sync, prune, health
  std::string admin_url;                                  ///< empty: where the configuration says
  std::optional<std::filesystem::path> admin_token_file;  ///< nothing: the one of the configuration
};

/// The options, or the exit code when there is nothing left to do (--help, --version, wrong use: already printed).
[[nodiscard]] std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace adapter::app
