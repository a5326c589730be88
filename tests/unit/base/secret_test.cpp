// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/secret.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <ostream>
#include <string>
#include <type_traits>

namespace adapter {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!Printable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

/// Short enough to lie inside the object, where a copy would stay behind.
constexpr std::string_view short_secret = "pass-word";
constexpr std::string_view long_secret = "a-token-that-is-longer-than-any-small-string-buffer";

/// What is left in the memory of a Secret after its end.
template <class Use>
std::string remains_of(Use use) {
  alignas(Secret) std::byte place[sizeof(Secret)] = {};
  auto* secret = new (place) Secret(short_secret);
  use(*secret);
  std::destroy_at(secret);
  std::string bytes(sizeof(Secret), '\0');
  std::memcpy(bytes.data(), static_cast<const void*>(place), sizeof(Secret));
  return bytes;
}

TEST(Secret, GivesItsBytesOnlyWhenAsked) {
  EXPECT_EQ(Secret(long_secret).reveal(), long_secret);
  EXPECT_TRUE(Secret().empty());
  EXPECT_FALSE(Secret(short_secret).empty());
}

TEST(Secret, WipesTheStringItTakesOver) {
  for (const std::string_view text : {short_secret, long_secret}) {
    std::string bytes(text);
    const char* const memory = bytes.data();
    const Secret secret(std::move(bytes));
    EXPECT_EQ(secret.reveal(), text);
    EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move): the promise under test
    EXPECT_EQ(std::string(memory, text.size()).find(text.substr(1, 4)), std::string::npos);
  }
}

TEST(Secret, IsEmptyAfterAMoveAndLeavesNothingBehind) {
  for (const std::string_view text : {short_secret, long_secret}) {
    Secret from(text);
    Secret to(std::move(from));
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the promise under test
    EXPECT_EQ(to.reveal(), text);
    Secret assigned(std::string_view("other"));
    assigned = std::move(to);
    EXPECT_EQ(assigned.reveal(), text);
    EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move): the promise under test
  }
  EXPECT_EQ(remains_of([](Secret& secret) { const Secret other(std::move(secret)); }).find("pass"), std::string::npos);
}

TEST(Secret, LeavesNothingBehindAtItsEndOrWhenAssigned) {
  EXPECT_EQ(remains_of([](Secret&) {}).find("pass"), std::string::npos);
  EXPECT_EQ(remains_of([](Secret& secret) { secret = Secret(std::string_view("x")); }).find("word"), std::string::npos);
  const Secret other(std::string_view("y"));
  EXPECT_EQ(remains_of([&](Secret& secret) { secret = other; }).find("word"), std::string::npos);
}

TEST(Secret, SurvivesAssignmentToItself) {
  Secret secret(long_secret);
  const Secret& same = secret;
  secret = same;
  EXPECT_EQ(secret.reveal(), long_secret);
}

TEST(Secret, ComparesByContent) {
  EXPECT_EQ(Secret(long_secret), Secret(long_secret));
  EXPECT_NE(Secret(long_secret), Secret(short_secret));
  EXPECT_NE(Secret(std::string_view("abcd")), Secret(std::string_view("abce")));
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace adapter
