// SPDX-License-Identifier: Apache-2.0
#include "adapter/async/job_list.hpp"

#include <utility>

namespace adapter::async {

struct JobList::Record {
  Record(std::string job_owner, const char* job_step)
      : owner(std::move(job_owner)), step(job_step), since(std::chrono::steady_clock::now()) {}
  std::string owner;
  std::atomic<const char*> step;
  std::chrono::steady_clock::time_point since;
};

namespace {

/// The job of this thread, a JobList::Record; null between jobs.
thread_local void* current_job = nullptr;

}  // namespace

JobList::JobList() = default;
JobList::~JobList() = default;

JobList::Entry::Entry(JobList& list, std::string owner, const char* step)
    : list_(list), outer_(static_cast<Record*>(current_job)) {
  const std::lock_guard lock(list_.mutex_);
  place_ = list_.records_.emplace(list_.records_.end(), std::move(owner), step);
  current_job = &*place_;
}

JobList::Entry::~Entry() {
  const std::lock_guard lock(list_.mutex_);
  current_job = outer_;
  list_.records_.erase(place_);
}

std::vector<RunningJob> JobList::running() const {
  const std::lock_guard lock(mutex_);
  std::vector<RunningJob> jobs;
  jobs.reserve(records_.size());
  for (const Record& record : records_) {
    jobs.push_back({record.owner, record.step.load(), record.since});
  }
  return jobs;
}

JobStep::JobStep(const char* step) noexcept : record_(static_cast<JobList::Record*>(current_job)) {
  if (record_ != nullptr) {
    outer_ = record_->step.exchange(step);
  }
}

JobStep::~JobStep() {
  if (record_ != nullptr) {
    record_->step.store(outer_);
  }
}

}  // namespace adapter::async
