// SPDX-License-Identifier: Apache-2.0
#include "adapter/base/limits.hpp"
#include "progress.hpp"
#include "remote_fixture.hpp"

namespace adapter::transport {
namespace {

/// What a server may send at exactly a limit, and one byte or step more.
class RemoteLimitTest : public RemoteTest {
protected:
  /// A body that ends in `last` and has `size_bytes`, filled up with packets that begin with `fill`.
  static std::string body_of(std::string start, std::string_view fill, std::string_view last, std::size_t size_bytes) {
    constexpr std::size_t most = 65'516;
    while (start.size() + last.size() < size_bytes) {
      const std::size_t left = size_bytes - start.size() - last.size();
      // What remains after this packet must hold another one.
      const std::size_t whole = left <= most + 4 ? left : std::min(most, left - 4 - fill.size() - 1);
      start += pkt(std::string(fill) + std::string(whole - 4 - fill.size(), 'x'));
    }
    start += last;
    EXPECT_EQ(start.size(), size_bytes);
    return start;
  }

  static std::string capabilities_of(std::size_t size_bytes) {
    const std::string start = pkt("version 2\n") + pkt("ls-refs=unborn\n") + pkt("fetch=shallow\n");
    return answer(200, advertisement, body_of(start, "x=", flush, size_bytes));
  }

  static std::string refs_body() {
    return pkt(commit_hex + " HEAD symref-target:refs/heads/main\n") + pkt(commit_hex + " refs/heads/main\n") + "0000";
  }
};

TEST_F(RemoteLimitTest, TakesCapabilitiesOfOneMebibyteAndNotOneByteMore) {
  script({{{}, capabilities_of(1 * mib)}, {{}, refs_answer()}});
  EXPECT_TRUE(ls_refs().finished);
  restart();
  script({{{}, capabilities_of(1 * mib + 1)}, {{}, refs_answer()}});
  expect_error(ls_refs(), ErrorClass::limit, "capabilities is larger than 1 MiB");
}

TEST_F(RemoteLimitTest, TakesAListOfRefsOfExactlyTheLimit) {
  for (const bool over : {false, true}) {
    RemoteOptions options;
    options.limits.max_advertisement_bytes = refs_body().size() - (over ? 1 : 0);
    restart("https://git.example/docs.git", options);
    script({{{}, capabilities_answer()}, {{}, refs_answer()}});
    if (over) {
      expect_error(ls_refs(), ErrorClass::limit, "max_advertisement_bytes");
    } else {
      EXPECT_TRUE(ls_refs().finished);
    }
  }
}

TEST_F(RemoteLimitTest, TakesAPackOfExactlyTheLimit) {
  for (const bool over : {false, true}) {
    RemoteOptions options;
    options.limits.max_pack_bytes = std::string_view("PACK-one-two").size() - (over ? 1 : 0);
    restart("https://git.example/docs.git", options);
    script({{{}, capabilities_answer()}, {{}, answer(200, result_type, pack_body())}});
    if (over) {
      expect_error(fetch(), ErrorClass::limit, "max_pack_bytes");
    } else {
      EXPECT_TRUE(fetch().finished);
    }
  }
}

TEST_F(RemoteLimitTest, TakesProgressOf16MebibytesBesideThePackAndNotOneByteMore) {
  // What counts: packets with their headers, but for the bytes of the pack, each of which allows one more.
  const std::string start = pkt("packfile\n") + pkt("\x01PACK");
  constexpr std::size_t pack_bytes = 4;
  const std::size_t most = 16 * mib + pack_bytes + pack_bytes;
  script({{{}, capabilities_answer()}, {{}, answer(200, result_type, body_of(start, "\x02", "", most) + "0000")}});
  // The last packet, the flush, counts with its header too.
  expect_error(fetch(), ErrorClass::limit, "more than 16 MiB that are no pack");
  restart();
  sink_.pack.clear();
  script({{{}, capabilities_answer()}, {{}, answer(200, result_type, body_of(start, "\x02", flush, most))}});
  EXPECT_TRUE(fetch().finished);
}

TEST_F(RemoteLimitTest, FollowsFiveRedirectsAndNotSix) {
  const Turn moved{{"GET "}, answer(302, "", "", "Location: /team/docs.git/info/refs?service=git-upload-pack\r\n")};
  for (const std::size_t hops : {std::size_t{max_redirects}, std::size_t{max_redirects} + 1}) {
    restart();
    std::vector<Turn> turns(hops, moved);
    turns.push_back({{"GET "}, capabilities_answer()});
    turns.push_back({{"POST "}, refs_answer()});
    script(std::move(turns));
    if (hops == max_redirects) {
      EXPECT_TRUE(ls_refs().finished);
    } else {
      expect_error(ls_refs(), ErrorClass::protocol, "more than 5 times");
    }
  }
}

TEST_F(RemoteLimitTest, DoesNotReadAnErrorPageToItsEnd) {
  // 100 GB are announced; the peer ends after a part of it that is longer than what is shown of such a page.
  for (const int status : {403, 500}) {
    restart();
    const std::string head = "HTTP/1.1 " + std::to_string(status) +
                             " No\r\nContent-Type: text/plain\r\nContent-Length: 100000000000\r\n\r\n";
    Turn endless{{}, head + std::string(3 * 64 * kib, 'x'), true};
    script({endless});
    const Outcome outcome = ls_refs();
    ASSERT_TRUE(outcome.error);
    EXPECT_THAT(outcome.error->text(), HasSubstr("xxx"));
    EXPECT_EQ(client_->stats().idle, 0U) << "the rest of the page would be read as the next answer";
    EXPECT_EQ(network_.open, 0);
  }
}

TEST_F(RemoteLimitTest, DoesNotReadThePageOfARedirectToItsEnd) {
  const std::string head =
      "HTTP/1.1 302 Found\r\nLocation: /new/docs.git/info/refs?service=git-upload-pack\r\n"
      "Content-Length: 100000000000\r\n\r\n";
  network_.scripts = {Script{{{{}, head + std::string(3 * 64 * kib, 'x'), true}}},
                      Script{{{{"GET /new/"}, capabilities_answer()}, {{}, refs_answer()}}}};
  EXPECT_TRUE(ls_refs().finished);
  EXPECT_EQ(network_.connects, 2);
}

TEST(ProgressLimit, KeepsALineOfExactlyTheLimitWhole) {
  const std::string whole(max_sideband_line_bytes, 'x');
  for (const auto& [sent, shown] : {std::pair(whole, whole), std::pair(whole + "x", whole + "…")}) {
    std::vector<std::string> lines;
    ProgressLines progress([&lines](std::string_view line) { lines.emplace_back(line); });
    progress.feed(sent + "\n");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0], shown);
  }
}

}  // namespace
}  // namespace adapter::transport
