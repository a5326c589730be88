// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

/// Trying in vain what the sandbox forbids. Each act is first done without the sandbox, where it must succeed: an act
/// that always fails would prove nothing.
namespace adapter::app {

namespace fs = std::filesystem;

inline constexpr int succeeded = 0;

/// errno when a system call failed.
inline int outcome(long result) {
  return result < 0 ? errno : succeeded;
}
int try_open(const std::string& path, int flags);

/// A data directory and a folder that has nothing to do with it, both of this user, on one volume.
class Place {
public:
  Place();
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] fs::path data() const { return root_ / "data"; }
  [[nodiscard]] fs::path outside() const { return root_ / "outside"; }

private:
  fs::path root_;
};

/// errno, or `succeeded`.
using Act = std::function<int()>;
/// Gets ready outside of the sandbox; the act happens in it.
using Prepare = std::function<Act(const Place&)>;
/// An act that needs no preparation but the place.
Prepare simple(std::function<int(const Place&)> act);

/// In a child: errno of the act, 0 when it succeeded. A program that it became and that ended well counts as success.
int attempt(const Prepare& prepare, bool confined);

struct Forbidden {
  const char* what;
  Prepare prepare;
  int abi = 2;  ///< the first that refuses it
};
inline void PrintTo(const Forbidden& forbidden, std::ostream* out) {
  *out << forbidden.what;
}

/// Whether the kernel has a Landlock of this version; says so when not.
bool landlock_has(int abi);
/// Expects it to work outside of the sandbox and to be refused inside.
void expect_refused(const Forbidden& forbidden);

/// What a child does, as its exit code; -1 when it was killed.
int in_a_child(const std::function<int()>& work);

}  // namespace adapter::app
