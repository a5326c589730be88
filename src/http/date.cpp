// SPDX-License-Identifier: Apache-2.0
#include "date.hpp"

#include <array>

namespace adapter::http {
namespace {

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};

// Takes fixed pieces off the front of a text; once one does not fit, nothing fits any more.
class Scanner {
public:
  explicit Scanner(std::string_view text) noexcept : rest_(text) {}

  void literal(std::string_view expected) noexcept {
    if (!rest_.starts_with(expected)) {
      fail();
      return;
    }
    rest_.remove_prefix(expected.size());
  }

  [[nodiscard]] int number(std::size_t digits, bool space_padded = false) noexcept {
    if (rest_.size() < digits) {
      fail();
      return 0;
    }
    int value = 0;
    for (std::size_t at = 0; at < digits; ++at) {
      const char c = rest_[at];
      if (space_padded && at == 0 && c == ' ') {
        continue;
      }
      if (c < '0' || c > '9') {
        fail();
        return 0;
      }
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }

  [[nodiscard]] unsigned month() noexcept {
    for (unsigned at = 0; at < months.size(); ++at) {
      if (rest_.starts_with(months[at])) {
        rest_.remove_prefix(3);
        return at + 1;
      }
    }
    fail();
    return 0;
  }

  void day_name(bool whole) noexcept {
    for (const auto name : days) {
      const auto expected = whole ? name : name.substr(0, 3);
      if (rest_.starts_with(expected)) {
        rest_.remove_prefix(expected.size());
        return;
      }
    }
    fail();
  }

  [[nodiscard]] bool finished() const noexcept { return good_ && rest_.empty(); }
  [[nodiscard]] bool good() const noexcept { return good_; }

private:
  void fail() noexcept {
    good_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool good_ = true;
};

struct DateFields {
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

void scan_time(Scanner& scanner, DateFields& fields) noexcept {
  fields.hour = scanner.number(2);
  scanner.literal(":");
  fields.minute = scanner.number(2);
  scanner.literal(":");
  fields.second = scanner.number(2);
}

// Sun, 06 Nov 1994 08:49:37 GMT
std::optional<DateFields> scan_imf(std::string_view text) noexcept {
  Scanner scanner(text);
  DateFields fields;
  scanner.day_name(false);
  scanner.literal(", ");
  fields.day = scanner.number(2);
  scanner.literal(" ");
  fields.month = scanner.month();
  scanner.literal(" ");
  fields.year = scanner.number(4);
  scanner.literal(" ");
  scan_time(scanner, fields);
  scanner.literal(" GMT");
  return scanner.finished() ? std::optional(fields) : std::nullopt;
}

// Sunday, 06-Nov-94 08:49:37 GMT
std::optional<DateFields> scan_rfc850(std::string_view text, int this_year) noexcept {
  Scanner scanner(text);
  DateFields fields;
  scanner.day_name(true);
  scanner.literal(", ");
  fields.day = scanner.number(2);
  scanner.literal("-");
  fields.month = scanner.month();
  scanner.literal("-");
  fields.year = this_year / 100 * 100 + scanner.number(2);
  scanner.literal(" ");
  scan_time(scanner, fields);
  scanner.literal(" GMT");
  if (fields.year > this_year + 50) {
    fields.year -= 100;
  }
  return scanner.finished() ? std::optional(fields) : std::nullopt;
}

// Sun Nov  6 08:49:37 1994
std::optional<DateFields> scan_asctime(std::string_view text) noexcept {
  Scanner scanner(text);
  DateFields fields;
  scanner.day_name(false);
  scanner.literal(" ");
  fields.month = scanner.month();
  scanner.literal(" ");
  fields.day = scanner.number(2, true);
  scanner.literal(" ");
  scan_time(scanner, fields);
  scanner.literal(" ");
  fields.year = scanner.number(4);
  return scanner.finished() ? std::optional(fields) : std::nullopt;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_date(std::string_view text,
                                                   std::chrono::system_clock::time_point now) noexcept {
  namespace chrono = std::chrono;
  const chrono::year_month_day today(chrono::floor<chrono::days>(now));
  auto fields = scan_imf(text);
  if (!fields) {
    fields = scan_rfc850(text, static_cast<int>(today.year()));
  }
  if (!fields) {
    fields = scan_asctime(text);
  }
  if (!fields || fields->hour > 23 || fields->minute > 59 || fields->second > 60) {
    return std::nullopt;
  }
  const chrono::year_month_day date(chrono::year(fields->year), chrono::month(fields->month),
                                    chrono::day(static_cast<unsigned>(fields->day)));
  if (!date.ok()) {
    return std::nullopt;
  }
  return chrono::sys_days(date) + chrono::hours(fields->hour) + chrono::minutes(fields->minute) +
         chrono::seconds(fields->second);
}

}  // namespace adapter::http
