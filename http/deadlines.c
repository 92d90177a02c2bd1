/* SPDX-License-Identifier: Apache-2.0 */
/* All connections of a state have the same time: the first of its list is the next to be over. */
#include "http/deadlines.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

static int64_t deadlines_arrival_us(const struct connections *connections)
{
	int64_t us_max = connections->settings.request_timeout_us;

	return connections->quiescing && us_max > HTTP_LAST_ARRIVAL_US ? HTTP_LAST_ARRIVAL_US
								       : us_max;
}

static int64_t deadlines_rest_us(const struct connections *connections)
{
	if (!connections->quiescing)
		return connections->settings.idle_timeout_us;
	/* A client that is in the middle of its work sends the next request within this, and then
	 * learns from the reply that the connection ends. */
	return connections->settings.pages ? 0 : HTTP_LAST_REST_US;
}

/* What a client has not taken in all its time is not kept in the kernel either. A drain cuts the
 * time of a connection at rest short: its last reply may still be on its way. */
static bool deadlines_keeps_unsent(const struct connection *connection)
{
	int untaken = 0;

	if (connection->shared->quiescing &&
	    (connection->state == CONNECTION_RESTING || connection->state == CONNECTION_PARTING))
		return true;
	return ioctl(connection->fd, SIOCOUTQ, &untaken) != 0 || untaken == 0;
}

static void deadlines_end(struct connection *connection, const char *reason)
{
	struct connections *connections = connection->shared;

	if (connection->state != CONNECTION_PARTING)
		metric_add(connections->metrics, METRIC_http_timed_out_total,
			   METRIC_LABELS(connection_state_name(connection->state)), 1);
	if (!deadlines_keeps_unsent(connection)) {
		connection_drop_unsent(connection);
		connection_close(connection, reason);
	} else if (connection->state == CONNECTION_RESTING) {
		connection_part(connection, reason);
	} else {
		connection_close(connection, reason);
	}
}

/* In time order, while all of the state have the same time. */
static void deadlines_close_older(struct connections *connections, enum connection_state state,
				  int64_t us_max, const char *reason, unsigned *closes_left)
{
	struct list *list = &connections->by_state[state];

	while (!list_empty(list) && *closes_left) {
		struct connection *connection =
			container_of(list_first(list), struct connection, link);

		if (loop_now(connections->loop) - connection->since_us < us_max)
			return;
		deadlines_end(connection, reason);
		--*closes_left;
	}
}

/* In proportion to what is to be taken: a client that reads a byte now and then gets no more. */
static int64_t deadlines_sending_us(const struct connection *connection)
{
	return HTTP_SENDING_US +
	       (int64_t)connection->sending_bytes * US_PER_S / HTTP_SENDING_BYTES_PER_S_MIN;
}

static void deadlines_close_untaken(struct connections *connections, unsigned *closes_left)
{
	struct list *list = &connections->by_state[CONNECTION_SENDING];

	for (struct list_link *it = list->head.next, *next; it != &list->head && *closes_left;
	     it = next) {
		struct connection *connection = container_of(it, struct connection, link);
		int64_t us = loop_now(connections->loop) - connection->since_us;

		next = it->next;
		if (us < HTTP_SENDING_US)
			return; /* and all that follow are younger */
		if (us < deadlines_sending_us(connection))
			continue;
		deadlines_end(connection, "the reply was not taken");
		--*closes_left;
	}
}

void deadlines_make_room(struct connections *connections)
{
	struct list *list = &connections->by_state[CONNECTION_SENDING];

	while (connections->sending_bytes > HTTP_SENDING_BYTES_MAX && list->count > 1)
		deadlines_end(container_of(list_first(list), struct connection, link),
			      "replies that are not taken need too much memory");
}

bool deadlines_sweep(struct connections *connections)
{
	unsigned closes_left = HTTP_CLOSES_PER_TURN;

	deadlines_close_older(connections, CONNECTION_RESTING, deadlines_rest_us(connections),
			      "no request", &closes_left);
	deadlines_close_older(connections, CONNECTION_ARRIVING, deadlines_arrival_us(connections),
			      "the request took too long to arrive", &closes_left);
	deadlines_close_older(connections, CONNECTION_PARTING, HTTP_PARTING_US,
			      "the client has not closed it", &closes_left);
	deadlines_close_untaken(connections, &closes_left);
	return closes_left > 0;
}
