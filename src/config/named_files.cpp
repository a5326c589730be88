// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "adapter/base/file.hpp"
#include "adapter/base/text.hpp"
#include "adapter/config/checks.hpp"

namespace adapter::config {
namespace {

/// What keeps this process from reading the file; empty: nothing does.
std::string fault_of(const std::filesystem::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    const int failure = errno;
    const std::string text = storage_error(failure, "read", file.native()).text();
    return failure == ENOENT ? text + "; make the file, or correct the path" : text;
  }
  if (!S_ISREG(info.st_mode)) {
    try {
      static_cast<void>(read_file(file, 0));  // says what it is, without reading it
    } catch (const Error& error) {
      return error.text();
    }
  }
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0) {
    return storage_error(errno, "read", file.native()).text() + "; let the user that runs adapter read it";
  }
  return {};
}

/// What keeps a folder from being there or from being made; empty: nothing does.
std::string fault_of_directory(const std::filesystem::path& directory) {
  for (std::filesystem::path path = directory; path.has_relative_path(); path = path.parent_path()) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) {
      return S_ISDIR(info.st_mode) ? std::string()
                                   : "cannot use " + escape(directory.native(), 1024) + ": " +
                                         escape(path.native(), 1024) + " is not a folder; correct the path";
    }
  }
  return {};
}

bool is_admin_token(const NamedFile& named) {
  return named.place.key == "admin.token_file" || named.place.key == "ADAPTER_ADMIN_TOKEN_FILE";
}

/// The finding about one file; nothing when all is well.
std::optional<Finding> check(const NamedFile& named, const Looks& looks, bool admin_is_open) {
  Finding finding = named.place;
  finding.warning = true;
  if (named.kind == NamedFile::Kind::directory) {
    finding.rule = "not-a-folder";
    finding.message = fault_of_directory(named.file);
    finding.warning = false;
    return finding.message.empty() ? std::nullopt : std::optional(std::move(finding));
  }
  const bool needed_at_start = admin_is_open && is_admin_token(named);
  finding.message = fault_of(named.file);
  if (!finding.message.empty()) {
    finding.rule = "unreadable-file";
    finding.message += needed_at_start ? "; without it the daemon does not start" : "";
    return finding;
  }
  const bool is_secret = named.kind == NamedFile::Kind::secret;
  const ContentFault fault = is_secret ? looks.secret(named.file) : looks.certificates(named.file);
  if (fault.text.empty()) {
    return std::nullopt;
  }
  finding.rule = is_secret ? "odd-secret" : "no-certificate";
  finding.message = fault.text;
  finding.warning = !fault.unusable || (is_secret && !needed_at_start);
  return finding;
}

}  // namespace

std::vector<Finding> check_named_files(const std::vector<NamedFile>& files, const Looks& looks, bool admin_is_open) {
  std::vector<Finding> findings;
  for (const NamedFile& named : files) {
    if (auto finding = check(named, looks, admin_is_open)) {
      findings.push_back(std::move(*finding));
    }
  }
  return findings;
}

}  // namespace adapter::config
