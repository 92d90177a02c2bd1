/* SPDX-License-Identifier: Apache-2.0 */
/* Time-outs of the library for those who are closing, and looks at those who are arriving. */
#include "http/watchdog.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/listener.h"
#include "http/refusal.h"

#include <sys/ioctl.h>

#define WATCHDOG_LIBRARY_TIMEOUT_S 1u /* the shortest; 0 means none */

static void watchdog_on_due(struct loop_timer *timer)
{
	container_of(timer, struct listener, watchdog.timer)->ready = true;
}

void watchdog_init(struct listener *listener)
{
	listener->watchdog.timer.on_due = watchdog_on_due;
}

void watchdog_fini(struct listener *listener)
{
	loop_timer_cancel(listener->loop, &listener->watchdog.timer);
}

/* --- who makes no progress? ------------------------------------------------------------------- */

/* Both looks saw the same bytes unread, and before each the library was run. */
static bool watchdog_is(struct connection *connection, unsigned look)
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

static void watchdog_look_at(struct listener *listener, struct connection *connection)
{
	if (!watchdog_is(connection, listener->watchdog.look))
		return;
	refusal_stalled(connection);
	connection_give_up(connection, "a line of its request does not fit");
}

static void watchdog_look(struct listener *listener)
{
	struct list *list = &listener->connections[CONNECTION_ARRIVING];

	listener->watchdog.look_due = false;
	listener->watchdog.looked_us = loop_now(listener->loop);
	listener->watchdog.look++;
	for (struct list_link *it = list->head.next, *next; it != &list->head; it = next) {
		struct connection *connection = container_of(it, struct connection, link);

		next = it->next;
		watchdog_look_at(listener, connection);
	}
	/* The library may have shut one for itself, and have forgotten it. */
	list_each (&listener->half_closed, it) {
		struct connection *connection = container_of(it, struct connection, half_closed);

		if (connection->state == CONNECTION_RESTING)
			watchdog_look_at(listener, connection);
	}
}

void watchdog_look_soon(struct listener *listener)
{
	if (list_empty(&listener->connections[CONNECTION_ARRIVING]) &&
	    list_empty(&listener->half_closed))
		return;
	listener->watchdog.look_due = true;
	listener->ready = true;
}

/* --- when is the library to run again? -------------------------------------------------------- */

/* Does it ask for it at once? */
static bool watchdog_asks(struct listener *listener)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (MHD_get_timeout(listener->daemon, &wait_ms) != MHD_YES)
		return false;
	if (wait_ms == 0)
		return true;
	/* No connection has a time-out of the library's, but those that are forced out. */
	loop_timer_set(listener->loop, &listener->watchdog.timer,
		       loop_now(listener->loop) + (int64_t)(wait_ms + 1) * US_PER_MS);
	return false;
}

bool watchdog_after_run(struct listener *listener)
{
	struct watchdog *watchdog = &listener->watchdog;
	bool asks = watchdog_asks(listener);
	int64_t now_us;

	if (watchdog->look_due)
		watchdog_look(listener);
	if (!asks) {
		watchdog->restless = false;
		return false;
	}
	now_us = loop_now(listener->loop);
	if (!watchdog->restless) {
		watchdog->restless = true;
		watchdog->silent_runs = 0;
		watchdog->looked_us = now_us;
	}
	watchdog->silent_runs =
		watchdog->calls == watchdog->calls_seen ? watchdog->silent_runs + 1 : 0;
	watchdog->calls_seen = watchdog->calls;
	if (now_us - watchdog->looked_us >= HTTP_WATCHDOG_LOOK_US)
		watchdog_look(listener);
	if (watchdog->silent_runs < HTTP_SILENT_RUNS_MAX)
		return true;
	loop_timer_set(listener->loop, &watchdog->timer, now_us + HTTP_SILENT_PAUSE_US);
	return false;
}

/* --- who was shut down ------------------------------------------------------------------------ */

void watchdog_force_out(struct listener *listener)
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
					      WATCHDOG_LIBRARY_TIMEOUT_S) == MHD_YES) {
			connection->forced = true;
			listener->ready = true;
			loop_again(listener->loop);
		}
	}
}
