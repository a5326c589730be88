// SPDX-License-Identifier: Apache-2.0
#include "known_secrets.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <optional>
#include <string>

#include "adapter/log/log.hpp"

namespace {

/// How many more allocations of this thread succeed; nullopt: all.
thread_local std::optional<std::size_t> allocations_left;

}  // namespace

void* operator new(std::size_t size) {
  if (allocations_left && (*allocations_left)-- == 0) {
    allocations_left.reset();
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace adapter::log {
namespace {

constexpr std::size_t many_steps = 1'000'000;

std::size_t spans_in(const KnownSecrets& known, std::string_view text) {
  std::vector<Span> spans;
  std::size_t steps = many_steps;
  known.find(text, spans, steps);
  return spans.size();
}

TEST(KnownSecrets, KeepNothingOfASecretThatTheyHaveNoMemoryFor) {
  const Secret secret(std::string_view("canary-without-memory-p\xC3\xA4ss"));
  bool failed = true;
  for (std::size_t succeeding = 0; failed; ++succeeding) {
    KnownSecrets known(0);
    allocations_left = succeeding;
    try {
      known.release(known.acquire(secret));
      failed = false;
    } catch (const std::bad_alloc&) {
      EXPECT_EQ(spans_in(known, secret.reveal()), 0U) << succeeding;
    }
    allocations_left.reset();
    const KnownSecrets::Place place = known.acquire(secret);
    EXPECT_EQ(spans_in(known, secret.reveal()), 1U) << succeeding;
    known.release(place);
    EXPECT_EQ(spans_in(known, secret.reveal()), 0U) << succeeding;
  }
}

TEST(KnownSecrets, EndASearchWhereNoStepsAreLeft) {
  KnownSecrets known(0);
  const std::string zeros(1024, '0');
  const KnownSecrets::Place place = known.acquire(Secret(std::string_view(zeros)));
  std::vector<Span> spans;
  std::size_t steps = 100'000;
  known.find(std::string(16'384, '0'), spans, steps);
  EXPECT_EQ(steps, 0U);
  EXPECT_LT(spans.size(), 200U);
  known.release(place);
}

TEST(Redaction, HidesAllOfATextThatTakesTooLongToSearch) {
  const Redaction zeros{Secret(std::string(256, '0'))};
  EXPECT_EQ(redacted("said: " + std::string(16'384, '0') + " and so on"), "***");
  EXPECT_EQ(redacted("said: " + std::string(256, '0') + " and so on"), "said: *** and so on");
  const Redaction pluses{Secret(std::string(1700, '+'))};
  const Redaction blanks{Secret(std::string(1700, ' '))};
  EXPECT_EQ(redacted("said: " + std::string(65'536, '+') + " and so on"), "***");
}

TEST(Redaction, TellsSecretsFromOtherTextHoweverOftenTheyAreRepeated) {
  const std::string secret = "ghp_AbCdEf0123456789xyz";
  const Redaction hidden{Secret(std::string_view(secret))};
  std::string text;
  std::string expected;
  while (text.size() < 16'384) {
    text += R"({\"said\":\")" + secret + R"(\",\"at\":\"a%20b%2Fc+d\"} &lt;)";
    expected += R"({\"said\":\"***\",\"at\":\"a%20b%2Fc+d\"} &lt;)";
  }
  EXPECT_EQ(redacted(text), expected);
}

}  // namespace
}  // namespace adapter::log
