/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits is on the list of its state; a request that does not wait is not seen from outside. */
#include "cmd/in_flight.h"

#include "base/clock.h"
#include "pg/node.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define IN_FLIGHT_EVERY_US US_PER_S

/* The oldest requests so far, the oldest first. */
struct oldest {
	struct request *requests[IN_FLIGHT_MAX];
	unsigned count, all;
};

static void oldest_offer(struct oldest *oldest, struct request *request)
{
	unsigned at = oldest->count;

	oldest->all++;
	if (at == IN_FLIGHT_MAX && request->born_us >= oldest->requests[at - 1]->born_us)
		return;
	if (at == IN_FLIGHT_MAX)
		at--;
	else
		oldest->count++;
	for (; at > 0 && oldest->requests[at - 1]->born_us > request->born_us; at--)
		oldest->requests[at] = oldest->requests[at - 1];
	oldest->requests[at] = request;
}

static void oldest_gather(struct oldest *oldest, struct list *in_state, unsigned states)
{
	for (unsigned i = 0; i < states; i++)
		list_each (&in_state[i], it)
			oldest_offer(oldest, container_of(it, struct request, link));
}

static const char *in_flight_node(struct request *request)
{
	const struct node *node =
		request->kind != REQUEST_QUERY ? write_node(request) : read_node(request);

	return node ? node->name : NULL;
}

static const char *in_flight_kind(enum request_kind kind)
{
	switch (kind) {
	case REQUEST_QUERY:
		return "query";
	case REQUEST_COMMAND:
		return "command";
	case REQUEST_JOB:
	case REQUEST_JOB_CANCEL:
		return "job";
	case REQUEST_DOCUMENT:
		return "document";
	}
	assert(!"a kind of request");
	return "";
}

static void in_flight_fill(struct in_flight_entry *entry, struct request *request)
{
	const char *operation = request->operation_name ? request->operation_name : "";

	memcpy(entry->id, request->id, sizeof(entry->id));
	snprintf(entry->operation, sizeof(entry->operation), "%.*s", IN_FLIGHT_NAME_BYTES_MAX,
		 operation);
	entry->kind = in_flight_kind(request->kind);
	entry->state = request->path->states[request->state].name;
	entry->waits_for = wait_text(request_wait_kind(request));
	entry->node = in_flight_node(request);
	entry->born_us = request->born_us;
}

static void in_flight_publish(struct in_flight_board *board)
{
	struct oldest oldest = { .count = 0 };
	struct in_flight shown;

	oldest_gather(&oldest, board->reads->in_state, READ_STATES);
	oldest_gather(&oldest, board->writes->in_state, WRITE_STATES);
	if (!oldest.all && !board->shows_any)
		return;
	board->shows_any = oldest.all > 0;
	memset(&shown, 0, sizeof(shown));
	shown.requests = oldest.all;
	shown.count = oldest.count;
	for (unsigned i = 0; i < oldest.count; i++)
		in_flight_fill(&shown.entries[i], oldest.requests[i]);
	snapshot_publish(board->snapshot, &shown);
}

static void in_flight_on_timer(struct loop_timer *timer)
{
	struct in_flight_board *board = container_of(timer, struct in_flight_board, timer);
	struct loop *loop = board->reads->router->loop;

	in_flight_publish(board);
	loop_timer_set(loop, timer, loop_now(loop) + IN_FLIGHT_EVERY_US);
}

void in_flight_start(struct in_flight_board *board, struct reads *reads, struct writes *writes)
{
	board->reads = reads;
	board->writes = writes;
	board->snapshot = snapshot_new(sizeof(struct in_flight));
	board->shows_any = false;
	board->timer = (struct loop_timer){ .on_due = in_flight_on_timer };
	in_flight_on_timer(&board->timer);
}

void in_flight_stop(struct in_flight_board *board)
{
	loop_timer_cancel(board->reads->router->loop, &board->timer);
}

void in_flight_free(struct in_flight_board *board)
{
	snapshot_free(board->snapshot);
}
