#pragma once

#include <optional>
#include <string>

namespace fibflow::io {

/// Nanometres in a unit as microscopes spell it ("nm", "um", "micron", "\u00B5m" in UTF-8, Latin-1 or as an
/// escape, "cm", "inch", ...); 0 if it is no length ("pixel").
double nanometres_of(const std::string& unit);

/// A number in the C notation, whatever the locale; nothing if the text does not start with a finite one.
std::optional<double> number_of(const std::string& text);

/// `text` without blanks at its ends.
std::string trimmed(const std::string& text);

}  // namespace fibflow::io
