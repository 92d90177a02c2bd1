/* SPDX-License-Identifier: Apache-2.0 */
/* Connections move between lists; two timers look at the fronts of those lists. */
#include "http/connection.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/chunked_reply.h"
#include "http/listener.h"

#include <assert.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define TO(s) (1u << CONNECTION_##s)
static const struct {
	const char *name;
	unsigned next;
} connection_states[CONNECTION_STATES] = {
	[CONNECTION_RESTING] = { "resting", TO(ARRIVING) | TO(CLOSING) },
	[CONNECTION_ARRIVING] = { "arriving",
				  TO(RESTING) | TO(WORKING) | TO(SENDING) | TO(CLOSING) },
	[CONNECTION_WORKING] = { "working", TO(WATCHED) | TO(DONE) | TO(RESTING) },
	[CONNECTION_WATCHED] = { "watched", TO(DONE) | TO(RESTING) },
	[CONNECTION_DONE] = { "done", TO(RESUMED) | TO(STREAMING) | TO(SENDING) | TO(RESTING) },
	[CONNECTION_RESUMED] = { "resumed", TO(STREAMING) | TO(SENDING) | TO(RESTING) },
	[CONNECTION_STREAMING] = { "streaming",
				   TO(HUNGRY) | TO(SENDING) | TO(RESTING) | TO(CLOSING) },
	[CONNECTION_HUNGRY] = { "hungry", TO(FED) | TO(CLOSING) },
	[CONNECTION_FED] = { "fed", TO(STREAMING) | TO(CLOSING) },
	[CONNECTION_SENDING] = { "sending", TO(RESTING) | TO(CLOSING) },
	[CONNECTION_CLOSING] = { "closing", 0 },
};

static void connection_on_socket(struct loop_watch *watch, uint32_t events);

/* --- what its caller holds -------------------------------------------------------------------- */

static void connection_take_place(struct connection *connection)
{
	struct callers *callers = &connection->listener->callers;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	connection->caller = callers_take(callers, info->client_addr);
	callers_hold(callers, connection->caller, CALLERS_PLACES, 1);
	list_append(&connection->caller->connections, &connection->of_caller);
}

static void connection_leave_place(struct connection *connection)
{
	if (!list_linked(&connection->of_caller))
		return;
	list_remove(&connection->caller->connections, &connection->of_caller);
	callers_let_go(&connection->listener->callers, connection->caller, CALLERS_PLACES, 1);
	connection_let_go_of_body(connection);
}

void connection_hold_body(struct connection *connection, size_t bytes)
{
	connection->body_held += bytes;
	callers_hold(&connection->listener->callers, connection->caller, CALLERS_BODIES, bytes);
}

void connection_let_go_of_body(struct connection *connection)
{
	callers_let_go(&connection->listener->callers, connection->caller, CALLERS_BODIES,
		       connection->body_held);
	connection->body_held = 0;
}

/* --- life ------------------------------------------------------------------------------------- */

struct connection *connection_new(struct listener *listener, struct MHD_Connection *mhd, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		log_fatal("http", "out of memory");
	connection->listener = listener;
	connection->mhd = mhd;
	connection->fd = fd;
	connection_take_place(connection);
	connection->state = CONNECTION_RESTING;
	connection->since_us = loop_now(listener->loop);
	connection->watch.fd = -1;
	connection->watch.on_ready = connection_on_socket;
	loop_watch(listener->loop, &connection->watch, fd, EPOLLRDHUP | EPOLLONESHOT);
	exchange_init(&connection->exchange);
	list_append(&listener->connections[CONNECTION_RESTING], &connection->link);
	if (listener->sweep.slot == 0)
		loop_timer_set(listener->loop, &listener->sweep,
			       loop_now(listener->loop) + HTTP_SWEEP_US);
	return connection;
}

void connection_free(struct connection *connection)
{
	struct listener *listener = connection->listener;

	loop_unwatch(listener->loop, &connection->watch);
	if (list_linked(&connection->half_closed))
		list_remove(&listener->half_closed, &connection->half_closed);
	/* The library may end a connection without a word about its request. */
	if (connection->exchange.request ||
	    (connection->state != CONNECTION_RESTING && connection->state != CONNECTION_CLOSING))
		exchange_on_completed(connection, MHD_REQUEST_TERMINATED_WITH_ERROR);
	assert(!connection->exchange.request);
	if (connection->forced)
		metric_add(listener->metrics, METRIC_http_forced_total, NULL, 1);
	if (connection->lingers)
		lingering_close_begin(&listener->lingering_close, connection->fd);
	exchange_fini(&connection->exchange);
	connection_leave_place(connection);
	callers_release(&listener->callers, connection->caller);
	list_remove(&listener->connections[connection->state], &connection->link);
	free(connection);
}

