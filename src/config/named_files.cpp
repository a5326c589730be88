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

/// The nearest folder or file above `directory`, itself included, that is there; "/" for none.
std::filesystem::path nearest_existing(const std::filesystem::path& directory) {
  struct stat info{};
  std::filesystem::path path = directory;
  while (path.has_relative_path() && ::stat(path.c_str(), &info) != 0) {
    path = path.parent_path();
  }
  return path;
}

/// What keeps a folder from being there or from being made, as an error, or this process from writing to it, as a
/// warning; nullopt: nothing does.
std::optional<Finding> check_directory(Finding finding, const std::filesystem::path& directory) {
  const std::filesystem::path there = nearest_existing(directory);
  struct stat info{};
  if (::stat(there.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
    finding.rule = "not-a-folder";
    finding.message = "cannot use " + escape(directory.native(), 1024) + ": " + escape(there.native(), 1024) +
                      " is not a folder; correct the path";
    return finding;
  }
  if (::faccessat(AT_FDCWD, there.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    finding.rule = "unwritable-folder";
    finding.message =
        storage_error(errno, there == directory ? "write to" : "make a folder in", there.native()).text() +
        "; let the user that runs adapter write there";
    finding.warning = true;
    return finding;
  }
  return std::nullopt;
}

/// A variable whose secret `looks` finds unusable or odd.
std::optional<Finding> check_variable(Finding finding, const std::string& variable, const Looks& looks) {
  const ContentFault fault = looks.secret_variable ? looks.secret_variable(variable) : ContentFault{};
  if (fault.text.empty()) {
    return std::nullopt;
  }
  finding.rule = "odd-secret";
  finding.message = fault.text;
  finding.warning = true;
  return finding;
}

bool is_admin_token(const NamedFile& named) {
  return named.place.key == "admin.token_file" || named.place.key == "ADAPTER_ADMIN_TOKEN_FILE";
}

/// The finding about one file; nothing when all is well.
std::optional<Finding> check(const NamedFile& named, const Looks& looks, bool admin_is_open) {
  Finding finding = named.place;
  if (named.kind == NamedFile::Kind::directory) {
    return check_directory(std::move(finding), named.file);
  }
  if (named.kind == NamedFile::Kind::secret_variable) {
    return check_variable(std::move(finding), named.file.native(), looks);
  }
  finding.warning = true;
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
