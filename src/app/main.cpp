// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <exception>

#include "adapter/base/limits.hpp"
#include "adapter/store/store.hpp"
#include "commands.hpp"
#include "process.hpp"

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
    case Command::ls_remote:
      return adapter::app::ls_remote_command(options);
    case Command::info:
      return adapter::app::info_command(options);
  }
  return adapter::app::exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    adapter::app::prepare_process();
    auto parsed = adapter::app::parse_options(argc, argv);
    if (const int* const code = std::get_if<int>(&parsed)) {
      return *code;
    }
    return dispatch(std::get<adapter::app::Options>(parsed));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "adapter: %s\n", error.what());
    return adapter::app::exit_failed;
  }
}
