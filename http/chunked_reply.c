/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader has taken is what its kernel has acknowledged: the socket's own buffer may hold
 * megabytes, and tells that it has room only when much of it is free.
 */
#include "http/chunked_reply.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/repeats.h"
#include "http/connection.h"
#include "http/encoding.h"
#include "http/reply.h"

#include <assert.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#define CHUNKED_REPLY_BLOCK_BYTES                                                                  \
	16 /* unused: chunks are written straight into the library's buffer */

void chunked_reply_on_rows(struct request *request)
{
	struct connection *connection = request->client;

	assert(connection->client.kind == CLIENT_CONNECTION);
	switch (connection->state) {
	case CONNECTION_WORKING:
	case CONNECTION_WATCHED:
		connection_move(connection, CONNECTION_DONE);
		return;
	case CONNECTION_HUNGRY:
		connection_move(connection, CONNECTION_FED);
		return;
	case CONNECTION_DONE:
	case CONNECTION_RESUMED:
	case CONNECTION_FED:
	case CONNECTION_STREAMING:
	case CONNECTION_CLOSING:
		return;
	case CONNECTION_RESTING:
	case CONNECTION_ARRIVING:
	case CONNECTION_SENDING:
	case CONNECTION_PARTING:
	case CONNECTION_STATES:
		break;
	}
	assert(!"a connection that has no stream");
}

static void chunked_reply_count(struct connection *connection, const char *end)
{
	const struct request *request = connection->exchange.request;

	metric_add(connection->shared->metrics, METRIC_streams_total,
		   METRIC_LABELS(request->operation_name ? request->operation_name : "-", end), 1);
}

/* Nothing is left in out. */
static ssize_t chunked_reply_on_drained(struct connection *connection)
{
	struct request *request = connection->exchange.request;

	if (request->stream == STREAM_WHOLE) {
		chunked_reply_count(connection, "whole");
		connection_move(connection, CONNECTION_SENDING);
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	connection_move(connection, CONNECTION_HUNGRY);
	connection->suspended = true;
	MHD_suspend_connection(connection->mhd);
	return 0;
}

static ssize_t chunked_reply_on_broken(struct connection *connection)
{
	struct request *request = connection->exchange.request;
	char again[REPEATS_TEXT_BYTES];

	chunked_reply_count(connection, "failed");
	if (repeats_allow(REPEATS_FAILURES, (uint64_t)request->outcome,
			  loop_now(connection->shared->loop), again))
		log_with(LOG_WARN, "http",
			 LOG_FIELDS({ "request_id", request->id },
				    { "operation", request->operation_name },
				    { "code", outcome_row(request->outcome)->code }),
			 "a stream was cut off: %s%s",
			 request->detail ? request->detail : "its rows ended", again);
	connection_close(connection, "its rows ended before they were whole");
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t chunked_reply_on_read(void *arg, uint64_t position, char *bytes, size_t room)
{
	struct connection *connection = arg;
	struct request *request = connection->exchange.request;
	struct asked *asked = connection->exchange.asked;
	size_t left, moved;

	(void)position;
	connection->shared->calls++;
	if (connection->state == CONNECTION_CLOSING)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (request->stream == STREAM_BROKEN)
		return chunked_reply_on_broken(connection);
	left = request->out.len - asked->taken;
	moved = encoding_move(connection, bytes, room);
	if (!moved)
		return chunked_reply_on_drained(connection);
	asked->handed_over += moved;
	if (left && asked->taken == request->out.len) {
		buf_clear(&request->out);
		asked->taken = 0;
		if (request->stream == STREAM_OPEN)
			request->on_taken(request);
	}
	return (ssize_t)moved;
}

enum MHD_Result chunked_reply_begin(struct connection *connection)
{
	struct asked *asked = connection->exchange.asked;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNKED_REPLY_BLOCK_BYTES,
						  chunked_reply_on_read, connection, NULL);

	if (!response)
		log_fatal("http", "out of memory");
	asked->taken = 0;
	encoding_begin_stream(connection);
	asked->handed_over = asked->acknowledged = 0;
	asked->began_us = asked->progress_us = loop_now(connection->shared->loop);
	connection_move(connection, CONNECTION_STREAMING);
	return reply_send_head(connection, 200, response);
}

void chunked_reply_on_lost(struct connection *connection)
{
	assert(connection->state == CONNECTION_STREAMING);
	chunked_reply_count(connection, "gone");
}

void chunked_reply_cut(struct connection *connection, const char *end, const char *reason)
{
	struct exchange *exchange = &connection->exchange;
	struct request *request = exchange->request;

	chunked_reply_count(connection, end);
	connection->client_gone = true;
	if (exchange->with_router && request->on_client_gone)
		request->on_client_gone(request);
	/* What it did not take is not kept in the kernel either. */
	connection_drop_unsent(connection);
	connection_close(connection, reason);
	if (connection->suspended) {
		connection->suspended = false;
		MHD_resume_connection(connection->mhd);
		connection->shared->library_due = true;
		loop_again(connection->shared->loop);
	}
}

uint64_t chunked_reply_taken(const struct connection *connection, size_t *unsent)
{
	uint64_t handed_over = connection->exchange.asked->handed_over;
	int queued = 0;

	(void)ioctl(connection->fd, SIOCOUTQ, &queued);
	*unsent = (size_t)queued;
	/* The head and the chunks' own bytes are in the queue as well. */
	return handed_over > *unsent ? handed_over - *unsent : 0;
}

/* Takes note of what the reader has taken since the last call. */
static bool chunked_reply_stalls(struct connection *connection)
{
	struct asked *asked = connection->exchange.asked;
	int64_t now_us = loop_now(connection->shared->loop);
	size_t unsent;
	uint64_t taken = chunked_reply_taken(connection, &unsent);

	if (taken >= asked->acknowledged + STREAM_BYTES_TAKEN_MIN || unsent == 0) {
		asked->acknowledged = taken;
		asked->progress_us = now_us;
	}
	return now_us - asked->progress_us >= connection->shared->settings.stream_stall_us;
}

void chunked_replies_sweep(struct connections *connections)
{
	static const enum connection_state flowing[] = { CONNECTION_STREAMING, CONNECTION_HUNGRY };

	for (size_t i = 0; i < sizeof(flowing) / sizeof(flowing[0]); i++) {
		struct list *list = &connections->by_state[flowing[i]];

		for (struct list_link *it = list->head.next, *next; it != &list->head; it = next) {
			struct connection *connection = container_of(it, struct connection, link);

			next = it->next;
			if (chunked_reply_stalls(connection))
				chunked_reply_cut(connection, "stalled",
						  "the stream was not taken");
		}
	}
}
