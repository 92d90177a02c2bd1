/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP side: one listener per loop (libmicrohttpd, external epoll nested in the loop's own,
 * SO_REUSEPORT). It turns what comes in into a struct request, hands it over, and turns what came
 * of it into a reply or an RFC 9457 problem document. Only this folder knows libmicrohttpd.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/options.h"
#include "base/request.h"
#include "http/head/origin.h"
#include "http/head/user_header.h"

#include <stdbool.h>
#include <stdint.h>

struct audit_queue;
struct auth;
struct listener;
struct peers;

/* What the owner of the listener provides. */
struct listener_handlers {
	/* The request is the router's until request->on_done, which may be called from inside. */
	void (*on_request)(struct request *request, void *arg);
	void *arg;
	/* Is it for callers without a credential, too? Only its operation is known. With auth. */
	bool (*serves_anonymous)(const struct request *request, void *arg);
};

/* An admin page: fills status, content type and body. Runs on the listener's loop. */
struct admin_reply {
	unsigned status;
	const char *content_type;
	struct buf body;
	bool trusted; /* given: the client may see everything */
};
struct admin_page {
	const char *path; /* "/metrics"; one that ends with / takes what follows, too */
	void (*answer)(struct admin_reply *reply, void *arg);
	bool is_open; /* to clients without a token, too */
	/*
	 * Of a page that takes its time, instead of answer: it has the request until on_done, which
	 * it may call from inside: with its parameters, and what follows the path as operation.
	 */
	void (*take)(struct request *request, void *arg);
	const char *event; /* of a page that changes something, by POST; for the audit log */
};

/* Texts are borrowed until listener_free. */
struct listener_settings {
	/* HOST:PORT, [V6]:PORT; port 0: the kernel picks; NULL: listener_listen says where */
	const char *address;
	bool held; /* connections wait in the backlog until listener_accept */
	unsigned connections_max;
	unsigned connections_per_address; /* 0: no such limit */
	size_t connection_memory;
	size_t body_bytes_max;
	int64_t request_timeout_us; /* makes deadline_us; also the longest it may take to arrive */
	int64_t idle_timeout_us;    /* a keep-alive connection at rest is closed after this */
	int64_t stream_stall_us; /* a stream whose reader takes less than 64 KiB in it is cut off */
	const char *user_header;
	struct auth *auth; /* who may call; NULL: every client. Borrowed; of the same thread */
	struct origin_policy origins; /* which browsers may ask; what it points to is borrowed */
	struct listener_handlers handlers; /* API listener */
	const struct peers *peers; /* of Unix sockets (http/auth/peers.h); NULL: none is named */
	struct audit_queue *audit; /* commands and refusals are noted there; NULL: they are not */
	const struct admin_page *pages; /* admin listener: ends with path NULL; no handlers then */
	/*
	 * May who brings this Authorization see all pages? Its ptr is NULL: absent, or there are
	 * two. Asked for each request over TCP. NULL: all clients may.
	 */
	bool (*pages_admit)(struct text authorization, void *arg);
	void *pages_arg;
};

/*
 * NULL: error says why ("127.0.0.1:8080: Address already in use"). On the loop's thread, or before
 * it runs.
 */
struct listener *listener_new(struct loop *loop, const struct listener_settings *settings,
			      struct metrics *metrics, char *error, size_t error_room) must_check;
/* One more socket to accept from, LISTENS_MAX in all; takes fd (http/endpoint.h). At the start. */
void listener_listen(struct listener *listener, int fd);
/* Accepts what waits in the backlog, and all that follows. Once, where settings say held. */
void listener_accept(struct listener *listener);
/* Are there connections that were not accepted yet? */
bool listener_has_newcomers(const struct listener *listener) must_check;
/* The port of settings.address. */
uint16_t listener_port(const struct listener *listener);
/* Is the address beyond loopback? For --insecure. False with error when it cannot be read. */
bool listener_address_is_loopback(const char *address, bool *loopback, char *error,
				  size_t error_room) must_check;
/* For requests that begin from now on; on the listener's thread. */
void listener_set_limits(struct listener *listener, size_t body_bytes_max,
			 int64_t request_timeout_us);
/* Is no other process listening there? With SO_REUSEPORT it would share the port unnoticed. */
bool listener_address_is_free(const char *address, char *error, size_t error_room) must_check;
/*
 * Accepts no more, but for who has connected already. Every reply from now on ends its connection;
 * connections of the API that rest are closed after HTTP_LAST_REST_US, so that a client in the
 * middle of its work learns it from a reply; those of an admin listener at once. A request that
 * is only half there gets HTTP_LAST_ARRIVAL_US in all.
 */
void listener_quiesce(struct listener *listener);
/* Requests not yet answered and replies not yet sent; after listener_quiesce: open connections. */
unsigned listener_in_flight(const struct listener *listener);
/* Nothing may be in flight. */
void listener_free(struct listener *listener);
/* The version of libmicrohttpd that runs, "0.9.75". */
const char *http_library_version(void);
