#pragma once

namespace fibflow::pipeline {

/// The version of fibflow: "0.1.0".
const char* version();

}  // namespace fibflow::pipeline
