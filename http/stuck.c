/* SPDX-License-Identifier: Apache-2.0 */
/* Time-outs of the library for those who are closing, and looks at those who are arriving. */
#include "http/stuck.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/listener.h"
#include "http/refusal.h"

#include <sys/ioctl.h>

#define STUCK_LIBRARY_TIMEOUT_S 1u /* the shortest; 0 means none */

static void stuck_on_due(struct loop_timer *timer)
{
	container_of(timer, struct listener, stuck.timer)->ready = true;
}

void stuck_init(struct listener *listener)
{
	listener->stuck.timer.on_due = stuck_on_due;
}

void stuck_fini(struct listener *listener)
{
	loop_timer_cancel(listener->loop, &listener->stuck.timer);
}

/* --- who makes no progress? ------------------------------------------------------------------- */

/* Both looks saw the same bytes unread, and before each the library was run. */
static bool stuck_is(struct connection *connection, unsigned look)
{
	uint64_t body_bytes = connection->exchange.body_bytes;
	int unread = 0;
	bool same;

	if (ioctl(connection->fd, FIONREAD, &unread) != 0 || unread == 0)
		return false;
	same = connection->look == look - 1 && connection->look_unread == unread &&
	       connection->look_body_bytes == body_bytes;
	connection->look = look;
	connection->look_unread = unread;
	connection->look_body_bytes = body_bytes;
	return same;
}

static void stuck_look_at(struct listener *listener, struct connection *connection)
{
	if (!stuck_is(connection, listener->stuck.look))
		return;
	refusal_stuck(connection);
	connection_give_up(connection, "a line of its request does not fit");
}

static void stuck_look(struct listener *listener)
{
	struct list *list = &listener->connections[CONNECTION_ARRIVING];

	listener->stuck.look_due = false;
	listener->stuck.looked_us = loop_now(listener->loop);
	listener->stuck.look++;
	for (struct list_link *it = list->head.next, *next; it != &list->head; it = next) {
		struct connection *connection = container_of(it, struct connection, link);

		next = it->next;
		stuck_look_at(listener, connection);
	}
	/* The library may have shut one for itself, and have forgotten it. */
	list_each (&listener->half_closed, it) {
		struct connection *connection = container_of(it, struct connection, half_closed);

		if (connection->state == CONNECTION_RESTING)
			stuck_look_at(listener, connection);
	}
}

void stuck_look_soon(struct listener *listener)
{
	if (list_empty(&listener->connections[CONNECTION_ARRIVING]) &&
	    list_empty(&listener->half_closed))
		return;
	listener->stuck.look_due = true;
	listener->ready = true;
}

/* --- when is the library to run again? -------------------------------------------------------- */

/* Does it ask for it at once? */
static bool stuck_asks(struct listener *listener)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (MHD_get_timeout(listener->daemon, &wait_ms) != MHD_YES)
		return false;
	if (wait_ms == 0)
		return true;
	/* No connection has a time-out of the library's, but those that are forced out. */
	loop_timer_set(listener->loop, &listener->stuck.timer,
		       loop_now(listener->loop) + (int64_t)(wait_ms + 1) * US_PER_MS);
	return false;
}

bool stuck_after_run(struct listener *listener)
{
	struct stuck *stuck = &listener->stuck;
	bool asks = stuck_asks(listener);
	int64_t now_us;

	if (stuck->look_due)
		stuck_look(listener);
	if (!asks) {
		stuck->restless = false;
		return false;
	}
	now_us = loop_now(listener->loop);
	if (!stuck->restless) {
		stuck->restless = true;
		stuck->silent_runs = 0;
		stuck->looked_us = now_us;
	}
	stuck->silent_runs = stuck->calls == stuck->calls_seen ? stuck->silent_runs + 1 : 0;
	stuck->calls_seen = stuck->calls;
	if (now_us - stuck->looked_us >= HTTP_STUCK_LOOK_US)
		stuck_look(listener);
	if (stuck->silent_runs < HTTP_SILENT_RUNS_MAX)
		return true;
	loop_timer_set(listener->loop, &stuck->timer, now_us + HTTP_SILENT_PAUSE_US);
	return false;
}

/* --- who was shut down ------------------------------------------------------------------------ */

void stuck_force_out(struct listener *listener)
{
	list_each (&listener->connections[CONNECTION_CLOSING], it) {
		struct connection *connection = container_of(it, struct connection, link);

		if (connection->forced)
			continue;
		/* Not in the turn in which it was shut down: most end in the next one. */
		if (!connection->outlasts) {
			connection->outlasts = true;
			loop_again(listener->loop);
			listener->ready = true;
			continue;
		}
		if (MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
					      STUCK_LIBRARY_TIMEOUT_S) == MHD_YES) {
			connection->forced = true;
			listener->ready = true;
			loop_again(listener->loop);
		}
	}
}
