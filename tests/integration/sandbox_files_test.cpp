// SPDX-License-Identifier: Apache-2.0
// Files, folders and what only looks like one.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "sandbox_acts.hpp"

namespace adapter::app {
namespace {

Prepare opens_outside(const char* name, int flags) {
  return simple([name, flags](const Place& place) { return try_open(place.outside() / name, flags); });
}

int bind_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface's way
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  return outcome(bind(socket(AF_UNIX, SOCK_STREAM, 0), generic, sizeof(address)));
}

std::vector<Forbidden> writing() {
  return {
      {"make a file", opens_outside("new", O_WRONLY | O_CREAT)},
      {"write to a file", opens_outside("file", O_WRONLY)},
      {"read and write a file", opens_outside("file", O_RDWR)},
      {"append to a file", opens_outside("file", O_WRONLY | O_APPEND)},
      {"empty a file", opens_outside("file", O_WRONLY | O_TRUNC)},
      {"make a file without a name", opens_outside("", O_WRONLY | O_TMPFILE)},
      {"cut a file short", simple([](const Place& p) { return outcome(truncate((p.outside() / "file").c_str(), 1)); }),
       3},
      {"make a folder", simple([](const Place& p) { return outcome(mkdir((p.outside() / "new").c_str(), 0755)); })},
      {"remove a folder", simple([](const Place& p) { return outcome(rmdir((p.outside() / "empty").c_str())); })},
      {"remove a file", simple([](const Place& p) { return outcome(unlink((p.outside() / "file").c_str())); })},
      {"make a symbolic link",
       simple([](const Place& p) { return outcome(symlink("file", (p.outside() / "new").c_str())); })},
      {"make a pipe", simple([](const Place& p) { return outcome(mkfifo((p.outside() / "new").c_str(), 0644)); })},
      {"make a socket", simple([](const Place& p) { return bind_unix(p.outside() / "new"); })},
  };
}

std::vector<Forbidden> moving() {
  return {
      {"make a hard link", simple([](const Place& p) {
         return outcome(link((p.outside() / "file").c_str(), (p.outside() / "new").c_str()));
       })},
      {"rename", simple([](const Place& p) {
         return outcome(rename((p.outside() / "file").c_str(), (p.outside() / "new").c_str()));
       })},
      {"move out of the data directory", simple([](const Place& p) {
         return outcome(rename((p.data() / "file").c_str(), (p.outside() / "new").c_str()));
       })},
      {"move into the data directory", simple([](const Place& p) {
         return outcome(rename((p.outside() / "file").c_str(), (p.data() / "new").c_str()));
       })},
      {"link into the data directory", simple([](const Place& p) {
         return outcome(link((p.outside() / "file").c_str(), (p.data() / "new").c_str()));
       })},
      {"link out of the data directory", simple([](const Place& p) {
         return outcome(link((p.data() / "file").c_str(), (p.outside() / "new").c_str()));
       })},
  };
}

std::vector<Forbidden> writing_by_detours() {
  return {
      {"write through a folder that was open before",
       [](const Place& p) -> Act {
         const int folder = open(p.outside().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
         return [folder] { return outcome(openat(folder, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)); };
       }},
      {"write through a link", simple([](const Place& p) { return try_open(p.data() / "way-out/file", O_WRONLY); })},
      {"write through ..", simple([](const Place& p) { return try_open(p.data() / "../outside/file", O_WRONLY); })},
      {"write from the working directory",
       [](const Place& p) -> Act {
         const int moved = chdir(p.outside().c_str());
         return [moved] { return moved == 0 ? try_open("new", O_WRONLY | O_CREAT) : ECANCELED; };
       }},
      {"write by way of /proc/self/root",
       simple([](const Place& p) { return try_open("/proc/self/root" + (p.outside() / "file").native(), O_WRONLY); })},
      {"open for writing what is open for reading",
       [](const Place& p) -> Act {
         const int file = open((p.outside() / "file").c_str(), O_RDONLY | O_CLOEXEC);
         return [file] { return try_open("/proc/self/fd/" + std::to_string(file), O_WRONLY); };
       }},
      {"write to shared memory", simple([](const Place&) {
         const std::string name = "/dev/shm/adapter-" + std::to_string(getpid());
         const int result = try_open(name, O_WRONLY | O_CREAT);
         unlink(name.c_str());
         return result;
       })},
      {"write to /proc", simple([](const Place&) { return try_open("/proc/self/oom_score_adj", O_WRONLY); })},
      {"write to a device", simple([](const Place&) { return try_open("/dev/null", O_WRONLY); })},
  };
}

std::vector<Forbidden> making_what_is_no_file() {
  return {
      {"make a pipe in the data directory",
       simple([](const Place& p) { return outcome(mkfifo((p.data() / "new").c_str(), 0644)); })},
      {"make a socket in the data directory", simple([](const Place& p) { return bind_unix(p.data() / "new"); })},
      {"make a device in the data directory", simple([](const Place& p) {
         return geteuid() == 0 ? outcome(mknod((p.data() / "new").c_str(), S_IFCHR | 0600, 0x103)) : ECANCELED;
       })},
  };
}

std::vector<Forbidden> reading() {
  return {
      {"read a file", opens_outside("file", O_RDONLY)},
      {"list a folder", opens_outside("", O_RDONLY | O_DIRECTORY)},
      {"read through a link", simple([](const Place& p) { return try_open(p.data() / "way-out/file", O_RDONLY); })},
      {"read by way of /proc/self/root",
       simple([](const Place& p) { return try_open("/proc/self/root" + (p.outside() / "file").native(), O_RDONLY); })},
      {"read what was only looked at before",
       [](const Place& p) -> Act {
         const int file = open((p.outside() / "file").c_str(), O_PATH | O_CLOEXEC);
         return [file] { return try_open("/proc/self/fd/" + std::to_string(file), O_RDONLY); };
       }},
      {"list the root of everything", simple([](const Place&) { return try_open("/", O_RDONLY | O_DIRECTORY); })},
  };
}

class ForbiddenWithFiles : public testing::TestWithParam<Forbidden> {};

TEST_P(ForbiddenWithFiles, IsRefused) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Writing, ForbiddenWithFiles, testing::ValuesIn(writing()));
INSTANTIATE_TEST_SUITE_P(Moving, ForbiddenWithFiles, testing::ValuesIn(moving()));
INSTANTIATE_TEST_SUITE_P(Detours, ForbiddenWithFiles, testing::ValuesIn(writing_by_detours()));
INSTANTIATE_TEST_SUITE_P(Making, ForbiddenWithFiles, testing::ValuesIn(making_what_is_no_file()));
INSTANTIATE_TEST_SUITE_P(Reading, ForbiddenWithFiles, testing::ValuesIn(reading()));

TEST(Sandbox, AllowsWhatPublishingNeeds) {
  if (!landlock_has(2)) {
    return;
  }
  const Prepare work = simple([](const Place& p) {
    const fs::path data = p.data();
    const std::vector<int> results = {
        try_open(data / "new", O_RDWR | O_CREAT | O_EXCL),
        try_open(data / "file", O_WRONLY | O_TRUNC),
        outcome(truncate((data / "new").c_str(), 10)),
        outcome(mkdir((data / "folder").c_str(), 0755)),
        outcome(rename((data / "new").c_str(), (data / "folder/moved").c_str())),
        outcome(rename((data / "folder").c_str(), (data / "empty/folder").c_str())),
        outcome(symlink("file", (data / "link").c_str())),
        outcome(rename((data / "link").c_str(), (data / "way-out").c_str())),
        outcome(unlink((data / "empty/folder/moved").c_str())),
        outcome(rmdir((data / "empty/folder").c_str())),
        try_open(data, O_RDONLY | O_DIRECTORY),
        try_open("/etc/passwd", O_RDONLY),
        try_open("/proc/self/stat", O_RDONLY),
        try_open("/proc/self/fd", O_RDONLY | O_DIRECTORY),
    };
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i] != succeeded) {
        std::fprintf(stderr, "act %zu: %s\n", i, std::strerror(results[i]));
        return results[i];
      }
    }
    return succeeded;
  });
  EXPECT_EQ(attempt(work, true), succeeded);
}

}  // namespace
}  // namespace adapter::app
