// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"

namespace adapter::log {
namespace {

/// A character as UTF-8 and as its code point.
struct Letter {
  std::string utf8;
  unsigned code = 0;
};
using Word = std::vector<Letter>;

/// With leading zeros up to `width`.
std::string digits(unsigned value, int base, std::size_t width = 1, bool upper = false) {
  std::array<char, 16> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base);
  std::string out(buffer.data(), result.ptr);
  if (upper) {
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::toupper(c); });
  }
  return out.size() < width ? std::string(width - out.size(), '0') + out : out;
}

/// As JSON writes a code point.
std::string utf16(unsigned code) {
  if (code < 0x10000) {
    return "\\u" + digits(code, 16, 4);
  }
  const unsigned rest = code - 0x10000;
  return "\\u" + digits(0xD800 + (rest >> 10U), 16, 4) + "\\u" + digits(0xDC00 + (rest & 0x3FFU), 16, 4, true);
}

std::string raw(const Word& word) {
  std::string text;
  for (const Letter& letter : word) {
    text += letter.utf8;
  }
  return text;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += "%" + digits(static_cast<unsigned char>(c), 16, 2, true);
  }
  return out;
}

std::string percent_form(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += is_plain ? std::string(1, c) : c == ' ' ? "+" : "%" + digits(static_cast<unsigned char>(c), 16, 2);
  }
  return out;
}

std::string html_escaped(std::string_view text) {
  static const std::map<char, std::string> names = {
      {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#x27;"}};
  std::string out;
  for (const char c : text) {
    const auto name = names.find(c);
    out += name != names.end() ? name->second : std::string(1, c);
  }
  return out;
}

std::string json_string(std::string_view text) {
  const std::string quoted = nlohmann::json(text).dump();
  return quoted.substr(1, quoted.size() - 2);
}

std::string json_ascii(std::string_view text) {
  const std::string quoted = nlohmann::json(text).dump(-1, ' ', true);
  std::string out;
  for (const char c : quoted.substr(1, quoted.size() - 2)) {
    out += c == '/' ? "\\/" : c == '<' ? "\\u003c" : c == '&' ? "\\u0026" : std::string(1, c);
  }
  return out;
}

std::string hex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += digits(static_cast<unsigned char>(c), 16, 2);
  }
  return out;
}

/// Random words and texts, and random ways to write them. The same for the same seed.
class Generator {
public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }

  Letter letter() {
    static const std::vector<Letter> wide = {{"ä", 0xE4}, {"ß", 0xDF}, {"€", 0x20AC}, {"語", 0x8A9E}, {"😀", 0x1F600}};
    if (below(8) == 0) {
      return wide[below(wide.size())];
    }
    const auto code = static_cast<unsigned>(0x20 + below(0x5F));
    return {std::string(1, static_cast<char>(code)), code};
  }

  /// Without a blank at its ends.
  Word secret() {
    Word word(8 + below(24));
    for (Letter& each : word) {
      each = letter();
    }
    word.front() = {"s", 's'};
    word.back() = {"!", '!'};
    return word;
  }

  std::string text() {
    std::string out;
    for (std::size_t i = below(40); i > 0; --i) {
      out += below(4) == 0 ? std::string(1, R"(%\&+;#xu/="{}…)"[below(14)]) : letter().utf8;
    }
    return out;
  }

  /// One of the ways in which servers write a character.
  std::string written(const Letter& letter) {
    static const std::map<std::string, std::string> names = {
        {"&", "&amp;"}, {"<", "&lt;"}, {"\"", "&quot;"}, {"/", "&sol;"}, {" ", "+"}, {"ä", "&auml;"}, {"+", "&plus;"}};
    const bool is_ascii = letter.code < 0x80;
    switch (below(10)) {
      case 0:
        return percent_encoded(letter.utf8);
      case 1:
        return utf16(letter.code);
      case 2:
        return "\\u{" + digits(letter.code, 16, 1, true) + "}";
      case 3:
        return "&#" + digits(letter.code, 10) + ";";
      case 4:
        return "&#x" + digits(letter.code, 16) + ";";
      case 5:
        return is_ascii ? "\\x" + digits(letter.code, 16, 2) : letter.utf8;
      case 6:
        return is_ascii && std::ispunct(static_cast<int>(letter.code)) != 0 ? "\\" + letter.utf8 : letter.utf8;
      case 7:
        return is_ascii ? "\\" + digits(letter.code, 8, 3) : letter.utf8;
      case 8:
        return names.contains(letter.utf8) ? names.at(letter.utf8) : letter.utf8;
      default:
        return letter.utf8;
    }
  }

private:
  std::mt19937 random_;
};

TEST(RedactionEncodings, HidesASecretInAnyMixtureOfEncodings) {
  for (unsigned seed = 0; seed < 5000; ++seed) {
    Generator generator(seed);
    const Word secret = generator.secret();
    const Redaction hidden{Secret(std::string_view(raw(secret)))};
    std::string written;
    for (const Letter& letter : secret) {
      written += generator.written(letter);
    }
    const std::string before = generator.text() + " ";
    const std::string after = " " + generator.text();
    ASSERT_EQ(redacted(before + written + after), before + "***" + after)
        << "seed " << seed << ": " << raw(secret) << " written as " << written;
  }
}

