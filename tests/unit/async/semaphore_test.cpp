// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/semaphore.hpp"

#include <asio/io_context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "adapter/async/task_scope.hpp"

namespace adapter::async {
namespace {

using std::chrono::steady_clock;

/// Users of one semaphore, by number: each waits for a permit and keeps it until it is told to release it.
class Users {
public:
  explicit Users(std::size_t permits) : semaphore_(loop_.get_executor(), permits) {}
  ~Users() {
    for (auto& [number, user] : users_) {
      user->scope.cancel();
    }
    loop_.restart();
    loop_.run();
  }
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  void acquire(int number, Semaphore::Claim claim = {}) {
    auto& user = users_[number];
    user = std::make_unique<User>(loop_.get_executor(), claim);
    user->scope.spawn("user", use(*this, number, *user));
  }
  void release(int number) { users_.at(number)->release.wake(); }
  void cancel(int number) { users_.at(number)->scope.cancel(); }
  Semaphore::Claim& claim(int number) { return users_.at(number)->claim; }
  Semaphore& semaphore() { return semaphore_; }

  /// Lets everything happen that can happen now.
  void settle() {
    loop_.restart();
    loop_.poll();
    std::erase_if(users_, [](const auto& each) { return each.second->scope.size() == 0; });
  }
  [[nodiscard]] const std::set<int>& holders() const { return holders_; }
  /// Users in the order in which they got their permits.
  [[nodiscard]] const std::vector<int>& order() const { return order_; }

private:
  struct User {
    User(const asio::any_io_executor& executor, Semaphore::Claim asked)
        : scope(executor), release(executor), claim(asked) {}
    TaskScope scope;
    Wakeup release;
    Semaphore::Claim claim;
  };
  static asio::awaitable<void> use(Users& users, int number, User& user) {
    const Semaphore::Permit permit = co_await users.semaphore_.acquire(user.claim);
    users.holders_.insert(number);
    users.order_.push_back(number);
    std::exception_ptr failure;
    try {
      co_await user.release.wait_until(steady_clock::time_point::max());
    } catch (...) {
      failure = std::current_exception();
    }
    users.holders_.erase(number);
    if (failure) {
      std::rethrow_exception(failure);
    }
  }

  asio::io_context loop_{1};
  Semaphore semaphore_;
  std::map<int, std::unique_ptr<User>> users_;
  std::set<int> holders_;
  std::vector<int> order_;
};

TEST(Semaphore, ServesTheLowestRankFirstAndEqualOnesInTheirOrder) {
  Users users(1);
  users.acquire(0);
  users.settle();
  const double ranks[] = {2, 1, 2, 0, 1};
  for (int number = 1; number <= 5; ++number) {
    users.acquire(number, {ranks[number - 1], 0});
    users.settle();
  }
  for (const int holder : {0, 4, 2, 5, 1}) {
    users.release(holder);
    users.settle();
  }
  EXPECT_EQ(users.order(), (std::vector<int>{0, 4, 2, 5, 1, 3}));
}

TEST(Semaphore, KeepsPermitsFreeOfAClaimThatLeavesSome) {
  Users users(2);
  users.acquire(1, {0, 1});
  users.settle();
  EXPECT_EQ(users.holders(), std::set<int>{1});
  users.acquire(2, {0, 1});
  users.settle();
  EXPECT_EQ(users.holders(), std::set<int>{1});
  users.acquire(3, {9, 0});  // a later one of a higher rank passes
  users.settle();
  EXPECT_EQ(users.holders(), (std::set<int>{1, 3}));
  users.release(1);
  users.settle();
  EXPECT_EQ(users.holders(), std::set<int>{3});
  users.release(3);
  users.settle();
  EXPECT_EQ(users.holders(), std::set<int>{2});
}

TEST(Semaphore, LooksAtAChangedClaimWhenItIsResized) {
  Users users(1);
  users.acquire(1, {0, 1});
  users.settle();
  EXPECT_TRUE(users.holders().empty());
  EXPECT_TRUE(users.semaphore().try_acquire().has_value());
  users.claim(1).leave_free = 0;
  users.semaphore().resize(1);
  users.settle();
  EXPECT_EQ(users.holders(), std::set<int>{1});
}

/// What a semaphore should do, in the plainest way.
class Model {
public:
  explicit Model(std::size_t permits) : limit(permits) {}
  struct Waiting {
    int number;
    Semaphore::Claim claim;
  };
  void acquire(int number, Semaphore::Claim claim) {
    waiting.push_back({number, claim});
    grant();
  }
  /// Ends its wait or its use.
  void end(int number) {
    holders.erase(number);
    std::erase_if(waiting, [number](const Waiting& each) { return each.number == number; });
    grant();
  }
  void grant() {
    std::stable_sort(waiting.begin(), waiting.end(),
                     [](const Waiting& one, const Waiting& two) { return one.claim.rank < two.claim.rank; });
    for (auto place = waiting.begin(); place != waiting.end();) {
      const bool fits = holders.size() + place->claim.leave_free < limit;
      if (fits) {
        holders.insert(place->number);
      }
      place = fits ? waiting.erase(place) : place + 1;
    }
  }
  [[nodiscard]] int any_holder(std::mt19937& random) const {
    auto place = holders.begin();
    std::advance(place, random() % holders.size());
    return *place;
  }
  [[nodiscard]] int any_waiter(std::mt19937& random) const { return waiting[random() % waiting.size()].number; }

