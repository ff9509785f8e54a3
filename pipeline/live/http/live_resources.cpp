#include "pipeline/live/http/live_resources.h"

#include <sys/random.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "io/png/png.h"
#include "pipeline/live/http/live_page.h"
#include "pipeline/live/http/metrics.h"
#include "pipeline/live/status/status_json.h"
#include "pipeline/pictures/overlay.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

Reply reply_of(std::string type, std::string body) {
  Reply reply;
  reply.type = std::move(type);
  reply.body = std::make_shared<const std::string>(std::move(body));
  return reply;
}

Reply reply_of(const Json& json) {
  return reply_of("application/json", json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// A word that nobody can guess: scripts and styles without it are not run.
std::string nonce() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) throw std::runtime_error("no random numbers");
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string result;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    result.append(text.substr(0, at)).append(by);
    text.remove_prefix(at + what.size());
  }
  return result.append(text);
}

}  // namespace

Reply plain_reply(int code, const std::string& line) {
  Reply reply = reply_of("text/plain; charset=utf-8", line + "\n");
  reply.code = code;
  return reply;
}

LiveResources::LiveResources(const StatusBoard& board, const Liveness& liveness)
    : board_(board), liveness_(liveness) {}

Reply LiveResources::get(std::string_view path) {
  if (path == "/") return page();
  if (path == "/healthz") return health();
  if (path == "/metrics") return metrics();
  if (path == "/status") return status();
  if (path == "/history") return history();
  if (path == "/newest.png" || path == "/newest/image.png" || path == "/newest/mask.png") {
    return newest(path);
  }
  return plain_reply(404, "not found");
}

Reply LiveResources::page() const {
  const std::string word = nonce();
  Reply reply = reply_of("text/html; charset=utf-8", replaced(live_page(), "@NONCE@", word));
  reply.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; connect-src 'self'; img-src 'self' blob: data:; style-src 'nonce-" + word +
          "'; script-src 'nonce-" + word + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  return reply;
}

Reply LiveResources::health() const {
  const Liveness::Verdict verdict = liveness_.verdict();
  return verdict.alive ? plain_reply(200, "ok: " + verdict.reason) : plain_reply(503, verdict.reason);
}

Reply LiveResources::metrics() const {
  return reply_of("text/plain; version=0.0.4; charset=utf-8",
                  metrics_text(*board_.latest().status, liveness_.verdict()));
}

Reply LiveResources::status() const {
  Json json = status_json(*board_.latest().status);
  const Liveness::Verdict verdict = liveness_.verdict();
  json["health"] = {{"alive", verdict.alive}, {"reason", verdict.reason}};
  return reply_of(json);
}

Reply LiveResources::history() const {
  return reply_of(history_json(board_.latest().status->slices));
}

Reply LiveResources::newest(std::string_view layer) {
  const StatusBoard::Posted reading = board_.latest();
  if (!reading.status->picture) return plain_reply(404, "no slice has been segmented yet");
  const LivePicture& picture = *reading.status->picture;
  Encoded& encoded = layer == "/newest.png" ? whole_ : layer == "/newest/image.png" ? image_ : mask_;
  if (encoded.image != picture.image) {
    const auto png = &encoded == &whole_ ? io::encode_png(picture.width, picture.height, 3, overlaid(picture))
                     : &encoded == &image_
                         ? io::encode_png(picture.width, picture.height, 1, *picture.image)
                         : io::encode_png(picture.width, picture.height, 4, mask_overlay(picture));
    encoded = {picture.image, std::make_shared<const std::string>(png.begin(), png.end())};
  }
  Reply reply;
  reply.type = "image/png";
  reply.body = encoded.png;
  reply.headers.emplace_back("Fibflow-Slice", std::to_string(picture.z));
  return reply;
}

}  // namespace fibflow::pipeline
