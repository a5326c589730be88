// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/admin/server.hpp"
#include "adapter/base/file.hpp"
#include "adapter/config/config.hpp"
#include "adapter/config/load.hpp"
#include "process/landlock.hpp"

/// The sandbox that the process puts itself into: it writes to its data directory, reads the folders that the system
/// and the configuration need, listens at its admin port, and executes nothing. docs/security.md tells what that means.
namespace adapter::app {

/// What a process with this configuration has to be allowed. Folders rather than files, since a rule on a file is lost
/// when the file is replaced, as rotation does it; only a file directly in / is named itself, because that folder is
/// everything. Of symbolic links on the way, and there may be several, the folder of each and the end count. A folder
/// that is not there yet stands for the nearest above it.
[[nodiscard]] landlock::Rules sandbox_rules(const config::Config& config, const config::Sources& sources,
                                            const config::Environment& environment);

/// Enters it as `config.sandbox` says, and logs whether it is on. The data directory exists; no other thread does. From
/// then on a read that it refuses is a warning, once for each file: a link may be re-pointed out of its reach.
/// Throws an error of class config where it is insisted on and cannot be had.
[[nodiscard]] admin::Sandbox enter_sandbox(const config::Config& config, const config::Sources& sources,
                                           const config::Environment& environment);

/// The files that a configuration names, and folders of its patterns, whose owner and mode let this process read them
/// while the sandbox does not: they cannot be had without a restart. In the order of their names.
[[nodiscard]] std::vector<std::filesystem::path> out_of_reach(const config::Config& config,
                                                              const config::Sources& sources);

/// The same as warnings in the log, while the sandbox is active, except for files that were named already.
void warn_of_files_out_of_reach(const admin::Sandbox& sandbox, const config::Config& config,
                                const config::Sources& sources);

/// A reload begins: each file that is out of reach is named once more.
void forget_files_out_of_reach();

/// The files by which the C library resolves names and OpenSSL finds certificates, such as /etc/resolv.conf.
[[nodiscard]] std::vector<std::filesystem::path> system_files();

/// Notices when a system file is re-pointed to a directory that the sandbox does not let be read. The rules of a
/// sandbox hold directories and cannot be extended, so only a restart brings the file back. Loop thread; a look costs
/// two stats a file.
class SystemFileWatch {
public:
  explicit SystemFileWatch(std::vector<std::filesystem::path> files);

  /// The files that changed since the last look and are out of reach now, in the order of `files`.
  [[nodiscard]] std::vector<std::filesystem::path> look();

private:
  /// Of a symbolic link itself, and of the file that it leads to.
  using Stamps = std::pair<std::optional<FileStamp>, std::optional<FileStamp>>;
  [[nodiscard]] static Stamps stamps_of(const std::filesystem::path& file) noexcept;

  std::vector<std::filesystem::path> files_;
  std::vector<Stamps> seen_;
};

/// Logs a warning for each file that `watch` reports, while the sandbox is active.
void warn_of_system_files_out_of_reach(const admin::Sandbox& sandbox, SystemFileWatch& watch);

}  // namespace adapter::app
