/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a listener, for listener.c and tests: a daemon, who is let in, the connections. */
#pragma once

#include "base/limits.h"
#include "base/loop.h"
#include "http/connection.h"
#include "http/http.h"
#include "http/socket/accept_queue.h"
#include "http/socket/acceptor.h"
#include "http/watchdog.h"

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

/* One of the sockets that it accepts from. */
struct listener_socket {
	struct acceptor acceptor;
	struct listener *listener;
};

struct listener {
	struct connections connections; /* what the files below this one know of it */
	struct MHD_Daemon *daemon;
	struct listener_socket sockets[LISTENS_MAX];
	unsigned sockets_count;
	struct accept_queue accept_queue;
	uint16_t port;              /* of the socket that listener_new made; 0: it made none */
	struct loop_watch watch;    /* the daemon's epoll */
	struct loop_hook on_answer; /* LOOP_STAGE_ANSWER: resumes, runs the daemon */
	struct loop_hook on_bury;   /* LOOP_STAGE_BURY: is there something for the next turn? */
	struct watchdog watchdog;
	size_t peak; /* connections, since memory was given back last (http/memory_trim.h) */
	unsigned gauge_connections, gauge_in_flight; /* as last set */
};

/* Connections with a request, from its first line to the end of its reply. */
unsigned listener_busy(const struct listener *listener);
