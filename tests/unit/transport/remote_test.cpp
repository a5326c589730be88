// SPDX-License-Identifier: Apache-2.0
#include "remote_fixture.hpp"

namespace adapter::transport {
namespace {

TEST_F(RemoteTest, ShakesHandsOnceAndThenChecksWithOneRequest) {
  script(
      {{{"GET /team/docs.git/info/refs?service=git-upload-pack HTTP/1.1\r\n", "Git-Protocol: version=2\r\n",
         "User-Agent: git/2.0 (adapter/0.1.0)\r\n"},
        capabilities_answer()},
       {{"POST /team/docs.git/git-upload-pack HTTP/1.1\r\n", "Git-Protocol: version=2\r\n",
         "Content-Type: application/x-git-upload-pack-request\r\n", "Accept: application/x-git-upload-pack-result\r\n",
         "command=ls-refs", "agent=adapter/0.1.0", "ref-prefix refs/heads/main"},
        refs_answer()},
       {{"POST /team/docs.git/git-upload-pack HTTP/1.1\r\n"}, refs_answer()}});
  EXPECT_FALSE(remote_->capabilities());
  EXPECT_TRUE(ls_refs().finished);
  EXPECT_TRUE(ls_refs().finished);
  ASSERT_EQ(refs_.size(), 2U);
  EXPECT_EQ(refs_[0].symref_target, "refs/heads/main");
  EXPECT_EQ(refs_[1].id.to_hex(), commit_hex);
  EXPECT_EQ(network_.requests.size(), 3U);
  EXPECT_EQ(remote_->capabilities().value().agent, "git/2.39");
  EXPECT_GT(remote_->received_bytes(), 100U);
}

TEST_F(RemoteTest, StreamsAPackAndItsProgress) {
  script({{{}, capabilities_answer()},
          {{"command=fetch", "deepen 1", "want " + commit_hex}, answer(200, result_type, pack_body())}});
  EXPECT_TRUE(fetch().finished);
  EXPECT_EQ(sink_.pack, "PACK-one-two");
  EXPECT_THAT(sink_.lines, ElementsAre("Counting objects: 3", "done"));
  EXPECT_EQ(result_.pack_bytes, 12U);
  ASSERT_EQ(result_.shallow.size(), 1U);
  EXPECT_EQ(result_.shallow[0].to_hex(), commit_hex);
  EXPECT_EQ(client_->stats().idle, 1U);
}

TEST_F(RemoteTest, FollowsARedirectOfTheFirstGetAndRemembersWhereItLed) {
  const std::string moved =
      answer(301, "text/html", "<html>", "Location: /new/docs.git/info/refs?service=git-upload-pack\r\n");
  script({{{"GET /team/docs.git/info/refs"}, moved},
          {{"GET /new/docs.git/info/refs?service=git-upload-pack"}, capabilities_answer()},
          {{"POST /new/docs.git/git-upload-pack"}, refs_answer()},
          {{"POST /new/docs.git/git-upload-pack"}, refs_answer()}});
  EXPECT_TRUE(ls_refs().finished);
  EXPECT_TRUE(ls_refs().finished);
  EXPECT_EQ(network_.requests.size(), 4U);
}

/// A portal on the way may redirect once.
TEST_F(RemoteTest, BeginsEachCheckAtItsUrlWhereARedirectIsNotForGood) {
  const std::string moved =
      answer(302, "text/html", "<html>", "Location: /new/docs.git/info/refs?service=git-upload-pack\r\n");
  script({{{"GET /team/docs.git/info/refs"}, moved},
          {{"GET /new/docs.git/info/refs?service=git-upload-pack"}, capabilities_answer()},
          {{"POST /new/docs.git/git-upload-pack"}, refs_answer()},
          {{"POST /new/docs.git/git-upload-pack"}, answer(200, result_type, pack_body())},
          {{"GET /team/docs.git/info/refs"}, capabilities_answer()},
          {{"POST /team/docs.git/git-upload-pack"}, refs_answer()},
          {{"POST /team/docs.git/git-upload-pack"}, refs_answer()}});
  EXPECT_TRUE(ls_refs().finished);
  EXPECT_TRUE(fetch().finished);
  EXPECT_TRUE(ls_refs().finished);
  EXPECT_TRUE(ls_refs().finished);
  EXPECT_EQ(network_.requests.size(), 7U);
}

/// The place that a redirect led to may be closed to this credential while the configured URL serves again.
TEST_F(RemoteTest, BeginsAtItsUrlAfterAnyFailureAtTheTargetOfAPermanentRedirect) {
  const std::string moved =
      answer(301, "text/html", "", "Location: /new/docs.git/info/refs?service=git-upload-pack\r\n");
  const std::string cut = answer(200, result_type, pkt(commit_hex + " refs/heads/main\n"));
  for (const std::string& failed : {answer(401, "", ""), answer(403, "", ""), answer(429, "", ""), answer(500, "", ""),
                                    cut, std::string("garbage\r\n\r\n")}) {
    SCOPED_TRACE(failed.substr(0, 40));
    restart();
    network_.requests.clear();
    script({{{"GET /team/docs.git/info/refs"}, moved},
            {{"GET /new/docs.git/info/refs"}, capabilities_answer()},
            {{"POST /new/docs.git/git-upload-pack"}, refs_answer()},
            {{"POST /new/docs.git/git-upload-pack"}, failed, true}});
    network_.scripts.push_back(Script{{{{"GET /team/docs.git/info/refs"}, capabilities_answer()},
                                       {{"POST /team/docs.git/git-upload-pack"}, refs_answer()}}});
    EXPECT_TRUE(ls_refs().finished);
    EXPECT_TRUE(ls_refs().error);
    EXPECT_TRUE(ls_refs().finished);
    EXPECT_EQ(network_.requests.size(), 6U);
  }
}

/// A check that takes too long is cancelled by its caller.
TEST_F(RemoteTest, BeginsAtItsUrlAfterTroubleOnTheWayToTheTargetOfARedirect) {
  const std::string moved =
      answer(308, "text/html", "", "Location: /new/docs.git/info/refs?service=git-upload-pack\r\n");
  for (const Fault fault : {Fault::error, Fault::timeout, Fault::cancellation}) {
    restart();
    network_.requests.clear();
    network_.faults.kind = Fault::none;
    script({{{"GET /team/docs.git/info/refs"}, moved},
            {{"GET /new/docs.git/info/refs"}, capabilities_answer()},
            {{"POST /new/docs.git/git-upload-pack"}, refs_answer()},
            {{"POST /new/docs.git/git-upload-pack"}, refs_answer()}});
    network_.scripts.front().max_read_bytes = 64;
    network_.scripts.push_back(Script{{{{"GET /team/docs.git/info/refs"}, capabilities_answer()},
                                       {{"POST /team/docs.git/git-upload-pack"}, refs_answer()}}});
    EXPECT_TRUE(ls_refs().finished);
    network_.faults.kind = fault;
    network_.faults.at = network_.faults.steps + 2;  // in the middle of the answer to the POST
    EXPECT_FALSE(ls_refs().finished);
    network_.faults.kind = Fault::none;
    EXPECT_TRUE(ls_refs().finished);
    EXPECT_THAT(network_.requests.back(), HasSubstr("POST /team/docs.git/git-upload-pack"));
  }
}

TEST_F(RemoteTest, BeginsAtItsUrlWhereItsRedirectIsForgotten) {
  const std::string moved =
      answer(301, "text/html", "", "Location: /new/docs.git/info/refs?service=git-upload-pack\r\n");
  script({{{"GET /team/docs.git/info/refs"}, moved},
          {{"GET /new/docs.git/info/refs"}, capabilities_answer()},
          {{"POST /new/docs.git/git-upload-pack"}, refs_answer()},
          {{"GET /team/docs.git/info/refs"}, capabilities_answer()},
          {{"POST /team/docs.git/git-upload-pack"}, refs_answer()},
          {{"POST /team/docs.git/git-upload-pack"}, refs_answer()}});
  EXPECT_TRUE(ls_refs().finished);
  remote_->forget_redirect();
  EXPECT_TRUE(ls_refs().finished);
  remote_->forget_redirect();  // the capabilities of a URL that was not redirected stay
  EXPECT_TRUE(ls_refs().finished);
}

TEST_F(RemoteTest, DoesNotFollowARedirectElsewhereOrForEver) {
  script({{{}, answer(302, "", "", "Location: https://evil.example/team/docs.git/info/refs\r\n")}});
  expect_error(ls_refs(), ErrorClass::policy, "https://evil.example");
  EXPECT_EQ(network_.requests.size(), 1U);
  restart();
  script(std::vector<Turn>(10, Turn{{"GET "}, answer(302, "", "", "Location: /team/docs.git/info/refs\r\n")}));
  expect_error(ls_refs(), ErrorClass::protocol, "more than 5 times");
  restart();
  script({{{}, answer(302, "", "", "Location: /login\r\n")}, {{}, answer(200, "text/html", "<form>")}});
  expect_error(ls_refs(), ErrorClass::protocol, "text/html");
}

TEST_F(RemoteTest, HidesASecretThatIsLongerThanWhatIsReadOfAnErrorPage) {
  std::string secret;
  for (int i = 0; i < 5000; ++i) {
    secret += std::to_string(i) + ";";
  }
  const log::Redaction hidden{Secret(std::string_view(secret))};
  script({{{}, answer(403, "text/plain", "bad: " + secret)}});
  expect_error(ls_refs(), ErrorClass::auth, ": \"bad: ***…\"");
}

/// A credential for each prefix of git.example.
std::vector<config::Credential> credentials_for(const std::vector<std::string>& prefixes) {
  std::vector<config::Credential> credentials;
  for (const std::string& prefix : prefixes) {
    config::Credential& each = credentials.emplace_back();
    each.url = http::Url::parse("https://git.example" + prefix).value();
    each.secret = config::BearerCredential{{config::SecretSource::Kind::environment, "TOKEN"}};
  }
  return credentials;
}

TEST_F(RemoteTest, DoesNotFollowARedirectToWhatAnotherCredentialIsFor) {
  const std::vector<Turn> moved = {
      {{"GET /team/docs.git/info/refs"}, answer(302, "", "", "Location: /b/docs.git/info/refs\r\n")}};
  credentials_.replace(credentials_for({"/team/", "/b/"}));
  script(moved);
  expect_error(ls_refs(), ErrorClass::policy,
               "the credential for https://git.example/b/ instead of the one for https://git.example/team/ and is not "
               "followed; if that is where the repository lives now, write it as its url");
  EXPECT_EQ(network_.requests.size(), 1U);
  restart();
  credentials_.replace(credentials_for({"/b/"}));
  script(moved);
  expect_error(ls_refs(), ErrorClass::policy, "the credential for https://git.example/b/ instead of none");
  EXPECT_EQ(network_.requests.size(), 2U);
}

TEST_F(RemoteTest, FollowsARedirectToWhatHasTheSameCredential) {
  credentials_.replace(credentials_for({"/", "/c/"}));
  script({{{"GET /team/docs.git/info/refs", "Authorization: Bearer"},
           answer(302, "", "", "Location: /b/docs.git/info/refs\r\n")},
          {{"GET /b/docs.git/info/refs", "Authorization: Bearer"}, capabilities_answer()},
          {{"POST /b/docs.git/git-upload-pack", "Authorization: Bearer"}, refs_answer()}});
  EXPECT_TRUE(ls_refs().finished);
}

TEST_F(RemoteTest, SendsNoCredentialToTheTargetOfARedirectThatHasNone) {
  credentials_.replace(credentials_for({"/team/"}));
  const std::vector<Turn> moved = {{{"GET /team/docs.git/info/refs", "Authorization: Bearer"},
                                    answer(302, "", "", "Location: /b/docs.git/info/refs\r\n")}};
  const std::vector<Turn> target = {{{"GET /b/docs.git/info/refs"}, capabilities_answer()},
                                    {{"POST /b/docs.git/git-upload-pack"}, refs_answer()}};
  network_.scripts = {Script{moved}, Script{target}};
  EXPECT_TRUE(ls_refs().finished);
  ASSERT_EQ(network_.requests.size(), 3U);
  EXPECT_THAT(network_.requests[1], testing::Not(HasSubstr("Authorization")));
  EXPECT_THAT(network_.requests[2], testing::Not(HasSubstr("Authorization")));
}

TEST_F(RemoteTest, DoesNotUseARememberedRedirectToWhatAnotherCredentialIsFor) {
  script({{{"GET /team/docs.git/info/refs"}, answer(301, "", "", "Location: /b/docs.git/info/refs\r\n")},
          {{"GET /b/docs.git/info/refs"}, capabilities_answer()},
          {{"POST /b/docs.git/git-upload-pack"}, refs_answer()},
          {{"GET /team/docs.git/info/refs"}, capabilities_answer()},
          {{"POST /team/docs.git/git-upload-pack"}, refs_answer()}});
  EXPECT_TRUE(ls_refs().finished);
  credentials_.replace(credentials_for({"/b/"}));
  expect_error(ls_refs(), ErrorClass::policy, "the credential for https://git.example/b/ instead of none");
  EXPECT_EQ(network_.requests.size(), 3U);
  EXPECT_TRUE(ls_refs().finished);
}

TEST_F(RemoteTest, NeverFollowsARedirectOfAPost) {
  script({{{}, capabilities_answer()}, {{}, answer(307, "", "", "Location: /team/docs.git/git-upload-pack\r\n")}});
  expect_error(ls_refs(), ErrorClass::protocol, "redirected a POST");
  EXPECT_EQ(network_.requests.size(), 2U);
}

TEST_F(RemoteTest, AsksForCapabilitiesAnewWhenTheRememberedOnesAreStale) {
  for (const std::string& stale : {answer(404, "", ""), answer(400, "", ""), answer(200, "text/html", "<html>"),
                                   answer(200, result_type, "zzzz"), answer(301, "", "", "Location: /x\r\n")}) {
    restart();
    network_.requests.clear();
    script({{{}, capabilities_answer()},
            {{"POST"}, refs_answer()},
            {{"POST"}, stale},
            {{"GET"}, capabilities_answer()},
            {{"POST"}, refs_answer()}});
    // A connection that a malformed answer made useless is replaced.
    network_.scripts.push_back(Script{{{{"GET"}, capabilities_answer()}, {{"POST"}, refs_answer()}}});
    EXPECT_TRUE(ls_refs().finished);
    EXPECT_TRUE(ls_refs().finished);
    EXPECT_EQ(network_.requests.size(), 5U);
  }
}

TEST_F(RemoteTest, AsksAnewOnlyOnceACallAndNotForOtherFailures) {
  script({{{}, capabilities_answer()},
          {{}, refs_answer()},
          {{"POST"}, answer(404, "", "")},
          {{"GET"}, capabilities_answer()},
          {{"POST"}, answer(404, "", "")}});
  EXPECT_TRUE(ls_refs().finished);
  expect_error(ls_refs(), ErrorClass::not_found, "https://git.example/team/docs.git: ls-refs: there is no repository");
  EXPECT_EQ(network_.requests.size(), 5U);

  restart();
  network_.requests.clear();
  script({{{}, capabilities_answer()}, {{}, refs_answer()}, {{"POST"}, answer(500, "", "")}});
  EXPECT_TRUE(ls_refs().finished);
  expect_error(ls_refs(), ErrorClass::network, "HTTP 500");
  EXPECT_EQ(network_.requests.size(), 3U);
}

TEST_F(RemoteTest, DoesNotTakeAFramingThatLiesForStaleCapabilities) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(result_type) + "\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::size_t max_read_bytes : {1UL << 20U, 1UL}) {
    for (const std::string_view body : {"zz\r\nabc\r\n", "ffffffffffffffff0\r\nabc\r\n"}) {
      restart();
      network_.requests.clear();
      script({{{}, capabilities_answer()}, {{}, refs_answer()}, {{"POST"}, head + std::string(body)}});
      network_.scripts.front().max_read_bytes = max_read_bytes;
      EXPECT_TRUE(ls_refs().finished);
      expect_error(ls_refs(), ErrorClass::protocol, "chunk");
      EXPECT_EQ(network_.requests.size(), 3U);
    }
  }
}

