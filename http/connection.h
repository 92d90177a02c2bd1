/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client connection, by what it is doing; each state is a list in the order of time, so that
 * whoever has been there longest is first. libmicrohttpd owns the socket. It has no time-outs here:
 * ours are total.
 *
 *   RESTING ──► ARRIVING ──► WORKING ──► WATCHED ──► DONE ──► RESUMED ──► SENDING ──► RESTING
 *                  │            └──────────────────► DONE                    ▲
 *                  └─────────────────────────────────────────────────────────┘
 *   RESTING, ARRIVING, SENDING ──► CLOSING, when their time is over
 *
 * A reply that leaves while it grows (http/chunked_reply.h):
 *
 *   RESUMED, DONE ──► STREAMING ──► HUNGRY ──► FED ──► STREAMING ──► SENDING
 *   STREAMING, HUNGRY, FED ──► CLOSING, when it is cut off
 *
 * From WORKING to DONE libmicrohttpd has it suspended, unless it was done at once, and while it is
 * HUNGRY; request->on_done and on_stream wake it.
 *
 * A resting connection may already have sent a part of a request line, which nobody can see.
 */
#pragma once

#include "base/limits.h"
#include "base/list.h"
#include "base/loop.h"
#include "http/exchange.h"

#include <stdbool.h>
#include <stdint.h>

struct caller;
struct listener;
struct MHD_Connection;

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
	CONNECTION_CLOSING,   /* shut down; about to end */
	CONNECTION_STATES
};

struct connection {
	struct list_link link;
	struct listener *listener;
	struct MHD_Connection *mhd;
	int fd;                     /* libmicrohttpd's */
	struct caller *caller;      /* whose it is */
	struct list_link of_caller; /* while it holds a place */
	uint64_t body_held;         /* of CALLERS_BODIES: what came of a body that arrives */
	enum connection_state state;
	int64_t since_us;        /* when it entered the state; WATCHED: when WORKING began */
	struct loop_watch watch; /* only for the client's end of it */
	struct list_link
		half_closed;  /* on the listener's list once the client has closed its side */
	bool suspended;       /* by libmicrohttpd */
	bool client_gone;     /* and its request was reported */
	size_t sending_bytes; /* SENDING: the size of the reply */
	uint64_t bytes_taken; /* of its requests that are over */
	bool lingers;         /* the client may be sending still when it is closed */
	bool outlasts;        /* CLOSING, and there at the end of that turn */
	bool forced;          /* CLOSING; the library's own time-out is to end it */
	unsigned look;        /* the last look at it (http/watchdog.h), and what was seen */
	int look_unread;
	uint64_t look_body_bytes;
	struct exchange exchange; /* of the request under way */
};

struct connection *connection_new(struct listener *listener, struct MHD_Connection *mhd,
				  int fd) must_check;
/* From libmicrohttpd's notice that it is closed; no request may be with the router. */
void connection_free(struct connection *connection);

void connection_move(struct connection *connection, enum connection_state next);
/* Shuts the socket down, so that libmicrohttpd ends it; the reason is logged. */
void connection_close(struct connection *connection, const char *reason);
/* The same, when it has got a last reply and was shut for writing: what comes is not reset. */
void connection_give_up(struct connection *connection, const char *reason);

/* Sets up the lists and timers of a listener. */
void connections_init(struct listener *listener);
void connections_fini(struct listener *listener);
/*
 * Closes those that will bring no more requests. libmicrohttpd overlooks an end that came together
 * with the last bytes: it asks epoll for edges, and stops reading after a short read.
 */
void connections_close_half_closed(struct listener *listener);
/* Replies take too much memory: closes those that have been SENDING longest, but for the newest. */
void connections_make_room(struct listener *listener);
/* Counts it as one that makes room, and closes it. reason: for the metric (http/share.h). */
void connection_yield(struct connection *connection, const char *reason, const char *message);
/* So many bytes more came of its body; none of them counts as arriving any more. */
void connection_hold_body(struct connection *connection, size_t bytes);
void connection_let_go_of_body(struct connection *connection);
/* Closes those whose time is over, HTTP_CLOSES_PER_TURN at most; false: there may be more. */
bool connections_sweep(struct listener *listener);
