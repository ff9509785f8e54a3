#pragma once

#include "pipeline/live/http/listen_address.h"

namespace fibflow::pipeline {

/// A TCP socket that listens, with the address it got.
struct ListeningSocket {
  int descriptor = -1;  ///< the receiver's to close
  ListenAddress address;
};

/// Throws std::system_error.
ListeningSocket listen_at(const ListenAddress& address, int backlog);

}  // namespace fibflow::pipeline
