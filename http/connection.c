/* SPDX-License-Identifier: Apache-2.0 */
/* A state is a list, and one function moves between them. */
#include "http/connection.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define TO(s) (1u << CONNECTION_##s)
static const struct {
	const char *name;
	unsigned next;
} connection_states[CONNECTION_STATES] = {
	[CONNECTION_RESTING] = { "resting", TO(ARRIVING) | TO(PARTING) | TO(CLOSING) },
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
	[CONNECTION_PARTING] = { "parting", TO(CLOSING) },
	[CONNECTION_CLOSING] = { "closing", 0 },
};

/* --- all of them ------------------------------------------------------------------------------ */

void connections_init(struct connections *connections, const struct connections_owner *owner,
		      struct loop *loop, const struct listener_settings *settings,
		      struct metrics *metrics)
{
	uint64_t seed;

	connections->owner = owner;
	connections->loop = loop;
	connections->metrics = metrics;
	connections->settings = *settings;
	connections->settings.address = NULL;
	for (unsigned i = 0; i < CONNECTION_STATES; i++)
		list_init(&connections->by_state[i]);
	list_init(&connections->half_closed);
	connections->orphans.client.kind = CLIENT_ORPHANS;
	list_init(&connections->orphans.dead);
	header_lines_init(&connections->lines);
	connections->siphash = siphash_new();
	gzips_init(&connections->gzips);
	recycled_bufs_init(&connections->targets);
	random_bytes(&seed, sizeof(seed));
	random_init(&connections->random, seed);
	callers_init(&connections->callers, random_next(&connections->random));
	lingering_close_init(&connections->lingering_close, loop);
	connections->sweep.on_due = owner->on_sweep_due;
	connections->watch_timer.on_due = owner->on_watch_due;
}

void connections_fini(struct connections *connections)
{
	assert(connections->count == 0);
	for (unsigned i = 0; i < CONNECTION_STATES; i++)
		assert(list_empty(&connections->by_state[i]));
	loop_timer_cancel(connections->loop, &connections->sweep);
	loop_timer_cancel(connections->loop, &connections->watch_timer);
	callers_fini(&connections->callers);
	lingering_close_fini(&connections->lingering_close);
	header_lines_fini(&connections->lines);
	siphash_free(connections->siphash);
	gzips_fini(&connections->gzips);
	recycled_bufs_fini(&connections->targets);
}

bool connections_all_wait(const struct connections *connections)
{
	const struct list *by_state = connections->by_state;

	return by_state[CONNECTION_WORKING].count + by_state[CONNECTION_WATCHED].count +
		       by_state[CONNECTION_HUNGRY].count ==
	       connections->count;
}

/* --- what its caller holds -------------------------------------------------------------------- */

static void connection_take_place(struct connection *connection)
{
	struct callers *callers = &connection->shared->callers;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	connection->caller = callers_take(callers, info->client_addr);
	connection->peer = NULL;
	if (connection->shared->settings.peers && connection->caller->uid >= 0)
		connection->peer =
			peers_find(connection->shared->settings.peers, connection->caller->uid);
	callers_hold(callers, connection->caller, CALLERS_PLACES, 1);
	list_append(&connection->caller->connections, &connection->of_caller);
}

static void connection_leave_place(struct connection *connection)
{
	if (!list_linked(&connection->of_caller))
		return;
	list_remove(&connection->caller->connections, &connection->of_caller);
	callers_let_go(&connection->shared->callers, connection->caller, CALLERS_PLACES, 1);
	connection_let_go_of_body(connection);
}

void connection_hold_body(struct connection *connection, size_t bytes)
{
	connection->body_held += bytes;
	callers_hold(&connection->shared->callers, connection->caller, CALLERS_BODIES, bytes);
}

