// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace adapter::sync {

/// Lets a pointer lead to an object of a coroutine, and to nothing when its scope ends.
template <class T>
class ScopedPointer {
public:
  ScopedPointer(T*& pointer, T& object) : pointer_(pointer) { pointer_ = &object; }
  ~ScopedPointer() { pointer_ = nullptr; }
  ScopedPointer(const ScopedPointer&) = delete;
  ScopedPointer& operator=(const ScopedPointer&) = delete;

private:
  T*& pointer_;
};

}  // namespace adapter::sync
