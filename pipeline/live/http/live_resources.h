#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/live/status/live_status.h"
#include "pipeline/live/status/liveness.h"

namespace fibflow::pipeline {

/// What is sent for a request.
struct Reply {
  int code = 200;
  std::string type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// A reply with a line of text.
Reply plain_reply(int code, const std::string& line);

/// What can be had of a live run. The paths are these and no others; none of them names a file:
///
///     /                  the live page, whole: nothing is loaded from elsewhere
///     /healthz           200 while the run gets on or waits, 503 if it hangs; one line of text says why
///     /metrics           for Prometheus
///     /status            status_json(), with `health`: {alive, reason}
///     /history           history_json()
///     /newest.png        the newest slice with its mask over it; 404 while there is none
///     /newest/image.png  the slice alone
///     /newest/mask.png   the mask alone, transparent where nothing is
///
/// The pictures carry their slice's number in the header Fibflow-Slice. They are encoded when asked for, and once.
/// Serial; board and liveness are only read.
class LiveResources {
 public:
  LiveResources(const StatusBoard& board, const Liveness& liveness);

  /// The reply to GET `path`, a path without its query, byte by byte as it was sent.
  Reply get(std::string_view path);

 private:
  struct Encoded {
    std::shared_ptr<const std::vector<std::uint8_t>> image;  // of the picture that it was made of
    std::shared_ptr<const std::string> png;
  };

  Reply page() const;
  Reply health() const;
  Reply metrics() const;
  Reply status() const;
  Reply history() const;
  Reply newest(std::string_view layer);

  const StatusBoard& board_;
  const Liveness& liveness_;
  Encoded whole_;
  Encoded image_;
  Encoded mask_;
};

}  // namespace fibflow::pipeline
