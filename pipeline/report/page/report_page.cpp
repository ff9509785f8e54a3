#include "pipeline/report/page/report_page.h"

#include <filesystem>

#include "io/files/atomic_file.h"
#include "pipeline/report/page/html.h"
#include "pipeline/report/page/page_style.h"
#include "pipeline/report/page/sections.h"

namespace fibflow::pipeline {

std::string report_page(const RecordedRun& run) {
  const std::string name = std::filesystem::path(run.stack).filename().string();
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  // The page needs nothing from anywhere; a browser that is told so refuses whatever could slip in.
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>" +
      html(name.empty() ? "fibflow report" : name + " – fibflow report") + "</title>\n<style>\n";
  page += page_style;
  page += "</style>\n</head>\n<body>\n<header><h1>" + isolated(name.empty() ? "A run" : name) + "</h1><p>" +
          html("fibflow " + run.command) + (run.model.empty() ? "" : " with " + isolated(run.model)) +
          (run.started.empty() ? "" : ", " + html(run.started)) + "</p></header>\n<main>\n";
  page += verdict_section(run);
  page += figures_section(run);
  page += comparison_section(run);
  page += match_section(run);
  page += drift_section(run);
  page += prediction_section(run);
  page += cost_section(run);
  page += options_section(run);
  page +=
      "</main>\n<footer>fibflow " + html(run.fibflow) +
      ". In the charts, dashed lines mark where the acquisition changed and the estimate of the statistics "
      "began anew. Values show when the pointer rests on a "
      "chart.</footer>\n</body>\n</html>\n";
  return page;
}

void write_report_page(const std::string& report, const std::string& page, bool overwrite) {
  const std::string text = report_page(read_recorded_run(report));
  io::AtomicFile file(page, overwrite);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace fibflow::pipeline
