#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "io/stack.h"
#include "io/stack_writer.h"

namespace fibflow::io {

struct Format;

/// All formats, in the order in which they are asked whether they recognize an input: a new one is added here.
std::span<const Format* const> formats();

/// The format of what is there: the first that recognizes it; else the one whose ending its name has; else TIFF, which then
/// says what is wrong.
const Format& format_of_input(const std::string& path);

/// The format that a stack of this name is written in: the first that can be written and has its ending; TIFF
/// for a name without one. Throws std::invalid_argument that names the endings if none has it.
const Format& format_of_output(const std::string& path);

/// Opens a multi-page TIFF, a PNG or JPEG file, a folder of such files with one slice each, or a glob ("cell/slice_*.tif").
/// Files of a folder or glob are taken by the number in their names (io/folder/name_order.h).
/// Slices are gray-scale u8, u16 or f32; anything else is refused with what it is. What is handled on purpose
/// (min-is-white, gray palettes, thumbnails, films, ImageJ's files beyond 4 GB) stands in io/tiff/tiff_stack.h, and
/// info().remarks tells where it was.
/// Throws io::Error: missing if there is no such input, bad_data if it is not a readable gray-scale stack.
std::unique_ptr<Stack> open_stack(const std::string& path, const OpenOptions& options = {});

/// Format::create() of the format that the name asks for.
std::unique_ptr<StackWriter> create_stack(const std::string& path, const WriterOptions& options);

/// Format::resume() of that format.
std::unique_ptr<StackWriter> resume_stack(const std::string& path, const WriterOptions& options,
                                          const std::string& progress);

/// Format::is_finished() of that format.
bool is_finished_stack(const std::string& path, std::int64_t depth, const std::string& progress);

}  // namespace fibflow::io
