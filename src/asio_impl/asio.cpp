// SPDX-License-Identifier: Apache-2.0
#include <asio/impl/src.hpp>
