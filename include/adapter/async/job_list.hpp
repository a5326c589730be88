// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <vector>

namespace adapter::async {

/// A job that a worker runs now.
struct RunningJob {
  std::string owner;  ///< the repository, empty for a job without one
  std::string step;   ///< "make the tree durable"
  std::chrono::steady_clock::time_point since;
};

/// The jobs that run now, for a stop that cannot wait for all of them. Any thread.
class JobList {
  struct Record;

public:
  /// Lists a job of this thread for as long as it lives. The list outlives it.
  class Entry {
  public:
    Entry(JobList& list, std::string owner, const char* step);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

  private:
    JobList& list_;
    std::list<Record>::iterator place_;
    Record* outer_;
  };

  JobList();
  ~JobList();
  JobList(const JobList&) = delete;
  JobList& operator=(const JobList&) = delete;

  [[nodiscard]] std::vector<RunningJob> running() const;  ///< the longest first

private:
  friend class JobStep;

  mutable std::mutex mutex_;
  std::list<Record> records_;
};

/// Says what the job of this thread does, for as long as it lives; without a job it has no effect. `step` is a literal.
class JobStep {
public:
  explicit JobStep(const char* step) noexcept;
  ~JobStep();
  JobStep(const JobStep&) = delete;
  JobStep& operator=(const JobStep&) = delete;

private:
  JobList::Record* record_;
  const char* outer_ = nullptr;
};

}  // namespace adapter::async