TEST_F(RemoteTest, DoesNotRepeatAFetchThatHasDeliveredSomething) {
  const std::string broken = pkt("packfile\n") + pkt("\x01PACK") + "zzzz";
  script({{{}, capabilities_answer()}, {{}, refs_answer()}, {{"command=fetch"}, answer(200, result_type, broken)}});
  EXPECT_TRUE(ls_refs().finished);
  expect_error(fetch(), ErrorClass::protocol, "https://git.example/team/docs.git: fetch: ");
  EXPECT_EQ(sink_.pack, "PACK");
  EXPECT_EQ(network_.requests.size(), 3U);
}

TEST_F(RemoteTest, ReportsServersThatSpeakOldProtocols) {
  const std::string v0 = pkt("# service=git-upload-pack\n") + "0000" +
                         pkt(commit_hex + " HEAD" + std::string(1, '\0') + "multi_ack agent=git/1.8\n") + "0000";
  script({{{}, answer(200, advertisement, v0)}});
  expect_error(ls_refs(), ErrorClass::protocol, "version 0 of git's protocol only; that is not in this version yet");
  EXPECT_EQ(remote_->capabilities().value().version, 0);
}

TEST_F(RemoteTest, ReportsWhatIsNoGitServer) {
  script({{{}, answer(200, "text/html; charset=utf-8", "<html>hello</html>")}});
  expect_error(ls_refs(), ErrorClass::protocol,
               "https://git.example/team/docs.git: ls-refs: the server sent text/html");
  restart();
  script({{{}, answer(200, advertisement, "<html>hello</html>")}});
  expect_error(ls_refs(), ErrorClass::protocol, "no git server");
}

