// SPDX-License-Identifier: Apache-2.0
#include "hooks/signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapter/base/text.hpp"

namespace adapter::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::chrono::system_clock::time_point tested_at{std::chrono::seconds(1795435200)};

HookKey key(std::string_view secret, HookKind kind = HookKind::any) {
  return {Secret(secret), kind};
}

std::string signed_with(std::string_view secret, std::string_view body) {
  crypto::HmacSha256 mac{Secret(secret)};
  mac.update(body);
  const crypto::HmacSha256::Digest digest = mac.finish();
  return "sha256=" + to_hex(crypto::bytes_of(digest));
}

http::Fields hub(std::string_view value) {
  http::Fields fields;
  fields.add("X-Hub-Signature-256", value);
  return fields;
}

TEST(SignatureCheck, NamesEachKeyThatVerifies) {
  const std::vector keys{key("a"), key("b"), key("b", HookKind::github), key("b", HookKind::gitea), key("")};
  SignatureCheck check(hub(signed_with("b", "body")), keys, tested_at);
  EXPECT_TRUE(check.possible());
  check.update("bo");
  check.update("");
  check.update("dy");
  EXPECT_THAT(check.finish(), ElementsAre(1, 2));
}

TEST(SignatureCheck, KnowsBeforeTheBodyThatNothingCanVerify) {
  const std::vector keys{key("a"), key("b", HookKind::gitlab)};
  http::Fields none;
  EXPECT_FALSE(SignatureCheck(none, keys, tested_at).possible());
  EXPECT_FALSE(SignatureCheck(hub("sha256=00"), keys, tested_at).possible());
  http::Fields token;
  token.add("X-Gitlab-Token", "wrong");
  EXPECT_FALSE(SignatureCheck(token, keys, tested_at).possible());
  EXPECT_FALSE(SignatureCheck(hub(signed_with("a", "body")), {}, tested_at).possible());
  EXPECT_TRUE(SignatureCheck(hub(signed_with("a", "body")), keys, tested_at).possible());
}

TEST(SignatureCheck, NamesTheHeaderThatIsWrong) {
  const auto refusal = [](std::string_view field, std::string_view value, const std::vector<HookKey>& keys) {
    http::Fields fields;
    fields.add(field, value);
    SignatureCheck check(fields, keys, tested_at);
    EXPECT_FALSE(check.possible()) << field;
    return std::string(check.refusal());
  };
  const std::vector all{key("secret")};
  EXPECT_THAT(refusal("X-Gitlab-Token", "wrong", all), HasSubstr("X-Gitlab-Token is not the secret"));
  EXPECT_THAT(refusal("Authorization", "Bearer wrong", all), HasSubstr("the token in Authorization is not the secret"));
  EXPECT_THAT(refusal("Authorization", "Basic dTp3cm9uZw==", {key("secret", HookKind::azure)}),
              HasSubstr("the password in Authorization is not the secret"));
  EXPECT_THAT(refusal("X-Hub-Signature-256", "sha256=00", all), HasSubstr("malformed"));
  EXPECT_THAT(refusal("X-Gitlab-Token", "wrong", {key("secret", HookKind::github)}), HasSubstr("not signed"));
  EXPECT_THAT(refusal("X-Gitlab-Token", "wrong", {key("")}), HasSubstr("not signed")) << "an unreadable secret";
  EXPECT_THAT(refusal("User-Agent", "x", all), HasSubstr("not signed"));
}

TEST(SignatureCheck, NamesTheTimeOfASignatureThatIsRightAndTooOldOrTooNew) {
  const auto refusal = [](std::chrono::seconds after, std::string_view secret) {
    const std::string time = std::to_string((tested_at.time_since_epoch() / std::chrono::seconds(1)) + after.count());
    crypto::HmacSha256 mac{Secret(std::string_view("key"))};
    mac.update("id." + time + ".body");
    const crypto::HmacSha256::Digest digest = mac.finish();
    http::Fields fields;
    fields.add("webhook-id", "id");
    fields.add("webhook-timestamp", time);
    fields.add("webhook-signature", "v1," + base64(crypto::bytes_of(digest)));
    SignatureCheck check(fields, std::vector{key("whsec_" + base64(secret))}, tested_at);
    check.update("body");
    return check.finish().empty() ? std::string(check.refusal()) : std::string();
  };
  EXPECT_EQ(refusal(std::chrono::seconds(-300), "key"), "");
  EXPECT_THAT(refusal(std::chrono::seconds(-301), "key"), HasSubstr("more than five minutes"));
  EXPECT_THAT(refusal(std::chrono::seconds(301), "key"), HasSubstr("more than five minutes"));
  EXPECT_THAT(refusal(std::chrono::seconds(-301), "other"), HasSubstr("does not fit"))
      << "only who has the secret learns";
}

TEST(SignatureCheck, DoesNotNeedTheBodyForAToken) {
  http::Fields fields;
  fields.add("X-Gitlab-Token", "b");
  const std::vector keys{key("a"), key("b", HookKind::gitlab), key("b", HookKind::github)};
  EXPECT_THAT(SignatureCheck(fields, keys, tested_at).finish(), ElementsAre(1));
}

TEST(SignatureCheck, TakesAnEmptyBodyForWhatItIs) {
  const std::vector keys{key("a")};
  EXPECT_THAT(SignatureCheck(hub(signed_with("a", "")), keys, tested_at).finish(), ElementsAre(0));
  EXPECT_THAT(SignatureCheck(hub(signed_with("a", "x")), keys, tested_at).finish(), IsEmpty());
}

TEST(SignatureCheck, FollowsMegabytes) {
  const std::string body(3 << 20, 'x');
  const std::vector keys{key("a")};
  SignatureCheck check(hub(signed_with("a", body)), keys, tested_at);
  for (std::size_t at = 0; at < body.size(); at += 16384) {
    check.update(std::string_view(body).substr(at, 16384));
  }
  EXPECT_THAT(check.finish(), ElementsAre(0));
}

TEST(HookKind, IsNamedAsInTheConfiguration) {
  for (const std::string_view name :
       {"", "github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket", "azure", "generic"}) {
    EXPECT_TRUE(hook_kind(name).has_value()) << name;
  }
  EXPECT_EQ(hook_kind("azure"), HookKind::azure);
  EXPECT_EQ(hook_kind("GitHub"), std::nullopt);
}

}  // namespace
}  // namespace adapter::admin
