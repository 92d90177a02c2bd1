/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   DIALING ──letter──► CONNECTING ──► IDENTIFYING ──► READING ──► told
 *      └────────────────────┴───────────────┴─────────────┴──────► refused, or out of time
 *                           ▲                               │
 *                           └── by a walsender, where the function told nothing
 *
 * IDENTIFYING is left out where the timeline is known; on timeline 1 there is nothing to read.
 */
#include "pg/timeline.h"

#include "pg/wire/dialer.h"

#include <libpq-fe.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define TIMELINE_KEYWORDS_MAX 64

enum timeline_state {
	TIMELINE_DIALING,
	TIMELINE_CONNECTING,
	TIMELINE_IDENTIFYING,
	TIMELINE_READING
};

/* Whom it asks. */
enum timeline_way {
	TIMELINE_BY_FUNCTION, /* cqrsd.timeline_history, of a migration */
	TIMELINE_BY_WALSENDER,
};

struct timeline_ask {
	struct loop *loop;
	const struct node *node;
	enum timeline_way way;
	enum timeline_state state;
	struct dial *dial; /* while DIALING */
	PGconn *pgconn;
	PGresult *result; /* of the question, until libpq says that it was all */
	struct loop_watch watch;
	struct loop_timer timer; /* the end of all patience */
	uint32_t timeline;
	void (*on_answer)(void *owner, const struct timeline_answer *answer);
	void *owner;
};

static void timeline_on_dialed(void *owner, PGconn *pgconn);
static void timeline_on_ready(struct loop_watch *watch, uint32_t events);
static void timeline_on_due(struct loop_timer *timer);

static void timeline_dial(struct timeline_ask *ask)
{
	const struct node *node = ask->node;
	const char *keywords[TIMELINE_KEYWORDS_MAX + 2], *values[TIMELINE_KEYWORDS_MAX + 2];
	size_t count = 0;

	for (size_t i = 0; node->keywords[i]; i++) {
		assert(count < TIMELINE_KEYWORDS_MAX);
		keywords[count] = node->keywords[i];
		values[count++] = node->values[i];
	}
	if (ask->way == TIMELINE_BY_WALSENDER) {
		keywords[count] = "replication";
		values[count++] = "database";
	}
	keywords[count] = values[count] = NULL;
	ask->state = TIMELINE_DIALING;
	ask->dial = dialer_dial(node->dialer, ask->loop, keywords, values, timeline_on_dialed, ask);
}

struct timeline_ask *
timeline_ask(struct loop *loop, const struct node *node, uint32_t timeline, int64_t timeout_us,
	     void (*on_answer)(void *owner, const struct timeline_answer *answer), void *owner)
{
	struct timeline_ask *ask = calloc(1, sizeof(*ask));

	assert(ask);
	assert(on_answer);
	ask->loop = loop;
	ask->node = node;
	/* Which timeline a standby replays only a walsender says. */
	ask->way = timeline ? TIMELINE_BY_FUNCTION : TIMELINE_BY_WALSENDER;
	ask->watch = (struct loop_watch){ .fd = -1, .on_ready = timeline_on_ready };
	ask->timer.on_due = timeline_on_due;
	ask->timeline = timeline;
	ask->on_answer = on_answer;
	ask->owner = owner;
	loop_timer_set(loop, &ask->timer, loop_now(loop) + timeout_us);
	timeline_dial(ask);
	return ask;
}

static void timeline_close(struct timeline_ask *ask)
{
	if (ask->dial)
		dial_forget(ask->dial);
	loop_unwatch(ask->loop, &ask->watch);
	loop_timer_cancel(ask->loop, &ask->timer);
}

static void timeline_free(struct timeline_ask *ask)
{
	PQclear(ask->result);
	PQfinish(ask->pgconn);
	free(ask);
}

void timeline_ask_forget(struct timeline_ask *ask)
{
	if (!ask)
		return;
	timeline_close(ask);
	timeline_free(ask);
}

/* The conn lives until its words have been heard. */
static void timeline_tell(struct timeline_ask *ask, struct timeline_answer answer)
{
	timeline_close(ask);
	ask->on_answer(ask->owner, &answer);
	timeline_free(ask);
}

static void timeline_refused(struct timeline_ask *ask, const char *reason)
{
	const char *message = ask->pgconn ? PQerrorMessage(ask->pgconn) : "";

	timeline_tell(ask, (struct timeline_answer){ .refusal = *message ? message : reason });
}

/* No such function, no right to it, no such file: there is another way. */
static void timeline_fall_back(struct timeline_ask *ask)
{
	loop_unwatch(ask->loop, &ask->watch);
	PQclear(ask->result);
	PQfinish(ask->pgconn);
	ask->result = NULL;
	ask->pgconn = NULL;
	ask->way = TIMELINE_BY_WALSENDER;
	timeline_dial(ask);
}

static void timeline_on_due(struct loop_timer *timer)
{
	struct timeline_ask *ask = container_of(timer, struct timeline_ask, timer);

	timeline_tell(ask, (struct timeline_answer){ .refusal = "no answer in time" });
}