void connection_move(struct connection *connection, enum connection_state next)
{
	struct listener *listener = connection->listener;

	assert(connection_states[connection->state].next & (1u << next));
	list_remove(&listener->connections[connection->state], &connection->link);
	listener->sending_bytes -= connection->sending_bytes;
	connection->sending_bytes = 0;
	if (next == CONNECTION_SENDING)
		connection->sending_bytes = connection->exchange.request->out.len;
	listener->sending_bytes += connection->sending_bytes;
	connection->state = next;
	list_append(&listener->connections[next], &connection->link);
	if (next == CONNECTION_WATCHED)
		return;
	connection->since_us = loop_now(listener->loop);
	if (next == CONNECTION_WORKING && listener->watch_timer.slot == 0)
		loop_timer_set(listener->loop, &listener->watch_timer,
			       connection->since_us + HTTP_WATCH_AFTER_US);
}

void connection_give_up(struct connection *connection, const char *reason)
{
	log_debug("http", "connection %d closed after %lld ms %s: %s", connection->fd,
		  (long long)((loop_now(connection->listener->loop) - connection->since_us) /
			      US_PER_MS),
		  connection_states[connection->state].name, reason);
	connection_move(connection, CONNECTION_CLOSING);
	connection_leave_place(connection);
}

void connection_close(struct connection *connection, const char *reason)
{
	connection_give_up(connection, reason);
	shutdown(connection->fd, SHUT_RDWR);
}

/* --- has the client gone away? ---------------------------------------------------------------- */

static void connection_report_gone(struct connection *connection)
{
	struct request *request = connection->exchange.request;

	connection->client_gone = true;
	if (request->on_client_gone)
		request->on_client_gone(request);
}

static void connection_on_socket(struct loop_watch *watch, uint32_t events)
{
	struct connection *connection = container_of(watch, struct connection, watch);

	(void)events; /* nothing else was asked for */
	if (list_linked(&connection->half_closed))
		return;
	list_append(&connection->listener->half_closed, &connection->half_closed);
	if (connection->state == CONNECTION_WATCHED)
		connection_report_gone(connection);
	if (connection->state == CONNECTION_STREAMING || connection->state == CONNECTION_HUNGRY ||
	    connection->state == CONNECTION_FED)
		chunked_reply_cut(connection, "gone", "the client went away");
}

void connections_close_half_closed(struct listener *listener)
{
	struct list *list = &listener->half_closed;
	char byte;

	for (struct list_link *it = list->head.next, *next; it != &list->head; it = next) {
		struct connection *connection = container_of(it, struct connection, half_closed);

		next = it->next;
		if (connection->state != CONNECTION_RESTING &&
		    connection->state != CONNECTION_ARRIVING)
			continue;
		/* The library has read all that came, and it is no whole request. */
		if (recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			connection_close(connection, "the client has closed it");
	}
}

static void connections_on_watch_due(struct loop_timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, watch_timer);
	struct list *working = &listener->connections[CONNECTION_WORKING];
	int64_t long_ago_us = loop_now(listener->loop) - HTTP_WATCH_AFTER_US;

	while (!list_empty(working)) {
		struct connection *connection =
			container_of(list_first(working), struct connection, link);

		if (connection->since_us > long_ago_us) {
			loop_timer_set(listener->loop, timer,
				       connection->since_us + HTTP_WATCH_AFTER_US);
			return;
		}
		connection_move(connection, CONNECTION_WATCHED);
		if (list_linked(&connection->half_closed))
			connection_report_gone(connection);
	}
}

/* --- time-outs -------------------------------------------------------------------------------- */

static int64_t connections_arrival_us_max(const struct listener *listener)
{
	int64_t us_max = listener->settings.request_timeout_us;

	return listener->quiescing && us_max > HTTP_LAST_ARRIVAL_US ? HTTP_LAST_ARRIVAL_US : us_max;
}

static int64_t connections_rest_us_max(const struct listener *listener)
{
	if (!listener->quiescing)
		return listener->settings.idle_timeout_us;
	/* A client that is in the middle of its work sends the next request within this, and then
	 * learns from the reply that the connection ends. */
	return listener->settings.pages ? 0 : HTTP_LAST_REST_US;
}

static void connection_time_out(struct connection *connection, const char *reason)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	struct listener *listener = connection->listener;
	int untaken = 0;

	metric_add(listener->metrics, METRIC_http_timed_out_total,
		   METRIC_LABELS(connection_states[connection->state].name), 1);
	/* Else the kernel keeps for minutes what the client does not take. */
	if (ioctl(connection->fd, SIOCOUTQ, &untaken) == 0 && untaken > 0)
		(void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	connection_close(connection, reason);
}

