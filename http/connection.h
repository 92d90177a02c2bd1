/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client connection, by what it is doing; each state is a list in the order of time: the
 * first has been there longest. libmicrohttpd owns the socket. It has no time-outs here:
 * ours are total.
 *
 *   RESTING ──► ARRIVING ──► WORKING ──► WATCHED ──► DONE ──► RESUMED ──► SENDING ──► RESTING
 *                  │            └──────────────────► DONE                    ▲
 *                  └─────────────────────────────────────────────────────────┘
 *   RESTING ──► PARTING ──► CLOSING, ARRIVING, SENDING ──► CLOSING, when their time is over
 *   PARTING: the client may be sending its next request; it is read and not answered, since a
 *   closed socket would be reset by it
 *   CLOSING: it ends in the next turn, or outlasts it, and then is forced out (http/watchdog.h)
 *
 * A reply that leaves while it grows (http/chunked_reply.h):
 *
 *   RESUMED, DONE ──► STREAMING ──► HUNGRY ──► FED ──► STREAMING ──► SENDING
 *   STREAMING, HUNGRY, FED ──► CLOSING, when it is cut off
 *
 * From WORKING to DONE libmicrohttpd has it suspended, unless it was done at once or all others are
 * there too (connections_all_wait), and while it is HUNGRY; on_done and on_stream wake it.
 *
 * A resting connection may already have sent a part of a request line, which is not visible
 * here.
 *
 * This file knows states, lists and sockets, no reply and no time-out: who decides about those
 * stands above it and calls it. What happens on a socket goes up by struct connections_owner.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/random.h"
#include "base/recycled_bufs.h"
#include "http/auth/peers.h"
#include "http/exchange.h"
#include "http/gzip.h"
#include "http/header_lines.h"
#include "http/http.h"
#include "http/socket/callers.h"
#include "http/socket/lingering_close.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct connections;
struct newcomer;

enum connection_state {
	CONNECTION_RESTING,   /* between requests; until idle_timeout_us */
	CONNECTION_ARRIVING,  /* the request line is in; until request_timeout_us */
	CONNECTION_WORKING,   /* the request is the router's; its own deadline */
	CONNECTION_WATCHED,   /* the same, for a while already: has the client gone away? */
	CONNECTION_DONE,      /* answered, but not yet told to libmicrohttpd */
	CONNECTION_RESUMED,   /* its handler is about to be called */
	CONNECTION_STREAMING, /* libmicrohttpd asks for the reply piece by piece */
	CONNECTION_HUNGRY,    /* there is no next piece yet */
	CONNECTION_FED,       /* there is one, but libmicrohttpd was not told yet */
	CONNECTION_SENDING,   /* the reply is libmicrohttpd's; a time by its size */
	CONNECTION_PARTING,   /* shut for writing; until the client closes it, or HTTP_PARTING_US */
	CONNECTION_CLOSING,   /* shut down; about to end */
	CONNECTION_STATES
};

/* How far the end of a connection that is CLOSING has come. */
enum closing_stage {
	CLOSING_BEGUN,
	CLOSING_OUTLASTS, /* it was still there at the end of that turn */
	CLOSING_FORCED    /* the library's own time-out is to end it */
};

/*
 * What request->client leads to: the connection, or, once that has ended while router/ had the
 * request, the orphans of its listener. The first member of both.
 */
struct client {
	enum { CLIENT_CONNECTION, CLIENT_ORPHANS } kind;
};

/* Requests that router/ has though their connection ended. */
struct orphans {
	struct client client;
	unsigned count;
	struct list dead; /* the ones that are done; freed at the end of the turn */
};

struct connection {
	struct client client; /* CLIENT_CONNECTION */
	enum connection_state state;
	struct list_link link;
	struct connections *shared;
	struct MHD_Connection *mhd;
	struct caller *caller;        /* whose it is */
	const struct peer *peer;      /* as --peer names it; NULL: it does not, or over TCP */
	struct list_link of_caller;   /* while it holds a place */
	struct list_link half_closed; /* on the list of those whose client has closed its side */
	struct loop_watch watch;      /* only for the client's end of it */
	int fd;                       /* libmicrohttpd's */
	int64_t since_us;             /* when it entered the state; WATCHED: when WORKING began */
	enum closing_stage closing;
	bool suspended;       /* by libmicrohttpd */
	bool client_gone;     /* and its request was reported */
	bool lingers;         /* the client may be sending still when it is closed */
	uint64_t body_held;   /* of CALLERS_BODIES: what came of a body that arrives */
	size_t sending_bytes; /* SENDING: the size of the reply */
	uint64_t bytes_taken; /* of its requests that are over */
	unsigned check;       /* the last check of it (http/watchdog.h), and what it saw */
	int check_unread;
	uint64_t check_body_bytes;
	struct exchange exchange; /* of the request under way */
};