static void timeline_on_dialed(void *owner, PGconn *pgconn)
{
	struct timeline_ask *ask = owner;

	assert(ask->state == TIMELINE_DIALING);
	ask->dial = NULL;
	ask->pgconn = pgconn;
	if (!pgconn || PQstatus(pgconn) == CONNECTION_BAD) {
		timeline_refused(ask, "connecting failed");
		return;
	}
	ask->state = TIMELINE_CONNECTING;
	loop_watch(ask->loop, &ask->watch, PQsocket(pgconn), EPOLLOUT);
}

/* libpq keeps what the kernel does not take; a question is far shorter than its buffer. */
static void timeline_send(struct timeline_ask *ask, enum timeline_state next, const char *question)
{
	ask->state = next;
	PQclear(ask->result);
	ask->result = NULL;
	if (PQsendQuery(ask->pgconn, question) != 1 || PQflush(ask->pgconn) < 0)
		timeline_refused(ask, "the question could not be sent");
}

static void timeline_begin(struct timeline_ask *ask)
{
	char question[64];

	if (ask->way == TIMELINE_BY_FUNCTION) {
		/* integer has the bits of a timeline. */
		snprintf(question, sizeof(question), "SELECT 'file', cqrsd.timeline_history(%d)",
			 (int32_t)ask->timeline);
		timeline_send(ask, TIMELINE_READING, question);
		return;
	}
	if (!ask->timeline) {
		timeline_send(ask, TIMELINE_IDENTIFYING, "IDENTIFY_SYSTEM");
		return;
	}
	snprintf(question, sizeof(question), "TIMELINE_HISTORY %" PRIu32, ask->timeline);
	timeline_send(ask, TIMELINE_READING, question);
}

static void timeline_connect(struct timeline_ask *ask)
{
	loop_unwatch(ask->loop, &ask->watch);
	switch (PQconnectPoll(ask->pgconn)) {
	case PGRES_POLLING_READING:
		loop_watch(ask->loop, &ask->watch, PQsocket(ask->pgconn), EPOLLIN);
		return;
	case PGRES_POLLING_ACTIVE:
	case PGRES_POLLING_WRITING:
		loop_watch(ask->loop, &ask->watch, PQsocket(ask->pgconn), EPOLLOUT);
		return;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(ask->pgconn, 1) != 0) {
			timeline_refused(ask, "libpq would block");
			return;
		}
		loop_watch(ask->loop, &ask->watch, PQsocket(ask->pgconn), EPOLLIN);
		timeline_begin(ask);
		return;
	case PGRES_POLLING_FAILED:
		timeline_refused(ask, "connecting failed");
		return;
	}
	assert(!"a polling status");
}

/* systemid, timeline, xlogpos, dbname */
static void timeline_on_identity(struct timeline_ask *ask, const PGresult *result)
{
	if (PQntuples(result) != 1 || PQnfields(result) < 2) {
		timeline_refused(ask, "IDENTIFY_SYSTEM answers something else");
		return;
	}
	ask->timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
	if (ask->timeline > 1)
		timeline_begin(ask);
	else if (ask->timeline)
		timeline_tell(ask, (struct timeline_answer){ .timeline = ask->timeline });
	else
		timeline_refused(ask, "IDENTIFY_SYSTEM names no timeline");
}

/* filename, content */
static void timeline_on_history(struct timeline_ask *ask, const PGresult *result)
{
	if (PQntuples(result) != 1 || PQnfields(result) != 2) {
		timeline_refused(ask, "TIMELINE_HISTORY answers something else");
		return;
	}
	timeline_tell(ask, (struct timeline_answer){
				   .timeline = ask->timeline,
				   .history = { PQgetvalue(result, 0, 1),
						(size_t)PQgetlength(result, 0, 1) },
			   });
}

/* The result stays the ask's: what is reported points into it. */
static void timeline_on_result(struct timeline_ask *ask)
{
	bool answered = PQresultStatus(ask->result) == PGRES_TUPLES_OK;

	if (ask->way == TIMELINE_BY_FUNCTION &&
	    (!answered || PQntuples(ask->result) != 1 || PQgetisnull(ask->result, 0, 1)))
		timeline_fall_back(ask);
	else if (!answered)
		timeline_refused(ask, "it answers with an error");
	else if (ask->state == TIMELINE_IDENTIFYING)
		timeline_on_identity(ask, ask->result);
	else
		timeline_on_history(ask, ask->result);
}

/* Only after the NULL behind the last result may the next question be asked. */
static void timeline_on_input(struct timeline_ask *ask)
{
	PGresult *result;

	if (PQconsumeInput(ask->pgconn) != 1) {
		timeline_refused(ask, "the connection was lost");
		return;
	}
	while (!PQisBusy(ask->pgconn)) {
		result = PQgetResult(ask->pgconn);
		if (!result) {
			timeline_on_result(ask);
			return;
		}
		PQclear(ask->result);
		ask->result = result;
	}
}

static void timeline_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct timeline_ask *ask = container_of(watch, struct timeline_ask, watch);

	(void)events;
	if (ask->state == TIMELINE_CONNECTING)
		timeline_connect(ask);
	else
		timeline_on_input(ask);
}
