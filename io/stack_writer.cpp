#include "io/stack_writer.h"

#include <stdexcept>

namespace fibflow::io {

const char* name_of(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::deflate:
      return "deflate";
    case Compression::zstd:
      return "zstd";
  }
  throw std::logic_error("name_of: not a compression");
}

}  // namespace fibflow::io
