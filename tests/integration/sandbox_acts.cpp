// SPDX-License-Identifier: Apache-2.0
#include "sandbox_acts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "adapter/base/error.hpp"
#include "process/landlock.hpp"

namespace adapter::app {
namespace {

void write_file(const fs::path& path, const std::string& text, mode_t mode) {
  std::ofstream(path) << text;
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

landlock::Rules rules_for(const Place& place) {
  landlock::Rules rules;
  rules.readable = {"/usr", "/lib", "/lib64", "/etc", "/proc", "/dev/null"};
  rules.writable = {place.data()};
  return rules;
}

}  // namespace

int try_open(const std::string& path, int flags) {
  return outcome(open(path.c_str(), flags | O_CLOEXEC, 0644));
}

Place::Place() {
  std::string name = "/var/tmp/adapter-sandbox-XXXXXX";
  root_ = mkdtemp(name.data());
  for (const fs::path& folder : {data(), outside()}) {
    fs::create_directory(folder);
    fs::create_directory(folder / "empty");
    write_file(folder / "file", "text\n", 0644);
    write_file(folder / "script", "#!/bin/sh\nexit 0\n", 0755);
  }
  fs::create_symlink(outside(), data() / "way-out");
}

Place::~Place() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

Prepare simple(std::function<int(const Place&)> act) {
  return [act = std::move(act)](const Place& place) { return [act, &place] { return act(place); }; };
}

int in_a_child(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    int code = 255;
    try {
      code = work();
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.text().c_str());
    }
    _exit(code);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int attempt(const Prepare& prepare, bool confined) {
  const Place place;
  return in_a_child([&] {
    const Act act = prepare(place);
    if (confined) {
      landlock::confine(rules_for(place), landlock::support());
    }
    return act();
  });
}

bool landlock_has(int abi) {
  const landlock::Support support = landlock::support();
  if (support.reason.empty() && support.abi >= abi) {
    return true;
  }
  std::printf("not tried: this kernel's Landlock is %d, and %d is needed\n", support.abi, abi);
  return false;
}

void expect_refused(const Forbidden& forbidden) {
  if (!landlock_has(forbidden.abi)) {
    return;
  }
  const int without = attempt(forbidden.prepare, false);
  if (without == ECANCELED || without == EPERM) {
    std::printf("not tried: this user may not do that anyway\n");
    return;
  }
  ASSERT_EQ(without, succeeded) << "it must work outside of the sandbox: " << std::strerror(without);
  // EXDEV is how a rename into another folder is refused.
  EXPECT_THAT(attempt(forbidden.prepare, true), testing::AnyOf(EACCES, EPERM, EXDEV));
}

}  // namespace adapter::app
