// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

#include "adapter/log/output.hpp"
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
    case Command::prune:
      return adapter::app::prune_command(options);
    case Command::health:
      return adapter::app::health_command(options);
    case Command::ls_remote:
      return adapter::app::ls_remote_command(options);
    case Command::info:
      return adapter::app::info_command(options);
  }
  return adapter::app::exit_usage;
}

/// How long the end of the process waits for the reader of standard error. A daemon is to end in time, the words of a
/// command are all that its user sees.
std::chrono::milliseconds flush_limit(const adapter::app::Options& options) {
  return options.command == adapter::app::Command::run ? std::chrono::seconds(1) : std::chrono::seconds(5);
}

/// Such a command lets them through itself.
bool handles_signals(const adapter::app::Options& options) {
  using adapter::app::Command;
  return options.command == Command::run || options.command == Command::once ||
         (options.command == Command::status && options.watch);
}

/// A command whose results are lost has failed.
int checked_output(int code) {
  errno = 0;
  const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (is_written) {
    return code;
  }
  const std::string cause = errno != 0 ? ": " + std::generic_category().message(errno) : "";
  adapter::log::print("adapter: standard output could not be written" + cause + "\n");
  return code == adapter::app::exit_ok ? adapter::app::exit_failed : code;
}

int run(int argc, char** argv) {
  adapter::app::prepare_process();
  auto parsed = adapter::app::parse_options(argc, argv);
  if (const int* const code = std::get_if<int>(&parsed)) {
    return checked_output(*code);
  }
  const auto& options = std::get<adapter::app::Options>(parsed);
  if (!handles_signals(options)) {
    adapter::app::release_signals();
  }
  int code = adapter::app::exit_failed;
  try {
    code = dispatch(options);
  } catch (const std::exception& error) {
    adapter::log::print(std::string("adapter: ") + error.what() + "\n");
  }
  code = checked_output(code);
  adapter::log::flush(flush_limit(options));
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "adapter: %s\n", error.what());
    return adapter::app::exit_failed;
  }
}
