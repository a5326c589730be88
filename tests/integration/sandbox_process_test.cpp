// SPDX-License-Identifier: Apache-2.0
// Programs, other processes, sockets, mounts, threads.
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>

#include "process/landlock.hpp"
#include "process/process.hpp"
#include "process/sandbox.hpp"
#include "sandbox_acts.hpp"

namespace adapter::app {
namespace {

char thread_is_fine = 0;

int execute(const std::string& program) {
  std::string name = program;
  std::vector<char*> arguments{name.data(), nullptr};
  return outcome(execv(program.c_str(), arguments.data()));
}

template <class Address>
int socket_call(int (*call)(int, const sockaddr*, socklen_t), int socket, const Address& address, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface's way
  return outcome(call(socket, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)));
}

int bind_tcp(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return socket_call(bind, socket(AF_INET, SOCK_STREAM, 0), address, sizeof(address));
}

/// A process outside of the sandbox, of the same user, that lives as long as this one.
pid_t make_neighbour() {
  std::array<int, 2> life{};
  if (pipe2(life.data(), O_CLOEXEC) != 0) {
    return -1;
  }
  const pid_t neighbour = fork();
  if (neighbour == 0) {
    close(life[1]);
    char nothing = 0;
    _exit(static_cast<int>(read(life[0], &nothing, 1)));
  }
  close(life[0]);
  return neighbour;
}

Prepare against_a_neighbour(std::function<int(pid_t)> act) {
  return [act = std::move(act)](const Place&) {
    const pid_t neighbour = make_neighbour();
    return [act, neighbour] { return act(neighbour); };
  };
}

int look_into(pid_t process) {
  static long word = 4711;
  long copy = 0;
  const iovec here{&copy, sizeof(copy)};
  const iovec there{&word, sizeof(word)};
  return outcome(process_vm_readv(process, &here, 1, &there, 1, 0));
}

/// A name space of its own for mounts, so that an act that succeeds does no harm.
bool alone_with_mounts() {
  const int flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  return unshare(flags) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

Prepare with_mounts(std::function<int(const Place&)> act) {
  return [act = std::move(act)](const Place& place) {
    const bool alone = alone_with_mounts();
    return [act, alone, &place] { return alone ? act(place) : ECANCELED; };
  };
}

std::vector<Forbidden> executing() {
  return {
      {"execute a program of the system", simple([](const Place&) { return execute("/bin/true"); })},
      {"execute a file of the data directory", simple([](const Place& p) { return execute(p.data() / "script"); })},
      {"execute a file from elsewhere", simple([](const Place& p) { return execute(p.outside() / "script"); })},
      {"execute what was open before",
       [](const Place&) -> Act {
         const int program = open("/bin/true", O_PATH | O_CLOEXEC);
         return [program] {
           std::string name = "true";
           std::vector<char*> arguments{name.data(), nullptr};
           return outcome(syscall(SYS_execveat, program, "", arguments.data(), nullptr, AT_EMPTY_PATH));
         };
       }},
      {"execute the shell", simple([](const Place&) {
         std::string name = "sh";
         std::string flag = "-c";
         std::string text = "exit 0";
         std::vector<char*> arguments{name.data(), flag.data(), text.data(), nullptr};
         return outcome(execv("/bin/sh", arguments.data()));
       })},
  };
}

std::vector<Forbidden> reaching_others() {
  return {
      {"signal another process", against_a_neighbour([](pid_t other) { return outcome(kill(other, SIGCONT)); }), 6},
      {"read another process's memory", against_a_neighbour(look_into)},
      {"trace another process",
       against_a_neighbour([](pid_t other) { return outcome(ptrace(PTRACE_SEIZE, other, nullptr, nullptr)); })},
      {"open another process's memory",
       against_a_neighbour([](pid_t other) { return try_open("/proc/" + std::to_string(other) + "/mem", O_RDONLY); })},
      {"connect to an abstract socket",
       [](const Place&) -> Act {
         std::string name = "adapter-" + std::to_string(getpid());
         sockaddr_un address{};
         address.sun_family = AF_UNIX;
         std::memcpy(&address.sun_path[1], name.data(), name.size());
         const std::size_t size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
         const int server = socket(AF_UNIX, SOCK_STREAM, 0);
         const bool ready = socket_call(bind, server, address, size) == succeeded && listen(server, 1) == 0;
         return [address, size, ready] {
           return ready ? socket_call(connect, socket(AF_UNIX, SOCK_STREAM, 0), address, size) : ECANCELED;
         };
       },
       6},
      {"listen at another port", simple([](const Place&) { return bind_tcp(0); }), 4},
      {"mount a file system", with_mounts([](const Place& p) {
         return outcome(mount("none", (p.data() / "empty").c_str(), "tmpfs", 0, nullptr));
       })},
      {"mount one folder over another", with_mounts([](const Place& p) {
         return outcome(mount(p.outside().c_str(), (p.data() / "empty").c_str(), nullptr, MS_BIND, nullptr));
       })},
      {"mount the volume for all to execute",
       with_mounts([](const Place&) { return outcome(mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr)); })},
      {"unmount",
       [](const Place& p) -> Act {
         const bool alone =
             alone_with_mounts() && mount("none", (p.data() / "empty").c_str(), "tmpfs", 0, nullptr) == 0;
         return [alone, &p] { return alone ? outcome(umount((p.data() / "empty").c_str())) : ECANCELED; };
       }},
  };
}

class ForbiddenBeyondFiles : public testing::TestWithParam<Forbidden> {};

TEST_P(ForbiddenBeyondFiles, IsRefused) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Executing, ForbiddenBeyondFiles, testing::ValuesIn(executing()));
INSTANTIATE_TEST_SUITE_P(Others, ForbiddenBeyondFiles, testing::ValuesIn(reaching_others()));