/* What goes up from here, to the listener; each is set. */
struct connections_owner {
	/* The client has closed its side; once per connection, in whatever state it is. */
	void (*on_half_closed)(struct connection *connection);
	/* HTTP_SWEEP_US after the first connection: deadlines are to be looked at. */
	void (*on_sweep_due)(struct loop_timer *sweep);
	/* The first that is WORKING has been so for HTTP_WATCH_AFTER_US. */
	void (*on_watch_due)(struct loop_timer *watch_timer);
	/* Refuse who was accepted and not let in yet: others need the place. Frees it. */
	void (*on_turned_away)(struct connections *connections, struct newcomer *newcomer,
			       const char *detail);
};

/* The connections of one listener, and what the files that serve them share. */
struct connections {
	const struct connections_owner *owner;
	struct loop *loop;
	struct metrics *metrics;
	struct listener_settings settings; /* texts are borrowed */
	bool library_due;                  /* the daemon has something to do in this turn */
	bool quiescing;
	bool sees_lines; /* the library leaves the lines of a request where they were */
	unsigned calls;  /* of our handlers by the library, ever: it gets on */

	size_t count; /* in all states */
	struct list by_state[CONNECTION_STATES];
	struct list half_closed; /* whose client has closed its side */
	struct callers callers;
	struct lingering_close lingering_close;
	struct loop_timer sweep; /* deadlines, while there are connections */
	struct loop_timer
		watch_timer; /* the next request that will have waited long enough to be watched */

	unsigned to_suspend; /* whose request is the router's, not suspended yet */
	struct orphans orphans;
	struct connection *replying; /* the reply of which is being put together; or NULL */
	size_t bodies_bytes;         /* of all bodies that are on their way in */
	size_t sending_bytes;        /* of all replies that are SENDING */
	struct siphash *siphash;     /* for tags of replies */
	struct gzips gzips;
	struct recycled_bufs targets;    /* of requests that are over */
	struct header_lines lines;       /* of a reply that is put together; empty in between */
	struct random random;            /* request ids */
	char host[HTTP_HOST_BYTES_KEPT]; /* the last Host that was served */
	size_t host_len;
};

/* Lists, timers, seeds; the settings are copied. */
void connections_init(struct connections *connections, const struct connections_owner *owner,
		      struct loop *loop, const struct listener_settings *settings,
		      struct metrics *metrics);
/* There are none any more. */
void connections_fini(struct connections *connections);

struct connection *connection_new(struct connections *connections, struct MHD_Connection *mhd,
				  int fd) must_check;
/* From libmicrohttpd's notice that it is closed; its exchange is over. */
void connection_free(struct connection *connection);

/* As metrics and the log name it. */
const char *connection_state_name(enum connection_state state) must_check;
void connection_move(struct connection *connection, enum connection_state next);
/* Moves it to SENDING; its reply holds so many bytes of memory until it leaves that state. */
void connection_send(struct connection *connection, size_t bytes);
/* Is its end decided? Nothing that comes is answered any more. */
static inline bool connection_is_over(const struct connection *connection)
{
	return connection->state == CONNECTION_PARTING || connection->state == CONNECTION_CLOSING;
}
/* RESTING: shuts it for writing, so that the client closes it; the reason is logged. */
void connection_part(struct connection *connection, const char *reason);
/* Shuts the socket down, so that libmicrohttpd ends it; the reason is logged. */
void connection_close(struct connection *connection, const char *reason);
/* The same, when it has got a last reply and was shut for writing: what comes is not reset. */
void connection_give_up(struct connection *connection, const char *reason);
/* Counts it as one that makes room, and closes it. reason: for the metric (http/share.h). */
void connection_yield(struct connection *connection, const char *reason, const char *message);
/* When it is closed, the kernel throws away what the client has not taken, instead of keeping it
 * for minutes. */
void connection_drop_unsent(struct connection *connection);

/* Has the router the requests of all of them? Then the library has nothing to do. */
bool connections_all_wait(const struct connections *connections) must_check;

/* So many bytes more came of its body; none of them counts as arriving any more. */
void connection_hold_body(struct connection *connection, size_t bytes);
void connection_let_go_of_body(struct connection *connection);
