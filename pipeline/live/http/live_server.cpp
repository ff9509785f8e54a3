#include "pipeline/live/http/live_server.h"

#include <microhttpd.h>
#include <strings.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "pipeline/live/http/connection_deadlines.h"
#include "pipeline/live/http/listening_socket.h"
#include "pipeline/live/http/live_resources.h"

namespace fibflow::pipeline {
namespace {

/// The name in a Host header, without its port.
std::string_view name_in(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool means_loopback(std::string_view host) {
  const std::string_view name = name_in(host);
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

std::vector<std::string> host_headers(MHD_Connection* connection) {
  std::vector<std::string> hosts;
  MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* list, MHD_ValueKind, const char* key, const char* value) {
        if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0) {
          static_cast<std::vector<std::string>*>(list)->emplace_back(value == nullptr ? "" : value);
        }
        return MHD_YES;
      },
      &hosts);
  return hosts;
}

/// Headers that every reply has.
void add_general_headers(MHD_Response* response) {
  static constexpr std::pair<const char*, const char*> headers[] = {
      {"Cache-Control", "no-store"},
      {"Connection", "close"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"}};
  for (const auto& [name, value] : headers) MHD_add_response_header(response, name, value);
}

MHD_Result send(MHD_Connection* connection, const Reply& reply) {
  auto kept = std::make_unique<std::shared_ptr<const std::string>>(reply.body);
  MHD_Response* response = MHD_create_response_from_buffer_with_free_callback_cls(
      reply.body->size(), const_cast<char*>(reply.body->data()),
      [](void* body) { delete static_cast<std::shared_ptr<const std::string>*>(body); }, kept.get());
  if (response == nullptr) return MHD_NO;
  [[maybe_unused]] const auto* its_own_now = kept.release();
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type.c_str());
  bool has_policy = false;
  for (const auto& [name, value] : reply.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
    has_policy = has_policy || name == "Content-Security-Policy";
  }
  if (!has_policy) {
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; frame-ancestors 'none'");
  }
  add_general_headers(response);
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(reply.code), response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

class LiveServer::Daemon {
 public:
  Daemon(const StatusBoard& board, const Liveness& liveness, const ListenAddress& address,
         const HttpLimits& limits)
      : resources_(board, liveness), deadlines_(limits.time) {
    const ListeningSocket listening = listen_at(address, limits.connections);
    address_ = listening.address;
    // Idle connections end by the library, too, which counts in whole seconds.
    const auto idle = static_cast<unsigned>((limits.time.count() + 999) / 1000);
    const MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, listening.descriptor, nullptr},
        {MHD_OPTION_CONNECTION_LIMIT, limits.connections, nullptr},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, static_cast<intptr_t>(limits.request_bytes), nullptr},
        {MHD_OPTION_CONNECTION_TIMEOUT, static_cast<intptr_t>(idle), nullptr},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, nullptr},
        {MHD_OPTION_UNESCAPE_CALLBACK, reinterpret_cast<intptr_t>(&Daemon::leave_escaped), nullptr},
        {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<intptr_t>(&Daemon::on_connection), this},
        {MHD_OPTION_END, 0, nullptr}};
    http_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, nullptr, nullptr, &Daemon::on_request, this,
                             MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (http_ == nullptr) {
      const int error = errno;
      close(listening.descriptor);
      throw std::system_error(error, std::generic_category(), "cannot serve at " + address_.text());
    }
  }

  ~Daemon() { MHD_stop_daemon(http_); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  const ListenAddress& address() const { return address_; }

 private:
  /// Paths are compared as they were sent.
  static std::size_t leave_escaped(void*, MHD_Connection*, char* text) {
    return std::char_traits<char>::length(text);
  }

  static void on_connection(void* daemon, MHD_Connection* connection, void**,
                            MHD_ConnectionNotificationCode code) {
    const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == nullptr) return;
    ConnectionDeadlines& deadlines = static_cast<Daemon*>(daemon)->deadlines_;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) deadlines.opened(info->connect_fd);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) deadlines.closed(info->connect_fd);
  }

  // Called first when the headers are there: replied to at once, so that no body is ever taken.
  static MHD_Result on_request(void* daemon, MHD_Connection* connection, const char* path, const char* method,
                               const char*, const char*, std::size_t*, void**) {
    try {
      return send(connection, static_cast<Daemon*>(daemon)->reply_to(connection, method, path));
    } catch (const std::exception&) {
      // No exception may pass through the library's C; the client sees the connection end.
      return MHD_NO;
    }
  }

  Reply reply_to(MHD_Connection* connection, std::string_view method, const char* path) {
    if (const auto hosts = host_headers(connection);
        address_.loopback() && !hosts.empty() && (hosts.size() > 1 || !means_loopback(hosts[0]))) {
      return plain_reply(421, "this server answers to 127.0.0.1, [::1] and localhost only");
    }
    if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
      Reply reply = plain_reply(405, "only GET and HEAD");
      reply.headers.emplace_back("Allow", "GET, HEAD");
      return reply;
    }
    return resources_.get(path);
  }

  LiveResources resources_;  // used on the library's thread only
  ConnectionDeadlines deadlines_;
  ListenAddress address_;
  MHD_Daemon* http_ = nullptr;
};

LiveServer::LiveServer(const StatusBoard& board, const Liveness& liveness, const ListenAddress& address,
                       const HttpLimits& limits)
    : daemon_(std::make_unique<Daemon>(board, liveness, address, limits)) {}

LiveServer::~LiveServer() = default;

const ListenAddress& LiveServer::address() const {
  return daemon_->address();
}

std::string LiveServer::url() const {
  return "http://" + daemon_->address().text() + "/";
}

}  // namespace fibflow::pipeline
