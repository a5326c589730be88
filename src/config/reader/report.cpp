// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <tuple>

#include "adapter/base/text.hpp"

namespace adapter::config {

std::string Place::text() const {
  if (document == nullptr || document->name().empty()) {
    return path;
  }
  return escape(document->name(), 4096) + ":" + std::to_string(mark.line) + ":" +
         std::to_string(document->column(mark));
}

void Report::name_file(const Place& place, const std::filesystem::path& file, NamedFile::Kind kind) {
  NamedFile named;
  named.file = file;
  named.kind = kind;
  named.place.key = place.path;
  if (place.document != nullptr) {
    named.place.file = place.document->name();
    named.place.line = place.mark.line;
    named.place.column = place.document->column(place.mark);
  }
  named_files_.push_back(std::move(named));
}

void Report::add(Finding finding) {
  errors_ = errors_ || !finding.warning;
  if (findings_.size() >= max_findings) {
    ++left_out_;
    return;
  }
  findings_.push_back(std::move(finding));
}

void Report::add(const Place& place, std::string_view rule, std::string message, bool warning) {
  Finding finding;
  if (findings_.size() < max_findings && place.document != nullptr) {
    finding.file = place.document->name();
    finding.line = place.mark.line;
    finding.column = place.document->column(place.mark);
  }
  finding.rule = rule;
  finding.key = place.path;
  finding.message = std::move(message);
  finding.warning = warning;
  add(std::move(finding));
}

std::vector<Finding> Report::take() {
  const auto rank = [&](const Finding& finding) {
    return std::find(files_.begin(), files_.end(), finding.file) - files_.begin();
  };
  std::stable_sort(findings_.begin(), findings_.end(), [&](const Finding& left, const Finding& right) {
    return std::tuple(rank(left), left.line, left.column) < std::tuple(rank(right), right.line, right.column);
  });
  if (left_out_ != 0) {
    Finding more;
    more.rule = "too-many";
    more.file = files_.empty() ? "" : files_.front();
    more.warning = !errors_;
    more.message = std::to_string(left_out_) + " more findings are not listed";
    findings_.push_back(std::move(more));
  }
  return std::move(findings_);
}

}  // namespace adapter::config
