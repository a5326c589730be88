// SPDX-License-Identifier: Apache-2.0
#include "hooks/delivery.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace adapter::admin {
namespace {

http::Fields fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
  http::Fields result;
  for (const auto& [name, value] : list) {
    result.add(name, value);
  }
  return result;
}

Payload saying(const std::string& event) {
  Payload payload;
  payload.event = event;
  return payload;
}

TEST(Delivery, OfASenderThatSaysNothingIsAPush) {
  const auto delivery = read_delivery({}, {});
  EXPECT_EQ(delivery.event, HookEvent::push);
  EXPECT_EQ(delivery.id, "");
}

TEST(Delivery, IsWhatItsFieldsSay) {
  for (const std::string_view word : {"push", "create", "delete"}) {
    EXPECT_EQ(read_delivery(fields({{"X-GitHub-Event", word}}), {}).event, HookEvent::push) << word;
  }
  for (const std::string_view word : {"repo:push", "repo:refs_changed", "mirror:repo_synchronized"}) {
    EXPECT_EQ(read_delivery(fields({{"X-Event-Key", word}}), {}).event, HookEvent::push) << word;
  }
  EXPECT_EQ(read_delivery(fields({{"X-GitHub-Event", "ping"}}), {}).event, HookEvent::ping);
  EXPECT_EQ(read_delivery(fields({{"X-Event-Key", "diagnostics:ping"}}), {}).event, HookEvent::ping);
  for (const std::string_view word : {"", "Push", "issues", "pull_request", "push "}) {
    EXPECT_EQ(read_delivery(fields({{"X-Gitea-Event", word}}), saying("push")).event, HookEvent::other) << word;
  }
}

TEST(Delivery, IsWhatItsBodySaysWhereTheFieldsAreSilent) {
  EXPECT_EQ(read_delivery({}, saying("git.push")).event, HookEvent::push);
  EXPECT_EQ(read_delivery({}, saying("workitem.updated")).event, HookEvent::other);
  const auto system = fields({{"X-Gitlab-Event", "System Hook"}});
  EXPECT_EQ(read_delivery(system, saying("tag_push")).event, HookEvent::push);
  EXPECT_EQ(read_delivery(system, saying("project_create")).event, HookEvent::other);
  EXPECT_EQ(read_delivery(system, {}).event, HookEvent::push);
}

TEST(Delivery, HasTheIdThatARepetitionHasToo) {
  EXPECT_EQ(read_delivery(fields({{"X-GitHub-Delivery", "a"}, {"X-Gitea-Delivery", "b"}}), {}).id, "b");
  EXPECT_EQ(read_delivery(fields({{"X-Gitlab-Event-UUID", "a"}, {"Idempotency-Key", "b"}}), {}).id, "b");
  EXPECT_EQ(read_delivery(fields({{"X-Request-UUID", "a"}}), {}).id, "");
  EXPECT_EQ(read_delivery(fields({{"X-Request-UUID", "a"}, {"X-Event-Key", "repo:push"}}), {}).id, "a");
  EXPECT_EQ(read_delivery(fields({{"X-Event-Key", "repo:push"}, {"X-Request-Id", "a"}}), {}).id, "a");
  Payload payload;
  payload.id = "c";
  EXPECT_EQ(read_delivery({}, payload).id, "c");
}

TEST(Delivery, HasNoIdThatIsTooLongOrNotVisible) {
  const std::string longest(128, 'x');
  EXPECT_EQ(read_delivery(fields({{"X-GitHub-Delivery", longest}}), {}).id, longest);
  EXPECT_EQ(read_delivery(fields({{"X-GitHub-Delivery", longest + "x"}}), {}).id, "");
  for (const std::string_view bad : {"", "a b", "a\tb", "\xc3\xa9"}) {
    EXPECT_EQ(read_delivery(fields({{"X-GitHub-Delivery", bad}}), {}).id, "") << bad;
  }
}

}  // namespace
}  // namespace adapter::admin