TEST(Sandbox, AllowsThePortsThatAreNamed) {
  if (!landlock_has(4)) {
    return;
  }
  const int result = in_a_child([] {
    landlock::Rules rules;
    rules.listenable = {0};
    landlock::confine(rules, landlock::support());
    return bind_tcp(0);
  });
  EXPECT_EQ(result, succeeded);
}

TEST(Sandbox, HoldsForThreadsThatAreStartedInIt) {
  if (!landlock_has(2)) {
    return;
  }
  const Prepare in_a_thread = simple([](const Place& p) {
    int result = succeeded;
    pthread_t thread{};
    struct Work {
      std::string path;
      int* result;
    } work{p.outside() / "new", &result};
    const auto run = [](void* argument) -> void* {
      const auto* const asked = static_cast<Work*>(argument);
      *asked->result = try_open(asked->path, O_WRONLY | O_CREAT);
      return nullptr;
    };
    if (pthread_create(&thread, nullptr, run, &work) != 0 || pthread_join(thread, nullptr) != 0) {
      return EAGAIN;
    }
    return result;
  });
  EXPECT_EQ(attempt(in_a_thread, false), succeeded);
  EXPECT_EQ(attempt(in_a_thread, true), EACCES);
}

/// A folder that is made later cannot be read, and so is not among those that the event names.
TEST(Sandbox, TellsTheFoldersThatCanBeRead) {
  if (!landlock_has(2)) {
    return;
  }
  const Place place;
  const int result = in_a_child([&] {
    config::Config config;
    config.data_dir = place.data();
    const fs::path log = place.data() / "log";
    const int captured = open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const int shown = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    dup2(captured, STDERR_FILENO);
    const bool active = enter_sandbox(config, {}, [](std::string_view) { return std::nullopt; }).active;
    dup2(shown, STDERR_FILENO);
    std::string told = read_file(log, 100'000);
    const std::size_t start = told.find("readable");
    if (!active || start == std::string::npos) {
      return EINVAL;
    }
    std::ranges::replace_if(told, [](char c) { return c == '"' || c == '='; }, ' ');
    std::istringstream words(told.substr(start));
    int folders = 0;
    for (std::string word; words >> word;) {
      folders += word.starts_with("/") ? 1 : 0;
      if (word.starts_with("/") && !fs::exists(word)) {
        std::fprintf(stderr, "%s is not there\n", word.c_str());
        return ENOENT;
      }
    }
    return folders > 2 ? succeeded : ERANGE;
  });
  EXPECT_EQ(result, succeeded);
}

TEST(Sandbox, TellsItsOwnRefusalsFromThoseOfOwnerAndMode) {
  if (!landlock_has(2)) {
    return;
  }
  const Place place;
  const int result = in_a_child([&] {
    landlock::Rules rules;
    rules.writable = {place.data()};
    landlock::confine(rules, landlock::support());
    config::Config config;
    config.ca_file = place.outside() / "file";
    config.admin.token_file = place.data() / "file";
    config::Sources sources;
    sources.files = {place.data() / "absent", place.outside() / "absent"};
    sources.patterns = {{place.outside(), "*.yaml"}, {place.data(), "*.yaml"}};
    const std::vector<fs::path> expected = {place.outside(), place.outside() / "file"};
    return out_of_reach(config, sources) == expected ? succeeded : EINVAL;
  });
  EXPECT_EQ(result, succeeded);
}

TEST(Sandbox, ARefusedReadIsToldAndNamesTheSandbox) {
  if (!landlock_has(2)) {
    return;
  }
  const Place place;
  const int result = in_a_child([&] {
    static int told = 0;
    const auto says_sandbox = [](const fs::path& file) {
      try {
        static_cast<void>(read_file(file, 1000));
      } catch (const Error& error) {
        return error.text().find("restart the adapter") != std::string::npos;
      }
      return false;
    };
    landlock::Rules rules;
    rules.writable = {place.data()};
    landlock::confine(rules, landlock::support());
    const fs::path secret = place.data() / "secret";
    fs::create_symlink(place.data() / "file", secret);
    if (says_sandbox(secret)) {
      return EEXIST;
    }
    observe_refused_reads([](const fs::path&) { ++told; });
    if (says_sandbox(place.outside() / "absent") || says_sandbox(secret) || told != 0) {
      return ENOENT;
    }
    fs::remove(secret);
    fs::create_symlink(place.outside() / "file", secret);
    return says_sandbox(secret) && told == 1 ? succeeded : EACCES;
  });
  EXPECT_EQ(result, succeeded);
}

TEST(Sandbox, NoticesASystemFileThatIsRepointedOutOfReach) {
  if (!landlock_has(2)) {
    return;
  }
  const Place place;
  const int result = in_a_child([&] {
    landlock::Rules rules;
    rules.writable = {place.data()};
    landlock::confine(rules, landlock::support());
    const fs::path file = place.data() / "resolv.conf";
    const auto repoint = [&](const fs::path& target) {
      fs::remove(file);
      fs::create_symlink(target, file);
    };
    repoint(place.data() / "file");
    SystemFileWatch watch({place.data() / "absent", file});
    const std::vector<fs::path> none;
    const std::vector<fs::path> missed = {file};
    if (watch.look() != none) {
      return EEXIST;
    }
    repoint(place.data() / "folder");  // another target in reach
    if (watch.look() != none) {
      return EISDIR;
    }
    repoint(place.outside() / "absent");  // it is not there yet
    if (watch.look() != none) {
      return ENOENT;
    }
    repoint(place.outside() / "file");
    if (watch.look() != missed) {
      return EACCES;
    }
    return watch.look() == none ? succeeded : EAGAIN;  // once for each change
  });
  EXPECT_EQ(result, succeeded);
}

TEST(Process, CannotBeLookedInto) {
  const int result = in_a_child([] {
    prepare_process();
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  });
  EXPECT_EQ(result, 0);
}

TEST(Process, GivesEveryThreadAStackOfOneMebibyte) {
  const int result = in_a_child([] {
    prepare_process();
    const auto measure = [](void*) -> void* {
      pthread_attr_t attributes;
      std::size_t bytes = 0;
      pthread_getattr_np(pthread_self(), &attributes);
      pthread_attr_getstacksize(&attributes, &bytes);
      pthread_attr_destroy(&attributes);
      // The C library and a sanitizer have their own part of it.
      return bytes > (std::size_t{1} << 20U) - 65'536 && bytes <= (std::size_t{2} << 20U) ? &thread_is_fine : nullptr;
    };
    pthread_t thread{};
    void* fine = nullptr;
    pthread_create(&thread, nullptr, measure, nullptr);
    pthread_join(thread, &fine);
    return fine == nullptr ? 1 : 0;
  });
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace adapter::app