TEST_F(RemoteTest, RefusesHttpUnlessAllowed) {
  restart("http://git.example/docs.git");
  expect_error(ls_refs(), ErrorClass::policy, "allow_insecure");
  expect_error(fetch(), ErrorClass::policy, "http://git.example/docs.git: fetch: http is refused");
  EXPECT_EQ(network_.connects, 0);
  RemoteOptions options;
  options.allow_insecure = true;
  restart("http://git.example/docs.git", options);
  script({{{}, capabilities_answer()}, {{}, refs_answer()}});
  EXPECT_TRUE(ls_refs().finished);
}

TEST_F(RemoteTest, SendsTheCredentialOfTheUrlAndNoneOverHttp) {
  const config::SecretSource token{config::SecretSource::Kind::environment, "TOKEN"};
  credentials_.replace(
      {{http::Url::parse("https://git.example/team/").value(), config::BearerCredential{token}, std::nullopt},
       {http::Url::parse("http://git.example/").value(), config::BearerCredential{token}, std::nullopt}});
  script({{{"Authorization: Bearer s3cret-token\r\n"}, capabilities_answer()},
          {{"Authorization: Bearer s3cret-token\r\n"}, answer(401, "text/plain", "no")}});
  expect_error(ls_refs(), ErrorClass::auth, "refused the credential https://git.example/team/ (token)");
  RemoteOptions options;
  options.allow_insecure = true;
  restart("http://git.example/team/docs.git", options);
  network_.requests.clear();
  script({{{}, answer(401, "", "")}});
  expect_error(ls_refs(), ErrorClass::auth, "over https only");
  EXPECT_THAT(network_.requests.at(0), testing::Not(HasSubstr("Authorization")));
}

