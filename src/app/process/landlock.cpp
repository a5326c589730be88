// SPDX-License-Identifier: Apache-2.0
#include "process/landlock.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "adapter/base/file.hpp"

namespace adapter::app::landlock {
namespace {

// The same on every architecture.
constexpr long create_ruleset_call = 444;
constexpr long add_rule_call = 445;
constexpr long restrict_self_call = 446;

constexpr std::uint32_t ask_version = 1;
constexpr int rule_path_beneath = 1;
constexpr int rule_net_port = 2;

constexpr std::uint64_t execute = 1U << 0U;
constexpr std::uint64_t write_file = 1U << 1U;
constexpr std::uint64_t read_file = 1U << 2U;
constexpr std::uint64_t read_dir = 1U << 3U;
constexpr std::uint64_t remove_dir = 1U << 4U;
constexpr std::uint64_t remove_file = 1U << 5U;
constexpr std::uint64_t make_dir = 1U << 7U;
constexpr std::uint64_t make_reg = 1U << 8U;
constexpr std::uint64_t make_sym = 1U << 12U;
constexpr std::uint64_t refer = 1U << 13U;     // ABI 2: rename and link between folders
constexpr std::uint64_t truncate = 1U << 14U;  // ABI 3
constexpr std::uint64_t bind_tcp = 1U << 0U;
constexpr std::uint64_t scope_all = 3;  // abstract sockets and signals

constexpr std::uint64_t reading = read_file | read_dir;
constexpr std::uint64_t writing =
    reading | write_file | remove_dir | remove_file | make_dir | make_reg | make_sym | refer | truncate;
/// What can be allowed of a file; the rest concerns folders.
constexpr std::uint64_t of_a_file = execute | write_file | read_file | truncate;

/// Without the right to move between folders, which the first version had no word for, nothing can be published.
constexpr int least_abi = 2;

struct Ruleset {
  std::uint64_t handled_fs = 0;
  std::uint64_t handled_net = 0;
  std::uint64_t scoped = 0;
};

struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed = 0;
  std::int32_t folder = -1;
};

struct NetPort {
  std::uint64_t allowed = 0;
  std::uint64_t port = 0;
};

/// All rights on files that this version knows: what is not handled is not refused.
std::uint64_t known_fs(int abi) {
  constexpr std::array<unsigned, 6> rights_by_abi{0, 13, 14, 15, 15, 16};  // ABI 5: ioctl on devices
  const auto index = static_cast<std::size_t>(abi < 5 ? abi : 5);
  return (std::uint64_t{1} << rights_by_abi[index]) - 1;
}

Error failed(int error_number, const char* step) {
  return storage_error(error_number, "enter the sandbox:", step);
}

/// False for a path that is not there, or cannot be reached.
bool allow(int ruleset, const std::filesystem::path& path, std::uint64_t rights, std::uint64_t known) {
  const UniqueFd file(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info{};
  if (!file || fstat(file.get(), &info) != 0) {
    return false;
  }
  PathBeneath rule;
  rule.allowed = rights & known & (S_ISDIR(info.st_mode) ? ~std::uint64_t{0} : of_a_file);
  rule.folder = file.get();
  if (syscall(add_rule_call, ruleset, rule_path_beneath, &rule, 0U) != 0) {
    throw failed(errno, path.c_str());
  }
  return true;
}

}  // namespace

Support support_from(long abi, int error_number) {
  if (abi >= least_abi) {
    return {static_cast<int>(abi), {}};
  }
  if (abi == 1) {
    return {1, "the Landlock of this kernel is too old: Linux 5.19 or newer is needed"};
  }
  switch (error_number) {
    case ENOSYS:
      return {0,
              "there is no Landlock: Linux 5.19 or newer, built with it, is needed, and no container runtime that "
              "hides it"};
    case EOPNOTSUPP:
      return {0, "this kernel has Landlock but did not enable it at boot (see its parameter lsm=)"};
    case EPERM:
      return {0, "a system call filter refuses Landlock: a newer container runtime allows it"};
    default:
      return {0, "the kernel refuses Landlock: " + storage_error(error_number, "ask for", "its version").text()};
  }
}

Support support() {
  const long abi = syscall(create_ruleset_call, nullptr, std::size_t{0}, ask_version);
  return support_from(abi, abi < 0 ? errno : 0);
}

Rules confine(const Rules& rules, const Support& support) {
  Rules in_force;
  Ruleset handled;
  handled.handled_fs = known_fs(support.abi);
  handled.handled_net = support.abi >= 4 ? bind_tcp : 0;
  handled.scoped = support.abi >= 6 ? scope_all : 0;
  // Older kernels take the longer structure as long as what they do not know is zero.
  const auto created = syscall(create_ruleset_call, &handled, sizeof(handled), 0U);
  if (created < 0) {
    throw failed(errno, "make a ruleset");
  }
  const UniqueFd ruleset(static_cast<int>(created));
  for (const std::filesystem::path& path : rules.readable) {
    if (allow(ruleset.get(), path, reading, handled.handled_fs)) {
      in_force.readable.push_back(path);
    }
  }
  for (const std::filesystem::path& path : rules.writable) {
    if (allow(ruleset.get(), path, writing, handled.handled_fs)) {
      in_force.writable.push_back(path);
    }
  }
  if (handled.handled_net != 0) {
    for (const std::uint16_t port : rules.listenable) {
      const NetPort rule{bind_tcp, port};
      if (syscall(add_rule_call, ruleset.get(), rule_net_port, &rule, 0U) != 0) {
        throw failed(errno, "allow a port");
      }
      in_force.listenable.push_back(port);
    }
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    throw failed(errno, "give up new privileges");
  }
  if (syscall(restrict_self_call, ruleset.get(), 0U) != 0) {
    throw failed(errno, "restrict this process");
  }
  return in_force;
}

}  // namespace adapter::app::landlock
