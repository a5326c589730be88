// SPDX-License-Identifier: Apache-2.0
// Random lives of a file that several failing repositories share: when it is written, how coarse the clock of its
// volume is, how long attempts take. Each write may cost each repository one attempt, and the last one must be tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "file_changes.hpp"

namespace adapter::sync {
namespace {

using std::chrono::milliseconds;

class SharedFileLife {
public:
  explicit SharedFileLife(std::uint_fast32_t seed) : random_(seed), tick_(pick({1, 4, 1000, 2000})) {
    skew_ = milliseconds(pick({0, 0, 3'600'000}));
    repositories_.resize(1 + draw(12));
    write();
    now_ += milliseconds(draw(3000));
    for (Attempts& each : repositories_) {
      begin(each);
    }
  }

  void run() {
    for (int i = 0; i < 400; ++i) {
      step(draw(12) == 0 && i < 300);
    }
    // Until the last write has been looked at, tried and looked at again.
    for (int i = 0; i < 400; ++i) {
      step(false);
    }
    for (const Attempts& each : repositories_) {
      EXPECT_LE(each.begun, 1 + writes_);
      EXPECT_EQ(each.used, content_) << "the last write must be tried";
      EXPECT_FALSE(each.ends);
    }
  }

private:
  struct Attempts {
    unsigned begun = 0;
    milliseconds began{};
    milliseconds reads{};                ///< when it reads the file
    std::optional<milliseconds> ends{};  ///< while it runs
    std::size_t used = 0;
  };

  unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }
  int pick(const std::vector<int>& choices) { return choices[draw(static_cast<unsigned>(choices.size()))]; }
  static std::string name_of(std::size_t number) { return std::string(1, static_cast<char>('a' + number)); }

  void write() {
    content_ = ++writes_;
    const milliseconds shown = (now_ + skew_) / tick_ * tick_;
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(shown);
    stamp_.changed.tv_sec = whole.count();
    stamp_.changed.tv_nsec = std::chrono::nanoseconds(shown - whole).count();
    // A rewrite in place keeps everything but the times.
    stamp_.inode += draw(2);
  }

  void begin(Attempts& each) {
    ++each.begun;
    each.began = now_;
    each.reads = now_ + milliseconds(draw(300));
    each.ends = each.reads + milliseconds(pick({10, 300, 3000}));
  }

  /// 20 ms or so, and no write between two readings of one attempt.
  void step(bool writes) {
    now_ += milliseconds(1 + draw(40));
    if (writes) {
      write();
    }
    for (Attempts& each : repositories_) {
      if (each.ends && each.reads <= now_ && each.reads >= each.began) {
        each.used = content_;
        each.reads = milliseconds(-1);
      }
      if (each.ends && *each.ends <= now_ && each.reads < each.began) {
        each.ends.reset();
      }
    }
    if (now_ >= next_look_) {
      look();
    }
  }

  void look() {
    next_look_ = now_ + milliseconds(1000);
    version_ = FileVersion::at(
        stamp_, [this] { return std::optional(content_); }, version_,
        FileVersion::Clock::time_point(std::chrono::hours(1) + now_));
    std::vector<FailingRepository> failing;
    for (std::size_t i = 0; i < repositories_.size(); ++i) {
      FailingRepository& each = failing.emplace_back(FailingRepository{name_of(i), !repositories_[i].ends});
      if (each.waits_for_files) {
        each.files = {"/shared"};
        each.tried = std::chrono::system_clock::time_point(repositories_[i].began + milliseconds(draw(5)));
      }
    }
    for (const std::string& name : changes_.look(failing, {{"/shared", version_}})) {
      begin(repositories_[static_cast<std::size_t>(name.front() - 'a')]);
    }
  }

  std::mt19937 random_;
  milliseconds now_{1'700'000'000'000};
  milliseconds tick_;
  milliseconds skew_{};
  milliseconds next_look_{};
  std::vector<Attempts> repositories_;
  FileStamp stamp_;
  std::size_t content_ = 0;
  unsigned writes_ = 0;
  FileVersion version_;
  FileChanges changes_;
};

TEST(FileChangesModel, EachWriteCostsEachRepositoryOneAttemptAndTheLastIsTried) {
  for (std::uint_fast32_t seed = 1; seed <= 2000 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SharedFileLife(seed).run();
  }
}

}  // namespace
}  // namespace adapter::sync
