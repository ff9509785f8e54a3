// Preloaded into a program, kills it at a chosen change of the file system, as a power switch that knows where it
// hurts. FIBFLOW_KILL_AT=N: at the N-th call that creates, writes, syncs, names or removes a file; where that is a
// write, half of it still happens. FIBFLOW_COUNT_TO=FILE: writes down how many there were when the program ends.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "tests/system/counted_calls.h"

namespace {

CountedCalls calls;

long wanted() {
  static const long number = number_in_environment("FIBFLOW_KILL_AT");
  return number;
}

bool is_the_one() {
  return ++calls.number == wanted();
}

[[noreturn]] void die() {
  for (;;) raise(SIGKILL);
}

void die_if_it_is_time() {
  if (is_the_one()) die();
}

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define PASS_ON(name, ...)                                 \
  static const auto next = real<decltype(&::name)>(#name); \
  return next(__VA_ARGS__)

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (descriptor > STDERR_FILENO && is_the_one()) {
    next(descriptor, bytes, count / 2);
    die();
  }
  return next(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  if (is_the_one()) {
    next(descriptor, bytes, count / 2, at);
    die();
  }
  return next(descriptor, bytes, count, at);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t at) {
  return pwrite(descriptor, bytes, count, at);
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (descriptor > STDERR_FILENO) die_if_it_is_time();
  PASS_ON(writev, descriptor, parts, count);
}

int fsync(int descriptor) {
  die_if_it_is_time();
  PASS_ON(fsync, descriptor);
}

int fdatasync(int descriptor) {
  die_if_it_is_time();
  PASS_ON(fdatasync, descriptor);
}

int ftruncate(int descriptor, off_t size) noexcept {
  die_if_it_is_time();
  PASS_ON(ftruncate, descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  die_if_it_is_time();
  PASS_ON(ftruncate64, descriptor, size);
}

int rename(const char* from, const char* to) noexcept {
  die_if_it_is_time();
  PASS_ON(rename, from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  die_if_it_is_time();
  PASS_ON(renameat2, from_folder, from, to_folder, to, flags);
}

int link(const char* from, const char* to) noexcept {
  die_if_it_is_time();
  PASS_ON(link, from, to);
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  die_if_it_is_time();
  PASS_ON(linkat, from_folder, from, to_folder, to, flags);
}

int unlink(const char* path) noexcept {
  die_if_it_is_time();
  PASS_ON(unlink, path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  die_if_it_is_time();
  PASS_ON(mkdir, path, mode);
}

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if ((flags & O_CREAT) != 0) die_if_it_is_time();
  PASS_ON(open, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if ((flags & O_CREAT) != 0) die_if_it_is_time();
  PASS_ON(open64, path, flags, mode);
}

}  // extern "C"