TEST_F(RemoteTest, CapsTheListOfRefs) {
  RemoteOptions options;
  options.limits.max_advertisement_bytes = 100;
  restart("https://git.example/docs.git", options);
  script({{{}, capabilities_answer()}, {{}, refs_answer()}});
  expect_error(ls_refs(), ErrorClass::limit, "max_advertisement_bytes");
}

TEST_F(RemoteTest, CapsThePack) {
  RemoteOptions options;
  options.limits.max_pack_bytes = 10;
  restart("https://git.example/docs.git", options);
  script({{{}, capabilities_answer()}, {{}, answer(200, result_type, pack_body())}});
  expect_error(fetch(), ErrorClass::limit, "max_pack_bytes");
  EXPECT_EQ(sink_.pack, "PACK-one-");
}

TEST_F(RemoteTest, PassesOnWhatTheSinkThrewUnchanged) {
  sink_.failure = std::make_exception_ptr(Error(ErrorClass::storage, "disk full"));
  script({{{}, capabilities_answer()}, {{}, answer(200, result_type, pack_body())}});
  const Outcome outcome = fetch();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->text(), "disk full");
  EXPECT_EQ(outcome.error->error_class(), ErrorClass::storage);
  EXPECT_EQ(client_->stats().busy, 0U);
}

TEST_F(RemoteTest, ReportsAnAnswerThatEndsBeforeItsFlush) {
  const std::string body = pack_body();
  for (std::size_t size = 0; size + 4 <= body.size(); ++size) {
    restart();
    script({{{}, capabilities_answer()}, {{}, answer(200, result_type, body.substr(0, size))}});
    expect_error(fetch(), ErrorClass::network, "ended in the middle of the pack");
  }
}

TEST_F(RemoteTest, TakesARateLimitFromTheServer) {
  script({{{}, answer(429, "text/plain", "slow down", "Retry-After: 30\r\n")}});
  const Outcome outcome = ls_refs();
  expect_error(outcome, ErrorClass::rate_limited, "come back in 30s: \"slow down\"");
  EXPECT_EQ(outcome.error.value().retry_after(), std::chrono::seconds(30));
}

}  // namespace
}  // namespace adapter::transport