void connection_let_go_of_body(struct connection *connection)
{
	callers_let_go(&connection->shared->callers, connection->caller, CALLERS_BODIES,
		       connection->body_held);
	connection->body_held = 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static void connection_on_socket(struct loop_watch *watch, uint32_t events)
{
	struct connection *connection = container_of(watch, struct connection, watch);
	struct connections *connections = connection->shared;

	(void)events; /* nothing else was asked for */
	if (list_linked(&connection->half_closed))
		return;
	list_append(&connections->half_closed, &connection->half_closed);
	connections->owner->on_half_closed(connection);
}

struct connection *connection_new(struct connections *connections, struct MHD_Connection *mhd,
				  int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		log_fatal("http", "out of memory");
	connection->shared = connections;
	connection->mhd = mhd;
	connection->fd = fd;
	connection_take_place(connection);
	connection->state = CONNECTION_RESTING;
	connection->since_us = loop_now(connections->loop);
	connection->watch.fd = -1;
	connection->watch.on_ready = connection_on_socket;
	loop_watch(connections->loop, &connection->watch, fd, EPOLLRDHUP | EPOLLONESHOT);
	exchange_init(&connection->exchange);
	list_append(&connections->by_state[CONNECTION_RESTING], &connection->link);
	connections->count++;
	if (connections->sweep.slot == 0)
		loop_timer_set(connections->loop, &connections->sweep,
			       loop_now(connections->loop) + HTTP_SWEEP_US);
	return connection;
}

void connection_free(struct connection *connection)
{
	struct connections *connections = connection->shared;

	loop_unwatch(connections->loop, &connection->watch);
	if (list_linked(&connection->half_closed))
		list_remove(&connections->half_closed, &connection->half_closed);
	assert(!connection->exchange.request);
	if (connection->closing == CLOSING_FORCED)
		metric_add(connections->metrics, METRIC_http_forced_total, NULL, 1);
	if (connection->lingers)
		lingering_close_begin(&connections->lingering_close, connection->fd);
	exchange_fini(&connection->exchange);
	connection_leave_place(connection);
	callers_release(&connections->callers, connection->caller);
	list_remove(&connections->by_state[connection->state], &connection->link);
	connections->count--;
	free(connection);
}

/* --- states ----------------------------------------------------------------------------------- */

const char *connection_state_name(enum connection_state state)
{
	return connection_states[state].name;
}

void connection_move(struct connection *connection, enum connection_state next)
{
	struct connections *connections = connection->shared;

	assert(connection_states[connection->state].next & (1u << next));
	list_remove(&connections->by_state[connection->state], &connection->link);
	connections->sending_bytes -= connection->sending_bytes;
	connection->sending_bytes = 0;
	connection->state = next;
	list_append(&connections->by_state[next], &connection->link);
	if (next == CONNECTION_WATCHED)
		return;
	connection->since_us = loop_now(connections->loop);
	if (next == CONNECTION_WORKING && connections->watch_timer.slot == 0)
		loop_timer_set(connections->loop, &connections->watch_timer,
			       connection->since_us + HTTP_WATCH_AFTER_US);
}

void connection_send(struct connection *connection, size_t bytes)
{
	connection_move(connection, CONNECTION_SENDING);
	connection->sending_bytes = bytes;
	connection->shared->sending_bytes += bytes;
}

static void connection_log_end(const struct connection *connection, const char *reason)
{
	log_debug("http", "connection %d closed after %lld ms %s: %s", connection->fd,
		  (long long)((loop_now(connection->shared->loop) - connection->since_us) /
			      US_PER_MS),
		  connection_states[connection->state].name, reason);
}

void connection_part(struct connection *connection, const char *reason)
{
	connection_log_end(connection, reason);
	connection_move(connection, CONNECTION_PARTING);
	shutdown(connection->fd, SHUT_WR);
}

void connection_give_up(struct connection *connection, const char *reason)
{
	connection_log_end(connection, reason);
	connection_move(connection, CONNECTION_CLOSING);
	connection_leave_place(connection);
}

void connection_close(struct connection *connection, const char *reason)
{
	connection_give_up(connection, reason);
	shutdown(connection->fd, SHUT_RDWR);
}

void connection_yield(struct connection *connection, const char *reason, const char *message)
{
	metric_add(connection->shared->metrics, METRIC_http_yielded_total,
		   METRIC_LABELS(connection_states[connection->state].name, reason), 1);
	connection_close(connection, message);
}

void connection_drop_unsent(struct connection *connection)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}
