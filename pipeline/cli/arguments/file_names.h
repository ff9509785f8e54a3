#pragma once

#include <string>
#include <vector>

namespace fibflow::cli {

/// Throws io::Error (cannot_create) if a file exists and may not be overwritten.
void require_free(const std::string& path, bool overwrite);

/// Throws std::invalid_argument if two files that are to be written are one, or one of them is read: that it may be
/// overwritten does not mean that. Empty names are no files.
void require_apart(const std::vector<std::string>& written, const std::vector<std::string>& read);

/// Throws std::invalid_argument if an output would be taken for a slice of the folder that is read, the next time.
void require_not_among_slices(const std::string& path, const std::string& folder);

/// Throws std::invalid_argument if a name has not the ending of a stack that can be written, or of another kind of file
/// (".onnx"). Empty names, and what is there and no regular file (/dev/null), pass.
void require_stack_ending(const std::string& path);
void require_ending(const std::string& path, const std::string& ending);

/// Throws io::Error (cannot_create) if a file cannot be made, so that it shows before any work. Empty: no file.
void require_makeable(const std::string& path);

}  // namespace fibflow::cli
