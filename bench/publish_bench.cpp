// SPDX-License-Identifier: Apache-2.0
// What each step of a publish costs: publish_bench FOLDER [FILES [BYTES [THREADS]]]; FOLDER is on the disk in question.
// Prints seconds.
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "../src/publish/crew.hpp"
#include "../src/publish/durable.hpp"
#include "../src/publish/manifest.hpp"
#include "../src/publish/materialise.hpp"
#include "../src/publish/verify.hpp"
#include "../tests/support/memory_trees.hpp"
#include "adapter/base/file.hpp"
#include "adapter/publish/publisher.hpp"

namespace {

namespace async = adapter::async;
namespace publish = adapter::publish;
namespace testing = adapter::testing;
using adapter::ObjectId;
using adapter::UniqueFd;
using Clock = std::chrono::steady_clock;

/// CPU seconds of all threads: what wall time would be on an idle machine with one core, however busy this one is.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double seconds_since(Clock::time_point& start) {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - start).count();
  start = now;
  return seconds;
}

std::vector<testing::MemoryFile> many_files(std::size_t count, std::size_t bytes) {
  std::vector<testing::MemoryFile> files;
  for (std::size_t i = 0; i < count; ++i) {
    std::string content = "file " + std::to_string(i) + "\n";
    content.resize(bytes, 'x');
    files.push_back(
        {"d" + std::to_string(i / 500) + "/e" + std::to_string(i / 20 % 25) + "/f" + std::to_string(i), content});
  }
  return files;
}

/// One tree by its steps.
void steps(const std::filesystem::path& folder, const testing::MemoryTrees& trees, const ObjectId& commit,
           async::Workers& workers) {
  const std::string name = adapter::unique_name("bench-");
  const UniqueFd parent = adapter::open_directory(folder);
  adapter::ensure_directory_at(parent.get(), name, 0755);
  const UniqueFd staging = adapter::open_directory_at(parent.get(), name);
  publish::Crew crew(workers, 1);
  const double cpu_start = cpu_seconds();
  auto start = Clock::now();
  publish::Manifest manifest = publish::materialise(staging.get(), *trees.source(commit), {}, crew, {});
  const double write = seconds_since(start);
  const double write_cpu = cpu_seconds() - cpu_start;
  publish::make_durable(parent.get(), staging.get(), manifest);
  const double sync = seconds_since(start);
  std::string record;
  publish::encode(manifest, [&](std::string_view bytes) { record += bytes; });
  const double encode = seconds_since(start);
  std::string_view rest = record;
  const auto next = [&](char* to, std::size_t size) {
    const std::size_t count = rest.copy(to, size);
    rest.remove_prefix(count);
    return count;
  };
  const bool read = publish::decode(next, record.size()).has_value();
  const double decode = seconds_since(start);
  const double compare_start = cpu_seconds();
  const bool same = !publish::compare_tree(staging.get(), manifest, crew, {}).any();
  const double compare = seconds_since(start);
  const double compare_cpu = cpu_seconds() - compare_start;
  std::printf(
      "%7zu entries: materialise %.4f (CPU %.4f)  durable %.4f  encode %.4f (%zu bytes)  decode %.4f  compare %.4f "
      "(CPU %.4f)%s\n",
      manifest.entries.size() + manifest.folders.size(), write, write_cpu, sync, encode, record.size(), decode, compare,
      compare_cpu, read && same ? "" : "  WRONG");
  std::fflush(stdout);
  adapter::remove_tree_at(parent.get(), name);
}

asio::awaitable<void> publish_in_steps(publish::Publisher& publisher,
                                       std::shared_ptr<const publish::TreeSource> source) {
  publish::PublishOptions options;
  auto staged = co_await publisher.begin(std::move(source), std::move(options));
  co_await publisher.commit(std::move(staged));
}

/// Publishes as a whole, alternating between two kept trees and with new ones.
void whole(const std::filesystem::path& folder, testing::MemoryTrees& trees, std::vector<testing::MemoryFile> files,
           async::Workers& workers) {
  const std::string name = adapter::unique_name("bench-");
  const UniqueFd parent = adapter::open_directory(folder);
  adapter::ensure_directory_at(parent.get(), name, 0755);
  publish::Doubts doubts;
  const auto publisher = publish::make_publisher(workers, folder / name, "docs", "docs", doubts);
  const auto timed = [&](const char* what, const ObjectId& commit) {
    auto start = Clock::now();
    asio::io_context loop(1);
    asio::co_spawn(loop, publish_in_steps(*publisher, trees.source(commit)), [](const std::exception_ptr& error) {
      if (error) {
        std::rethrow_exception(error);
      }
    });
    loop.run();
    std::printf("%-24s %.4f\n", what, seconds_since(start));
    std::fflush(stdout);
  };
  const ObjectId first = trees.commit(files);
  files.front().bytes += "changed\n";
  const ObjectId second = trees.commit(files);
  timed("publish, first", first);
  timed("publish, the same", first);
  timed("publish, another", second);
  timed("publish, back", first);
  timed("publish, forth", second);
  adapter::remove_tree_at(parent.get(), name);
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : ".";
  const std::size_t files = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 50'000;
  const std::size_t bytes = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 600;
  async::Workers workers(argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 2);
  testing::MemoryTrees trees;
  const auto list = many_files(files, bytes);
  const ObjectId commit = trees.commit(list);
  for (int i = 0; i < 3; ++i) {
    steps(folder, trees, commit, workers);
  }
  whole(folder, trees, list, workers);
}
