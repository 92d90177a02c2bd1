/* SPDX-License-Identifier: Apache-2.0 */
/* Whether its side is closed is known from the socket; what that means depends on the state. */
#include "http/client_gone.h"

#include "base/limits.h"
#include "http/chunked_reply.h"
#include "http/connection.h"

#include <sys/socket.h>

static void client_gone_report(struct connection *connection)
{
	struct request *request = connection->exchange.request;

	connection->client_gone = true;
	if (request->on_client_gone)
		request->on_client_gone(request);
}

void client_gone_on_half_closed(struct connection *connection)
{
	if (connection->state == CONNECTION_WATCHED)
		client_gone_report(connection);
	if (connection->state == CONNECTION_STREAMING || connection->state == CONNECTION_HUNGRY ||
	    connection->state == CONNECTION_FED)
		chunked_reply_cut(connection, "gone", "the client went away");
}

void client_gone_on_watch_due(struct loop_timer *timer)
{
	struct connections *connections = container_of(timer, struct connections, watch_timer);
	struct list *working = &connections->by_state[CONNECTION_WORKING];
	int64_t long_ago_us = loop_now(connections->loop) - HTTP_WATCH_AFTER_US;

	while (!list_empty(working)) {
		struct connection *connection =
			container_of(list_first(working), struct connection, link);

		if (connection->since_us > long_ago_us) {
			loop_timer_set(connections->loop, timer,
				       connection->since_us + HTTP_WATCH_AFTER_US);
			return;
		}
		connection_move(connection, CONNECTION_WATCHED);
		if (list_linked(&connection->half_closed))
			client_gone_report(connection);
	}
}

void client_gone_close(struct connections *connections)
{
	struct list *list = &connections->half_closed;
	char byte;

	for (struct list_link *it = list->head.next, *next; it != &list->head; it = next) {
		struct connection *connection = container_of(it, struct connection, half_closed);

		next = it->next;
		if (connection->state != CONNECTION_RESTING &&
		    connection->state != CONNECTION_ARRIVING &&
		    connection->state != CONNECTION_PARTING)
			continue;
		/* The library has read all that came, and it is no whole request. */
		if (recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			connection_close(connection, "the client has closed it");
	}
}
