// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// Landlock, the part of Linux by which a process gives up rights for good:
/// docs.kernel.org/userspace-api/landlock.html. The kernel's interface is spelt out here, because a system's headers
/// are often older than the kernel it runs on.
namespace adapter::app::landlock {

/// What the kernel has.
struct Support {
  int abi = 0;         ///< 1 since Linux 5.13; 0: none
  std::string reason;  ///< why the sandbox cannot be entered with it; empty when it can
};

/// One system call.
[[nodiscard]] Support support();
/// What the kernel's answer to the question for its version means. Pure. `error_number` counts where `abi` is not
/// positive.
[[nodiscard]] Support support_from(long abi, int error_number);

/// What stays allowed. All else that the kernel's version knows of is refused: executing, writing, reading, devices,
/// mounts, tracing and signalling others, other ports, abstract sockets.
struct Rules {
  /// To be read with all that is below. What is not there, or cannot be reached, is left out.
  std::vector<std::filesystem::path> readable;
  /// To be read and written with all that is below: files, folders and symbolic links, no devices, sockets or pipes.
  std::vector<std::filesystem::path> writable;
  /// TCP ports to listen at; 0 is any that the system chooses. Counts since ABI 4.
  std::vector<std::uint16_t> listenable;
};

/// Holds for the calling thread and those that it starts from now on, for ever: call it while there is no other. Also
/// gives up to gain privileges by executing. Returns `rules` without what was left out. Throws an error of class
/// storage that names the step that failed; then nothing is confined.
Rules confine(const Rules& rules, const Support& support);

}  // namespace adapter::app::landlock
