/* SPDX-License-Identifier: Apache-2.0 */
/* Time-outs of the library for connections that are closing, and checks of requests that are
 * arriving. */
#include "http/watchdog.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/connection.h"
#include "http/refusal.h"

#include <sys/ioctl.h>

#define WATCHDOG_LIBRARY_TIMEOUT_S 1u /* the shortest; 0 means none */

static void watchdog_on_due(struct loop_timer *timer)
{
	container_of(timer, struct watchdog, timer)->connections->library_due = true;
}

void watchdog_init(struct watchdog *watchdog, struct connections *connections,
		   struct MHD_Daemon *daemon)
{
	watchdog->connections = connections;
	watchdog->daemon = daemon;
	watchdog->timer.on_due = watchdog_on_due;
}

void watchdog_fini(struct watchdog *watchdog)
{
	loop_timer_cancel(watchdog->connections->loop, &watchdog->timer);
}

/* --- who makes no progress? ------------------------------------------------------------------- */

/* Both checks saw the same bytes unread, and before each the library was run. */
static bool watchdog_is(struct connection *connection, unsigned check)
{
	uint64_t body_bytes = connection->exchange.body_bytes;
	int unread = 0;
	bool same;

	if (ioctl(connection->fd, FIONREAD, &unread) != 0 || unread == 0)
		return false;
	same = connection->check == check - 1 && connection->check_unread == unread &&
	       connection->check_body_bytes == body_bytes;
	connection->check = check;
	connection->check_unread = unread;
	connection->check_body_bytes = body_bytes;
	return same;
}

static void watchdog_check_one(const struct watchdog *watchdog, struct connection *connection)
{
	if (!watchdog_is(connection, watchdog->check))
		return;
	refusal_stalled(connection);
	connection_give_up(connection, "a line of its request does not fit");
}

static void watchdog_check(struct watchdog *watchdog)
{
	struct connections *connections = watchdog->connections;
	struct list *list = &connections->by_state[CONNECTION_ARRIVING];

	watchdog->check_due = false;
	watchdog->checked_us = loop_now(connections->loop);
	watchdog->check++;
	for (struct list_link *it = list->head.next, *next; it != &list->head; it = next) {
		struct connection *connection = container_of(it, struct connection, link);

		next = it->next;
		watchdog_check_one(watchdog, connection);
	}
	/* The library may have shut one for itself, and have forgotten it. */
	list_each (&connections->half_closed, it) {
		struct connection *connection = container_of(it, struct connection, half_closed);

		if (connection->state == CONNECTION_RESTING)
			watchdog_check_one(watchdog, connection);
	}
}

void watchdog_check_soon(struct watchdog *watchdog)
{
	struct connections *connections = watchdog->connections;

	if (list_empty(&connections->by_state[CONNECTION_ARRIVING]) &&
	    list_empty(&connections->half_closed))
		return;
	watchdog->check_due = true;
	connections->library_due = true;
}

/* --- when is the library to run again? -------------------------------------------------------- */

/* Does it ask for it at once? */
static bool watchdog_asks(struct watchdog *watchdog)
{
	struct loop *loop = watchdog->connections->loop;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	/* It would, for those that are not suspended: to ask again and again for their replies. */
	if (connections_all_wait(watchdog->connections))
		return false;
	if (MHD_get_timeout(watchdog->daemon, &wait_ms) != MHD_YES)
		return false;
	if (wait_ms == 0)
		return true;
	/* No connection has a time-out of the library's, but those that are forced out. */
	loop_timer_set(loop, &watchdog->timer, loop_now(loop) + (int64_t)(wait_ms + 1) * US_PER_MS);
	return false;
}

bool watchdog_after_run(struct watchdog *watchdog)
{
	struct connections *connections = watchdog->connections;
	bool asks = watchdog_asks(watchdog);
	int64_t now_us;

	if (watchdog->check_due)
		watchdog_check(watchdog);
	if (!asks) {
		watchdog->restless = false;
		return false;
	}
	now_us = loop_now(connections->loop);
	if (!watchdog->restless) {
		watchdog->restless = true;
		watchdog->silent_runs = 0;
		watchdog->checked_us = now_us;
	}
	watchdog->silent_runs =
		connections->calls == watchdog->calls_seen ? watchdog->silent_runs + 1 : 0;
	watchdog->calls_seen = connections->calls;
	if (now_us - watchdog->checked_us >= HTTP_WATCHDOG_CHECK_US)
		watchdog_check(watchdog);
	if (watchdog->silent_runs < HTTP_SILENT_RUNS_MAX)
		return true;
	loop_timer_set(connections->loop, &watchdog->timer, now_us + HTTP_SILENT_PAUSE_US);
	return false;
}

/* --- who was shut down ------------------------------------------------------------------------ */

void watchdog_force_out(struct watchdog *watchdog)
{
	struct connections *connections = watchdog->connections;

	list_each (&connections->by_state[CONNECTION_CLOSING], it) {
		struct connection *connection = container_of(it, struct connection, link);

		switch (connection->closing) {
		case CLOSING_BEGUN:
			/* Not in the turn in which it was shut down: most end in the next one. */
			connection->closing = CLOSING_OUTLASTS;
			break;
		case CLOSING_OUTLASTS:
			if (MHD_set_connection_option(connection->mhd,
						      MHD_CONNECTION_OPTION_TIMEOUT,
						      WATCHDOG_LIBRARY_TIMEOUT_S) != MHD_YES)
				continue;
			connection->closing = CLOSING_FORCED;
			break;
		case CLOSING_FORCED:
			continue;
		}
		connections->library_due = true;
		loop_again(connections->loop);
	}
}