/* In time order, while all of the state have the same time. */
static void connections_close_older(struct listener *listener, enum connection_state state,
				    int64_t us_max, const char *reason, unsigned *closes_left)
{
	struct list *list = &listener->connections[state];

	while (!list_empty(list) && *closes_left) {
		struct connection *connection =
			container_of(list_first(list), struct connection, link);

		if (loop_now(listener->loop) - connection->since_us < us_max)
			return;
		connection_time_out(connection, reason);
		--*closes_left;
	}
}

/* In proportion to what is to be taken: a client that reads a byte now and then gets no more. */
static int64_t connection_sending_us_max(const struct connection *connection)
{
	return HTTP_SENDING_US +
	       (int64_t)connection->sending_bytes * US_PER_S / HTTP_SENDING_BYTES_PER_S_MIN;
}

static void connections_close_untaken(struct listener *listener, unsigned *closes_left)
{
	struct list *list = &listener->connections[CONNECTION_SENDING];

	for (struct list_link *it = list->head.next, *next; it != &list->head && *closes_left;
	     it = next) {
		struct connection *connection = container_of(it, struct connection, link);
		int64_t us = loop_now(listener->loop) - connection->since_us;

		next = it->next;
		if (us < HTTP_SENDING_US)
			return; /* and all that follow are younger */
		if (us < connection_sending_us_max(connection))
			continue;
		connection_time_out(connection, "the reply was not taken");
		--*closes_left;
	}
}

void connections_make_room(struct listener *listener)
{
	struct list *list = &listener->connections[CONNECTION_SENDING];

	while (listener->sending_bytes > HTTP_SENDING_BYTES_MAX && list->count > 1)
		connection_time_out(container_of(list_first(list), struct connection, link),
				    "replies that are not taken need too much memory");
}

void connection_yield(struct connection *connection, const char *reason, const char *message)
{
	metric_add(connection->listener->metrics, METRIC_http_yielded_total,
		   METRIC_LABELS(connection_states[connection->state].name, reason), 1);
	connection_close(connection, message);
}

bool connections_sweep(struct listener *listener)
{
	unsigned closes_left = HTTP_CLOSES_PER_TURN;

	connections_close_older(listener, CONNECTION_RESTING, connections_rest_us_max(listener),
				"no request", &closes_left);
	connections_close_older(listener, CONNECTION_ARRIVING, connections_arrival_us_max(listener),
				"the request took too long to arrive", &closes_left);
	connections_close_untaken(listener, &closes_left);
	watchdog_look_soon(listener);
	chunked_replies_sweep(listener);
	return closes_left > 0;
}

/*
 * The allocator keeps what a crowd has used, for ever, where a few of them stay. Giving it back is
 * work on the memory of all loops: a crowd leaves them all at once, but they do it one by one.
 */
static bool connections_may_trim(const struct listener *listener)
{
	static _Atomic int64_t trimmed_us;
	int64_t now_us = loop_now(listener->loop), last_us = atomic_load(&trimmed_us);

	return (!last_us || now_us - last_us >= HTTP_TRIM_PAUSE_US) &&
	       atomic_compare_exchange_strong(&trimmed_us, &last_us, now_us);
}

static void connections_give_back(struct listener *listener, size_t count)
{
	if (count > listener->peak)
		listener->peak = count;
	if (listener->peak < 2 * count + HTTP_TRIM_CONNECTIONS || !connections_may_trim(listener))
		return;
	listener->peak = count;
	(void)malloc_trim(0);
}

static void connections_on_sweep_due(struct loop_timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, sweep);
	int64_t pause_us = connections_sweep(listener) ? HTTP_SWEEP_US : 0;
	size_t count = 0;

	for (unsigned i = 0; i < CONNECTION_STATES; i++)
		count += listener->connections[i].count;
	connections_give_back(listener, count);
	if (count || listener->peak >= HTTP_TRIM_CONNECTIONS)
		loop_timer_set(listener->loop, timer, loop_now(listener->loop) + pause_us);
}

void connections_init(struct listener *listener)
{
	for (unsigned i = 0; i < CONNECTION_STATES; i++)
		list_init(&listener->connections[i]);
	list_init(&listener->half_closed);
	listener->sweep.on_due = connections_on_sweep_due;
	listener->watch_timer.on_due = connections_on_watch_due;
}

void connections_fini(struct listener *listener)
{
	loop_timer_cancel(listener->loop, &listener->sweep);
	loop_timer_cancel(listener->loop, &listener->watch_timer);
	for (unsigned i = 0; i < CONNECTION_STATES; i++)
		assert(list_empty(&listener->connections[i]));
}
