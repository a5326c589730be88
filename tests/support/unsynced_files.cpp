// SPDX-License-Identifier: Apache-2.0
#include "unsynced_files.hpp"

#include <fcntl.h>

#include <functional>
#include <regex>

namespace adapter::testing {
namespace {

bool is_at_or_below(const std::string& path, const std::string& root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

void erase_at_or_below(std::set<std::string>& paths, const std::string& root) {
  std::erase_if(paths, [&](const std::string& path) { return is_at_or_below(path, root); });
}

/// Each path goes where `place_of` says.
void replace_all(std::set<std::string>& paths, const std::function<std::string(const std::string&)>& place_of) {
  std::set<std::string> moved;
  for (const std::string& path : paths) {
    moved.insert(place_of(path));
  }
  paths = std::move(moved);
}

}  // namespace

void UnsyncedFiles::see(const FileCall& call) {
  if (call.error != 0) {
    return;
  }
  const std::string& name = call.name;
  if (name == "open") {
    if (call.creates) {
      names_.insert(call.path);
    }
    if (call.creates || (call.flags & O_TRUNC) != 0) {
      bytes_.insert(call.path);
    }
  } else if (name == "write") {
    bytes_.insert(call.path);
  } else if (name == "mkdir" || name == "symlink") {
    names_.insert(call.path);
  } else if (name == "link") {
    names_.insert(call.to);
  } else if (name == "unlink" || name == "rmdir") {
    erase_at_or_below(bytes_, call.path);
    erase_at_or_below(names_, call.path);
    names_.insert(call.path);
  } else if (name == "rename") {
    for (std::set<std::string>* const paths : {&bytes_, &names_}) {
      erase_at_or_below(*paths, call.to);
      replace_all(*paths, [&](const std::string& path) {
        return is_at_or_below(path, call.path) ? call.to + path.substr(call.path.size()) : path;
      });
    }
    names_.insert(call.path);
    names_.insert(call.to);
  } else if (name == "exchange") {
    for (std::set<std::string>* const paths : {&bytes_, &names_}) {
      replace_all(*paths, [&](const std::string& path) {
        if (is_at_or_below(path, call.path)) {
          return call.to + path.substr(call.path.size());
        }
        return is_at_or_below(path, call.to) ? call.path + path.substr(call.to.size()) : path;
      });
    }
    names_.insert(call.path);
    names_.insert(call.to);
  } else if (name == "fsync" || name == "fdatasync") {
    bytes_.erase(call.path);
    std::erase_if(names_, [&](const std::string& path) { return parent_of(path) == call.path; });
  } else if (name == "syncfs") {
    bytes_.clear();
    names_.clear();
  }
}

std::vector<std::string> UnsyncedFiles::below(const std::string& root) const {
  std::vector<std::string> lines;
  for (const std::string& path : bytes_) {
    if (is_at_or_below(path, root)) {
      lines.push_back("bytes " + without_random(path.substr(root.size() + 1)));
    }
  }
  for (const std::string& path : names_) {
    if (is_at_or_below(path, root) && path.size() > root.size()) {
      lines.push_back("name " + without_random(path.substr(root.size() + 1)));
    }
  }
  return lines;
}

std::string without_random(const std::string& path) {
  static const std::regex random("-[0-9a-f]{16}");
  return std::regex_replace(path, random, "-*");
}

}  // namespace adapter::testing
