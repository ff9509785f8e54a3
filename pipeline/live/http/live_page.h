#pragma once

#include <string_view>

namespace fibflow::pipeline {

/// The live page, put together from page.html, page.css and page.js when fibflow is built. Its style and its script have the
/// nonce "@NONCE@", for the server to replace.
std::string_view live_page();

}  // namespace fibflow::pipeline
