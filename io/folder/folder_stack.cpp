#include "io/folder/folder_stack.h"

#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/file_identity.h"
#include "io/folder/name_order.h"
#include "io/folder/natural_order.h"
#include "io/folder/slice_file.h"
#include "io/format.h"
#include "io/tiff/tiff_format.h"

namespace fibflow::io {
namespace {

namespace fs = std::filesystem;

std::string base_of(const std::string& file) {
  return fs::path(file).filename().string();
}

void refuse_same_numbers(const std::string& path, const std::vector<std::string>& files) {
  std::vector<std::pair<std::string, std::size_t>> named;
  for (std::size_t i = 0; i < files.size(); ++i) named.emplace_back(bare_name(files[i]), i);
  std::ranges::sort(named, [&](const auto& a, const auto& b) {
    const int order = natural_compare(a.first, b.first);
    return order != 0 ? order < 0 : files[a.second] < files[b.second];
  });
  for (std::size_t i = 1; i < named.size(); ++i) {
    if (natural_compare(named[i - 1].first, named[i].first) != 0) continue;
    throw Error(ErrorKind::bad_data, path,
                "two files have the same number: '" + base_of(files[named[i - 1].second]) + "' and '" +
                    base_of(files[named[i].second]) + "'");
  }
}

/// "cell/slice_[0-9][0-9].tif": where the files are, and their ending, which all of a series share if they can.
std::string glob_of(const NameSeries& series, const std::vector<std::string>& files) {
  const fs::path first(files.front());
  const std::string ending = base_of(files.front()).substr(bare_name(files.front()).size());
  const bool same = std::ranges::all_of(
      files, [&](const std::string& file) { return base_of(file).substr(bare_name(file).size()) == ending; });
  return (first.parent_path() / (series.glob + (same ? ending : ".*"))).string();
}

[[noreturn]] void refuse_series(const std::string& path, const std::vector<NameSeries>& series,
                                const std::vector<std::string>& files) {
  const std::string list = list_of(series, [&](const NameSeries& one) { return glob_of(one, files); });
  throw Error(ErrorKind::bad_data, path,
              "the files are no one stack, but " + std::to_string(series.size()) +
                  " series: name the one to be read: " + list +
                  "; or read all of them as slices of one stack with --order name");
}

std::int64_t modified(const std::string& file) {
  const auto identity = identify(file);
  return identity ? identity->modified_ns : 0;
}

/// A file that a pattern matches alone may hold many slices.
std::unique_ptr<Stack> open_one(const std::string& path, const OpenOptions& options) {
  const Format* format = format_by_ending(path);
  return (format != nullptr ? *format : tiff_format()).open(path, options);
}

std::unique_ptr<Stack> open_files(const std::string& path, std::vector<std::string> files,
                                  std::vector<std::string> remarks, const OpenOptions& options) {
  const FileOrder order = options.order;
  double z_spacing_nm = 0;
  std::ranges::sort(files, [](const std::string& a, const std::string& b) {
    const int result = natural_compare(bare_name(a), bare_name(b));
    return result != 0 ? result < 0 : a < b;
  });
  if (order == FileOrder::number) {
    refuse_same_numbers(path, files);
    std::vector<std::string> names;
    for (const std::string& file : files) names.push_back(bare_name(file));
    const NameReading reading = read_names(names);
    if (!reading.series.empty()) refuse_series(path, reading.series, files);
    std::vector<std::string> ordered;
    for (const std::size_t i : reading.stack.order) ordered.push_back(std::move(files[i]));
    files = std::move(ordered);
    remarks.insert(remarks.end(), reading.stack.remarks.begin(), reading.stack.remarks.end());
    z_spacing_nm = reading.stack.z_spacing_nm.value_or(0);
  } else if (order == FileOrder::time) {
    std::ranges::stable_sort(files, {}, modified);
    remarks.emplace_back("the slices are in the order in which their files were last changed");
  }
  return std::make_unique<FolderStack>(path, std::move(files), std::move(remarks), options, z_spacing_nm);
}

// Of a file while a folder is opened, measured: its name is held as it is, and taken apart to find the number in it.
constexpr std::size_t opening_bytes = 400;
constexpr std::size_t opening_copies = 4;

}  // namespace

FolderStack::FolderStack(std::string path, std::vector<std::string> files, std::vector<std::string> remarks,
                         const OpenOptions& options, double z_spacing_nm)
    : files_(std::move(files)), options_(options) {
  info_ = open_slice_file(files_.at(0), options_)->info();
  info_.path = std::move(path);
  info_.file_order = name_of(options.order);
  info_.format = "folder of " + info_.format + " slices";
  info_.depth = static_cast<std::int64_t>(files_.size());
  for (const std::string& file : files_) info_.index_bytes += opening_bytes + opening_copies * file.size();
  info_.remarks.insert(info_.remarks.begin(), remarks.begin(), remarks.end());
  if (info_.voxel_nm.z == 0 && z_spacing_nm > 0) {
    info_.voxel_nm.z = z_spacing_nm;
    info_.voxel_source += info_.voxel_source.empty() ? "z in the names" : ", z in the names";
  }
}

Slice FolderStack::read(std::int64_t z) {
  return read_region(z, {{0, info_.height}, {0, info_.width}});
}

Slice FolderStack::read_region(std::int64_t z, const Region& region) {
  require_inside(info_, region);
  if (z < 0 || z >= info_.depth) {
    throw std::out_of_range("FolderStack: slice " + std::to_string(z) + " of " + std::to_string(info_.depth));
  }
  const auto file = open_slice_file(files_[static_cast<std::size_t>(z)], options_);
  require_like_first(file->info());
  return file->read_region(0, region).at(z);
}

void FolderStack::require_readable(const Interval& slices) const {
  for (std::int64_t z = slices.begin; z < slices.end; ++z) {
    require_like_first(open_slice_file(files_.at(static_cast<std::size_t>(z)), options_)->info());
  }
}

void FolderStack::require_like_first(const StackInfo& info) const {
  const auto bad = [&](const std::string& reason) { throw Error(ErrorKind::bad_data, info.path, reason); };
  const std::string first = "of '" + base_of(files_[0]) + "'";
  if (info.height != info_.height || info.width != info_.width) {
    bad("has " + std::to_string(info.width) + " x " + std::to_string(info.height) +
        " voxels instead of the " + std::to_string(info_.width) + " x " + std::to_string(info_.height) + " " +
        first);
  }
  if (info.type != info_.type || info.zero != info_.zero) {
    bad(std::string("holds ") + name_of(info.type) + (info.zero != 0 ? " (signed)" : "") +
        " voxels instead of the " + name_of(info_.type) + (info_.zero != 0 ? " (signed) " : " ") + first);
  }
}

std::unique_ptr<Stack> open_folder(const std::string& path, const OpenOptions& options) {
  std::map<const Format*, std::vector<std::string>> found;
  std::size_t entries = 0;
  std::error_code code;
  fs::directory_iterator entry(path, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    const fs::path& file = entry->path();
    // Hidden files are the leftovers of systems and programs ("._slice_1.tif"), not slices.
    if (file.filename().string().starts_with('.') || file.filename().string() == options.marker) continue;
    ++entries;
    if (const Format* format = format_by_ending(file.string())) found[format].push_back(file.string());
  }
  if (code) {
    const bool denied = code == std::errc::permission_denied;
    throw Error(denied ? ErrorKind::missing : ErrorKind::read_write, path,
                "the folder cannot be read: " + code.message());
  }
  if (found.empty()) {
    throw Error(ErrorKind::missing, path,
                "the folder has no .tif, .tiff, .png, .jpg or .jpeg files" +
                    (entries > 0 ? " (but " + std::to_string(entries) + " others)" : std::string()));
  }
  // Beside the slices there may be pictures of them: TIFF before PNG before JPEG.
  auto chosen = found.begin();
  for (const char* name : {"JPEG", "PNG", "TIFF"}) {
    const auto named =
        std::ranges::find_if(found, [&](const auto& of) { return of.first->name == std::string_view(name); });
    if (named != found.end()) chosen = named;
  }
  std::vector<std::string> files = std::move(chosen->second);
  std::vector<std::string> remarks;
  if (const std::size_t others = entries - files.size(); others > 0) {
    remarks.push_back(std::to_string(others) + (others == 1 ? " entry" : " entries") +
                      " of the folder left out: not " + chosen->first->name);
  }
  return open_files(path, std::move(files), std::move(remarks), options);
}

std::unique_ptr<Stack> open_glob(const std::string& pattern, const OpenOptions& options) {
  glob_t matches{};
  const int result = ::glob(pattern.c_str(), GLOB_ERR | GLOB_NOSORT, nullptr, &matches);
  std::vector<std::string> files;
  if (result == 0) files.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  ::globfree(&matches);
  if (result == GLOB_NOSPACE) throw std::bad_alloc();
  if (result == GLOB_ABORTED) {
    throw Error(ErrorKind::missing, pattern, std::string("a folder cannot be read: ") + std::strerror(errno));
  }
  if (files.empty()) throw Error(ErrorKind::missing, pattern, "no file matches");
  if (files.size() == 1) return open_one(files[0], options);
  return open_files(pattern, std::move(files), {}, options);
}

}  // namespace fibflow::io
