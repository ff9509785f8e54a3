#include "io/tiff/tiff_sink.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <new>

namespace fibflow::io {
namespace {

tmsize_t sink_read(thandle_t handle, void* buffer, tmsize_t bytes) {
  return static_cast<tmsize_t>(static_cast<TiffSink*>(handle)->read(buffer, static_cast<std::size_t>(bytes)));
}

tmsize_t sink_write(thandle_t handle, void* buffer, tmsize_t bytes) {
  auto& sink = *static_cast<TiffSink*>(handle);
  tmsize_t done = 0;
  // After the first failure nothing more goes to the disk: the file is lost anyway.
  while (done < bytes && sink.failure == 0) {
    const ssize_t put = ::pwrite(sink.descriptor, static_cast<const char*>(buffer) + done,
                                 static_cast<std::size_t>(bytes - done), static_cast<off_t>(sink.position));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      sink.failure = errno;
      break;
    }
    sink.position += static_cast<std::uint64_t>(put);
    done += put;
  }
  sink.end = std::max(sink.end, sink.position);
  return done;
}

toff_t sink_seek(thandle_t handle, toff_t offset, int whence) {
  auto& sink = *static_cast<TiffSink*>(handle);
  if (whence == SEEK_SET) sink.position = offset;
  if (whence == SEEK_CUR) sink.position += offset;
  if (whence == SEEK_END) sink.position = sink.end + offset;
  return sink.position;
}

int sink_close(thandle_t) {
  return 0;
}
toff_t sink_size(thandle_t handle) {
  return static_cast<TiffSink*>(handle)->end;
}

int keep_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& sink = *static_cast<TiffSink*>(user);
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  if (sink.error.empty()) sink.error = text.data();
  return 1;
}

int drop_warning(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

}  // namespace

std::size_t TiffSink::read(void* buffer, std::size_t bytes) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(descriptor, static_cast<char*>(buffer) + done, bytes - done, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && failure == 0) failure = errno;
    if (got <= 0) break;
    position += static_cast<std::uint64_t>(got);
    done += static_cast<std::size_t>(got);
  }
  return done;
}

TIFF* TiffSink::open(const std::string& name, const char* mode) {
  TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
  if (options == nullptr) throw std::bad_alloc();
  TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, this);
  TIFFOpenOptionsSetWarningHandlerExtR(options, drop_warning, this);
  TIFF* tiff = TIFFClientOpenExt(name.c_str(), mode, this, sink_read, sink_write, sink_seek, sink_close,
                                 sink_size, nullptr, nullptr, options);
  TIFFOpenOptionsFree(options);
  return tiff;
}

}  // namespace fibflow::io
