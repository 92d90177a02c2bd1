/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a listener, for the files of this folder: its daemon, its connections by state. */
#pragma once

#include "base/random.h"
#include "http/accept_queue.h"
#include "http/acceptor.h"
#include "http/callers.h"
#include "http/connection.h"
#include "http/http.h"
#include "http/lingering_close.h"
#include "http/watchdog.h"

#include <microhttpd.h>

struct listener {
	struct loop *loop;
	struct listener_settings settings; /* texts are borrowed */
	struct metrics *metrics;
	struct MHD_Daemon *daemon;
	struct acceptor acceptor;
	struct accept_queue accept_queue;
	uint16_t port;
	struct loop_watch watch;    /* the daemon's epoll */
	struct loop_hook on_answer; /* LOOP_STAGE_ANSWER: resumes, runs the daemon */
	struct loop_hook on_bury;   /* LOOP_STAGE_BURY: is there something for the next turn? */
	bool ready;                 /* the daemon has something to do */
	bool quiescing;
	bool sees_lines; /* the library leaves the lines of a request where they were */

	unsigned to_suspend; /* connections whose request is the router's, not suspended yet */
	unsigned orphans;    /* requests that the router has though their connection ended */
	struct list dead;    /* of those, the ones that are done; freed at the end of the turn */
	struct connection *replying; /* the reply of which is being put together; or NULL */
	struct list half_closed;     /* connections whose client has closed its side */
	struct list connections[CONNECTION_STATES];
	size_t bodies_bytes;  /* of all bodies that are on their way in */
	size_t sending_bytes; /* of all replies that are SENDING */
	struct lingering_close lingering_close;
	struct watchdog watchdog;
	struct callers callers;
	size_t peak;             /* connections, since memory was given back last */
	struct loop_timer sweep; /* deadlines, while there are connections */
	struct loop_timer
		watch_timer; /* the next request that will have waited long enough to be watched */

	char host[HTTP_HOST_BYTES_KEPT]; /* the last Host that was served */
	size_t host_len;

	struct buf line;      /* of a header that is being written; empty in between */
	struct random random; /* request ids */
	double gauge_connections, gauge_in_flight; /* as last told */
};

/* 503 for who was accepted and not let in yet, and whose place others need. */
void listener_turn_away(struct listener *listener, struct newcomer *newcomer, const char *detail);

/* Connections with a request, from its first line to the end of its reply. */
unsigned listener_busy(const struct listener *listener);
