# Puts the live page together, as a source file: cmake -DFOLDER=... -DOUTPUT=... -P embed_page.cmake
# Style and script go into the page, so that it needs nothing else; then it is cut into pieces that a compiler takes as
# literals.
file(READ ${FOLDER}/page.html page)
file(READ ${FOLDER}/page.css style)
file(READ ${FOLDER}/page.js script)
string(REPLACE "/*STYLE*/" "${style}" page "${page}")
string(REPLACE "/*SCRIPT*/" "${script}" page "${page}")

string(HEX "${page}" hex)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "// Made from page.html, page.css and page.js.
#include \"pipeline/live/http/live_page.h\"

namespace fibflow::pipeline {
namespace {

constexpr unsigned char page[] = {${bytes}};

}  // namespace

std::string_view live_page() {
  return {reinterpret_cast<const char*>(page), sizeof page};
}

}  // namespace fibflow::pipeline
")
