#include "model/onnx/external_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "model/error.h"

namespace fibflow::model {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  void become(int number) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

 private:
  int number_;
};

}  // namespace

std::string ExternalFiles::read(const std::string& location, std::int64_t offset, std::int64_t bytes) {
  const std::filesystem::path relative(location);
  const auto refuse = [&](const std::string& why) -> void {
    throw ModelError("its external data file '" + (folder_ / relative).string() + "' " + why);
  };
  // ONNX: external data are relative to the model, and inside its folder.
  if (location.empty() || relative.is_absolute() || std::ranges::find(relative, "..") != relative.end())
    throw ModelError("its external data lie outside the model's folder: '" + location + "'");
  Descriptor file(::open(folder_.empty() ? "." : folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (auto part = relative.begin(); file.number() >= 0 && part != relative.end(); ++part) {
    const bool last = std::next(part) == relative.end();
    const int how = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
    file.become(::openat(file.number(), part->c_str(), how | O_NOFOLLOW | O_CLOEXEC));
  }
  if (file.number() < 0)
    refuse(errno == ELOOP ? "is a link, which is not followed: put the file itself there"
                          : std::string("cannot be opened: ") + std::strerror(errno));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) refuse("is no regular file");
  if (offset > status.st_size - bytes) refuse("is too short");
  if (bytes > status.st_size - read_[location]) refuse("is named more often than it has data");
  read_[location] += bytes;
  std::string data(static_cast<std::size_t>(bytes), '\0');
  for (std::int64_t done = 0; done < bytes;) {
    const ssize_t got = ::pread(file.number(), data.data() + done, static_cast<std::size_t>(bytes - done),
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) refuse("cannot be read");
    done += got;
  }
  return data;
}

}  // namespace fibflow::model
