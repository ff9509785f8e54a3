#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "io/samples/stored_samples.h"
#include "io/stack.h"

namespace fibflow::io {

/// A file with one slice in a picture's format, which is decoded as a whole: what is the same for all such formats. One says in
/// its constructor what the header has, and decodes. What a microscope put beside the file counts, see
/// io/metadata/microscope.h.
class PictureStack : public Stack {
 public:
  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return {info_.path}; }
  Slice read(std::int64_t z) override;

 protected:
  explicit PictureStack(const std::string& path) { info_.path = path; }

  /// The beginning of the file, at most so many bytes. Throws Error: missing if there is no such file, bad_data if it is no
  /// regular one.
  std::string require_head(std::size_t bytes) const;

  /// What the header says. Throws Error (bad_data) if the chosen channel is not there.
  void describe(const char* format, const char* compression, int height, int width, const SampleForm& form,
                const OpenOptions& options);

  const SampleForm& form() const { return conversion_.form; }
  [[noreturn]] void bad(const std::string& reason) const;

  StackInfo info_;

 private:
  /// Decodes the file's bytes into rows of form().row_bytes(width). Throws Error.
  virtual void decode(const std::string& bytes, std::byte* samples, std::size_t row) const = 0;

  SampleConversion conversion_;
};

}  // namespace fibflow::io