TEST(RedactionEncodings, HidesASecretInAnEncodingOfAnEncoding) {
  using Encoder = std::function<std::string(std::string_view)>;
  const auto for_a_terminal = [](std::string_view text) { return escape(text, 100'000); };
  const std::map<std::string, Encoder> encoders = {
      {"percent", percent_encoded}, {"form", percent_form}, {"html", html_escaped},      {"json", json_string},
      {"ascii json", json_ascii},   {"hex", hex},           {"escape()", for_a_terminal}};
  for (unsigned seed = 0; seed < 200; ++seed) {
    Generator generator(seed);
    const std::string secret = raw(generator.secret());
    const Redaction hidden{Secret(std::string_view(secret))};
    for (const auto& [inner, encode] : encoders) {
      for (const auto& [outer, encode_again] : encoders) {
        const std::string written = encode_again(encode(secret));
        ASSERT_EQ(redacted("said: " + written + " so"), "said: *** so")
            << "seed " << seed << ": " << outer << " of " << inner << " of " << secret << ": " << written;
        ASSERT_EQ(redacted("said: " + for_a_terminal(written) + " so"), "said: *** so")
            << "seed " << seed << ": escape() of " << outer << " of " << inner << " of " << secret;
      }
    }
  }
}

TEST(RedactionEncodings, HidesBase64ThatIsEncodedAgain) {
  const std::string secret = "\xff\xfe?>?>~~canary";
  const Redaction hidden{Secret(std::string_view(secret))};
  for (const std::string user : {"", "u", "us", "user:"}) {
    const std::string word = base64(user + secret);
    for (const std::string& written : {percent_form(word), json_ascii(word), html_escaped(word), hex(word)}) {
      EXPECT_EQ(redacted("Basic " + written + " so"), "Basic *** so") << written;
    }
  }
}

TEST(RedactionEncodings, HidesTheBeginningOfAnEncodedSecretThatWasCut) {
  const std::string secret = "p&ss \"w/rd\" <canary>";
  const Redaction hidden{Secret(std::string_view(secret))};
  for (const std::string& written : {percent_encoded(secret), html_escaped(secret), json_ascii(secret)}) {
    for (std::size_t length = 24; length < written.size(); ++length) {
      EXPECT_EQ(redacted("said: " + written.substr(0, length) + "…"), "said: ***…");
    }
  }
}

TEST(RedactionEncodings, HidesTheBeginningOfHexadecimalDigitsThatWereCut) {
  const std::string secret = "ghp_AbCdEf0123456789xyz";
  const Redaction hidden{Secret(std::string_view(secret))};
  for (const std::string& written : {hex(secret), "a" + hex(secret), percent_encoded(hex(secret)), hex(hex(secret)),
                                     hex(percent_encoded(secret)), html_escaped(hex("&") + hex(secret))}) {
    for (std::size_t length = 40; length < written.size(); ++length) {
      const std::string text = redacted("said: " + written.substr(0, length) + "…");
      EXPECT_LE(text.size(), std::string("said: a26***…").size()) << written << " cut at " << length << ": " << text;
    }
  }
}

TEST(RedactionEncodings, HidesASecretInAnotherCharacterSet) {
  const Redaction in_utf8{Secret(std::string_view("p\xC3\xA4sswort-geheim-1"))};
  const Redaction in_latin1{Secret(std::string_view("p\xE4sswort-latin-1"))};
  for (const std::string_view text :
       {"p\xC3\x83\xC2\xA4sswort-geheim-1", "p\\u00c3\\u00a4sswort-geheim-1", "p&Atilde;&curren;sswort-geheim-1",
        "p\xE4sswort-geheim-1", "p\\xE4sswort-geheim-1", "p%E4sswort-geheim-1", "p&#195;&#164;sswort-geheim-1",
        "p\\u00e4sswort-latin-1", "p&auml;sswort-latin-1", "p\xC3\xA4sswort-latin-1", "p%C3%A4sswort-latin-1"}) {
    EXPECT_EQ(redacted(text), "***") << text;
  }
  EXPECT_EQ(redacted("Basic " + base64("u:p\xE4sswort-geheim-1")), "Basic ***");
  EXPECT_EQ(redacted("Basic " + base64("u:p\xC3\xA4sswort-latin-1")), "Basic ***");
}

TEST(RedactionEncodings, HidesEntitiesWithoutTheirEnd) {
  const Redaction hidden{Secret(std::string_view("pa\"ss\\wo'rd<x>&y z"))};
  EXPECT_EQ(redacted("a pa&quotss\\wo&#39rd&ltx&gt&ampy z b"), "a *** b");
  EXPECT_EQ(redacted("a pa&quotss\\wo&#x27;rd&LTx&gt;&ampy z b"), "a *** b");
}

TEST(RedactionEncodings, LeavesTextWithoutASecretAsItIs) {
  std::vector<Redaction> hidden;
  for (unsigned seed = 0; seed < 200; ++seed) {
    hidden.emplace_back(Secret(std::string_view(raw(Generator(seed).secret()))));
  }
  for (unsigned seed = 1000; seed < 3000; ++seed) {
    Generator generator(seed);
    std::string text = generator.text() + hex(generator.text());
    for (const Letter& letter : generator.secret()) {
      text += generator.written(letter);
    }
    ASSERT_EQ(redacted(text), text) << "seed " << seed;
  }
}

}  // namespace
}  // namespace adapter::log