  std::size_t limit;
  std::set<int> holders;
  std::vector<Waiting> waiting;
};

class RandomUse {
public:
  explicit RandomUse(unsigned seed) : random_(seed), model_(1 + seed % 4), users_(model_.limit) {}

  void step() {
    const unsigned kind = random_() % 8;
    if (kind < 3) {
      acquire();
    } else if (kind < 5 && !model_.holders.empty()) {
      release();
    } else if (kind == 5 && !model_.waiting.empty()) {
      cancel(model_.any_waiter(random_));
    } else if (kind == 6 && !model_.waiting.empty()) {
      change_a_claim();
    } else if (kind == 7) {
      model_.limit = 1 + random_() % 4;
      users_.semaphore().resize(model_.limit);
      model_.grant();
    }
  }
  void settle_and_compare() {
    users_.settle();
    ASSERT_EQ(users_.holders(), model_.holders);
    ASSERT_EQ(users_.semaphore().waiting(), model_.waiting.size());
  }
  /// Everything that waits gets its turn when all permits come back one by one.
  void drain() {
    while (!model_.holders.empty()) {
      const int number = model_.any_holder(random_);
      users_.release(number);
      model_.end(number);
      settle_and_compare();
    }
    for (const Model::Waiting& left : model_.waiting) {
      EXPECT_GE(left.claim.leave_free, model_.limit);
    }
  }

private:
  void acquire() {
    const Semaphore::Claim claim{static_cast<double>(random_() % 3), random_() % 3};
    users_.acquire(++last_, claim);
    model_.acquire(last_, claim);
  }
  void release() {
    const std::set<int> before = model_.holders;
    const int number = model_.any_holder(random_);
    users_.release(number);
    model_.end(number);
    if (random_() % 2 == 0) {
      return;
    }
    // Cancelled in the same turn of the loop as it was given the permit.
    for (const int holder : std::set<int>(model_.holders)) {
      if (!before.contains(holder)) {
        cancel(holder);
        return;
      }
    }
  }
  void cancel(int number) {
    users_.cancel(number);
    model_.end(number);
  }
  void change_a_claim() {
    Model::Waiting& chosen = model_.waiting[random_() % model_.waiting.size()];
    chosen.claim.leave_free = random_() % 3;
    users_.claim(chosen.number).leave_free = chosen.claim.leave_free;
    users_.semaphore().resize(model_.limit);
    model_.grant();
  }

  std::mt19937 random_;
  Model model_;
  Users users_;
  int last_ = 0;
};

TEST(Semaphore, DoesWhatItsModelDoesUnderRandomUseAndCancellation) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomUse use(seed);
    for (int step = 0; step < 300; ++step) {
      use.step();
      use.settle_and_compare();
      if (::testing::Test::HasFatalFailure()) {
        return;
      }
    }
    use.drain();
  }
}

}  // namespace
}  // namespace adapter::async
