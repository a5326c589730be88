// SPDX-License-Identifier: Apache-2.0
#include "unsynced_files.hpp"

#include <fcntl.h>

#include <cerrno>
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

void UnsyncedFiles::note_name(const std::string& path) {
  names_.insert(path);
  lost_names_.erase(path);
}

void UnsyncedFiles::note_bytes(const std::string& path) {
  bytes_.insert(path);
}

/// A failed sync loses what a good one would have made durable.
void UnsyncedFiles::see_sync(const FileCall& call) {
  const bool everything = call.name == "syncfs";
  const auto take = [&](std::set<std::string>& paths, std::set<std::string>& lost, bool names) {
    std::erase_if(paths, [&](const std::string& path) {
      const bool covered = everything || (names ? parent_of(path) : path) == call.path;
      if (covered && call.error != 0) {
        lost.insert(path);
      }
      return covered;
    });
  };
  take(bytes_, lost_bytes_, false);
  take(names_, lost_names_, true);
}

void UnsyncedFiles::see_removal(const std::string& path) {
  for (std::set<std::string>* const paths : {&bytes_, &names_, &lost_bytes_, &lost_names_}) {
    erase_at_or_below(*paths, path);
  }
  note_name(path);
}

/// A rename or an exchange.
void UnsyncedFiles::see_move(const FileCall& call) {
  const bool exchanged = call.name == "exchange";
  for (std::set<std::string>* const paths : {&bytes_, &names_, &lost_bytes_, &lost_names_}) {
    if (!exchanged) {
      erase_at_or_below(*paths, call.to);
    }
    replace_all(*paths, [&](const std::string& path) {
      if (is_at_or_below(path, call.path)) {
        return call.to + path.substr(call.path.size());
      }
      return exchanged && is_at_or_below(path, call.to) ? call.path + path.substr(call.to.size()) : path;
    });
  }
  note_name(call.path);
  note_name(call.to);
}

void UnsyncedFiles::see(const FileCall& call) {
  const std::string& name = call.name;
  if (name == "fsync" || name == "fdatasync" || name == "syncfs") {
    if (call.error != ENOSYS && call.error != EINVAL) {
      see_sync(call);
    }
  } else if (call.error != 0) {
    return;
  } else if (name == "open") {
    if (call.creates) {
      note_name(call.path);
    }
    if (call.creates || (call.flags & O_TRUNC) != 0) {
      note_bytes(call.path);
      lost_bytes_.erase(call.path);
    }
  } else if (name == "write") {
    note_bytes(call.path);
  } else if (name == "mkdir" || name == "symlink") {
    note_name(call.path);
  } else if (name == "link") {
    note_name(call.to);
    if (bytes_.contains(call.path)) {
      note_bytes(call.to);
    }
    if (lost_bytes_.contains(call.path)) {
      lost_bytes_.insert(call.to);
    }
  } else if (name == "unlink" || name == "rmdir") {
    see_removal(call.path);
  } else if (name == "rename" || name == "exchange") {
    see_move(call);
  }
}

std::vector<std::string> UnsyncedFiles::below(const std::string& root) const {
  std::vector<std::string> lines;
  const auto add = [&](const char* what, const std::set<std::string>& paths) {
    for (const std::string& path : paths) {
      if (is_at_or_below(path, root) && path.size() > root.size()) {
        lines.push_back(what + without_random(path.substr(root.size() + 1)));
      }
    }
  };
  add("bytes ", bytes_);
  add("name ", names_);
  add("lost bytes ", lost_bytes_);
  add("lost name ", lost_names_);
  return lines;
}

std::string without_random(const std::string& path) {
  static const std::regex random("-[0-9a-f]{16}");
  return std::regex_replace(path, random, "-*");
}

}  // namespace adapter::testing
