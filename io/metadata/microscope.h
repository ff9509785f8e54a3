#pragma once

#include <string>

#include "io/slice.h"

namespace fibflow::io {

/// What a microscope says of its image.
struct MicroscopeFacts {
  VoxelSize nm;        ///< x and y; 0 where it is not said
  int data_bar = 0;    ///< rows at the bottom of the image that show text instead of the specimen
  std::string source;  ///< "Zeiss tag 34118"; empty if nothing is known
};

/// Each gets the text that the microscope wrote into or beside an image of this size, and has nothing if it is no such text. Values
/// that cannot be understood count as absent.

/// Thermo/FEI (TIFF tag 34682): PixelWidth and PixelHeight in metres, in [Scan] or in the beam's own section. The image is
/// [Image] ResolutionY rows high; what is below is the data bar, of [PrivateFei] DatabarHeight rows.
MicroscopeFacts read_fei(const std::string& text, int height, int width);

/// Zeiss SmartSEM (TIFF tag 34118): pairs of lines, a key in capitals, then "Name = value unit". AP_WIDTH / width, or
/// AP_IMAGE_PIXEL_SIZE; AP_PIXEL_SIZE is that of an image 1024 pixels wide.
MicroscopeFacts read_zeiss(const std::string& text, int height, int width);

/// TESCAN (TIFF tag 50431, or NAME-tif.hdr or NAME.hdr beside the image): PixelSizeX and PixelSizeY in metres; the data bar has
/// ImageStripSize rows.
MicroscopeFacts read_tescan(const std::string& text, int height, int width);

/// JEOL (NAME.txt beside the image, lines that begin with $): $$SM_MICRON_MARKER over $$SM_MICRON_BAR pixels; what is below
/// $CM_FULL_SIZE is the data bar.
MicroscopeFacts read_jeol(const std::string& text, int height, int width);

/// Hitachi (NAME.txt beside the image, [SemImageFile]): PixelSize in nm of an image of DataSize; what is below is the data bar.
MicroscopeFacts read_hitachi(const std::string& text, int height, int width);

/// What lies beside the image: see TESCAN, JEOL, Hitachi. A file that cannot be read counts as absent.
MicroscopeFacts read_sidecar(const std::string& image_path, int height, int width);

/// A data bar as a remark.
std::string spoken_data_bar(int rows, const std::string& source);

}  // namespace fibflow::io
