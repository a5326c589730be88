// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "options.hpp"

namespace adapter::app {

/// One function a command; each returns the exit code and throws nothing but bugs. Main thread.
int run_command(const Options& options);
int once_command(const Options& options);
int validate_command(const Options& options);
int status_command(const Options& options);
int sync_command(const Options& options);
int prune_command(const Options& options);
int health_command(const Options& options);
int ls_remote_command(const Options& options);
int info_command(const Options& options);

}  // namespace adapter::app
