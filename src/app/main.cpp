// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "commands.hpp"
#include "process/process.hpp"

namespace {

int dispatch(const adapter::app::Options& options) {
  using adapter::app::Command;
  switch (options.command) {
    case Command::run:
      return adapter::app::run_command(options);
    case Command::once:
      return adapter::app::once_command(options);
    case Command::validate:
      return adapter::app::validate_command(options);
    case Command::status:
      return adapter::app::status_command(options);
    case Command::sync:
      return adapter::app::sync_command(options);
    case Command::health:
      return adapter::app::health_command(options);
    case Command::ls_remote:
      return adapter::app::ls_remote_command(options);
    case Command::info:
      return adapter::app::info_command(options);
  }
  return adapter::app::exit_usage;
}

/// Such a command lets them through itself.
bool handles_signals(const adapter::app::Options& options) {
  using adapter::app::Command;
  return options.command == Command::run || options.command == Command::once ||
         (options.command == Command::status && options.watch);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    adapter::app::prepare_process();
    auto parsed = adapter::app::parse_options(argc, argv);
    if (const int* const code = std::get_if<int>(&parsed)) {
      return *code;
    }
    const auto& options = std::get<adapter::app::Options>(parsed);
    if (!handles_signals(options)) {
      adapter::app::release_signals();
    }
    return dispatch(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "adapter: %s\n", error.what());
    return adapter::app::exit_failed;
  }
}
