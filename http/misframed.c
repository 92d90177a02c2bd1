/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the reply to the socket itself, and shuts it for writing before the library can. */
#include "http/misframed.h"

#include "base/clock.h"
#include "http/listener.h"
#include "http/problem.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Its headers are complete, though its handler was not called: no other is ever left like that. */
static struct connection *misframed_find(struct listener *listener)
{
	struct list *arriving = &listener->connections[CONNECTION_ARRIVING];

	/* From the newest on: the request line mostly came together with the headers. */
	for (struct list_link *it = arriving->head.prev; it != &arriving->head; it = it->prev) {
		struct connection *connection = container_of(it, struct connection, link);

		if (!connection->exchange.request &&
		    MHD_get_connection_info(connection->mhd,
					    MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE))
			return connection;
	}
	return NULL;
}

static void misframed_head(struct buf *head, const char *request_id, size_t body_bytes)
{
	time_t now = (time_t)(clock_wall_us() / US_PER_S);
	char date[64];
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	buf_printf(head,
		   "HTTP/1.1 400 Bad Request\r\nDate: %s\r\nConnection: close\r\n"
		   "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
		   "X-Request-Id: %s\r\nContent-Length: %zu\r\n\r\n",
		   date, request_id, body_bytes);
}

static void misframed_answer(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	const char *mark = strchr(exchange->target.ptr, '?');
	char request_id[REQUEST_ID_BYTES_MAX + 1];
	struct problem problem = {
		.outcome = OUTCOME_BAD_REQUEST,
		.detail = "The Content-Length header is not a number",
		.instance = { exchange->target.ptr, exchange->target.len },
		.request_id = request_id,
	};
	struct buf head, body;

	if (mark)
		problem.instance.len = (size_t)(mark - exchange->target.ptr);
	exchange_make_id(connection->listener, request_id);
	buf_init(&head);
	buf_init(&body);
	problem_write(&body, &problem);
	misframed_head(&head, request_id, body.len);
	buf_add(&head, body.ptr, body.len);
	/* It fits a socket that has sent its earlier replies; if not, the connection just ends. */
	(void)!send(connection->fd, head.ptr, head.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(connection->fd, SHUT_WR);
	buf_fini(&head);
	buf_fini(&body);
}

void misframed_on_log(struct listener *listener, const char *format)
{
	struct connection *connection;

	if (!listener->sees_lines || !strstr(format, "Content-Length"))
		return;
	connection = misframed_find(listener);
	if (connection)
		misframed_answer(connection);
}
