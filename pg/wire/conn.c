/* SPDX-License-Identifier: Apache-2.0 */
/* States, what is prepared, rest and end. What travels on a conn is its plan's business. */
#include "pg/wire/conn.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/repeats.h"
#include "pg/reconnect.h"
#include "pg/wire/dialer.h"
#include "pg/wire/plan.h"
#include "pg/wire/pooler.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define CONN_YOUNG_US US_PER_S   /* lost at this age: something is wrong with the node */
#define CONN_SAID_BYTES 256      /* of what libpq says, for logs */
#define CONN_STARTING " 57P03: " /* in what libpq says of a server that starts up or ends */

static_assert(MARK_NONE == 0, "marks are cleared with memset");

#define TO(s) (1u << CONN_##s)
static const struct {
	const char *name;
	unsigned next;
} conn_states[CONN_STATES] = {
	[CONN_CLOSED] = { "closed", TO(DIALING) },
	[CONN_DIALING] = { "dialing", TO(CONNECTING) | TO(CLOSED) },
	[CONN_CONNECTING] = { "connecting", TO(IDLE) | TO(CLOSED) },
	[CONN_IDLE] = { "idle", TO(BUSY) | TO(CLOSED) },
	[CONN_BUSY] = { "busy", TO(IDLE) | TO(CANCELING) | TO(CLOSED) },
	[CONN_CANCELING] = { "canceling", TO(IDLE) | TO(CLOSED) },
};
#undef TO

static void conn_on_cancel_answered(struct cancel *cancel);
static void conn_drop_cancel(struct conn *conn);

const char *conn_state_text(enum conn_state state)
{
	assert(state < CONN_STATES);
	return conn_states[state].name;
}

void conn_move(struct conn *conn, enum conn_state next)
{
	assert(conn_states[conn->state].next & (1u << next));
	conn_counts_move(conn->home->counts, conn->state, next);
	conn_counts_move(conn->counts, conn->state, next);
	conn->state = next;
}

void conn_init(struct conn *conn, const struct conn_home *home, struct pool *pool)
{
	*conn = (struct conn){ .home = home, .pool = pool, .due_us = CLOCK_NEVER };
	conn->watch.fd = -1;
	encoder_init(&conn->encoder);
	lookup_keys_init(&conn->lookup);
	buf_init(&conn->arrays);
	cancel_init(&conn->cancel, conn_on_cancel_answered);
}

void conn_fini(struct conn *conn)
{
	assert(conn->state == CONN_CLOSED);
	encoder_fini(&conn->encoder);
	lookup_keys_fini(&conn->lookup);
	buf_fini(&conn->arrays);
	cancel_fini(&conn->cancel);
	free(conn->marks);
}

/* --- at work and at rest --------------------------------------------------------------------- */

void conn_made(struct conn *conn)
{
	conn->due_us = CLOCK_NEVER;
	conn->home->owner->on_ready(conn);
	conn_move(conn, CONN_IDLE);
	conn_rest(conn);
}

void conn_flush(struct conn *conn)
{
	int unsent = PQflush(conn->pgconn);

	if (unsent < 0)
		conn_close(conn, closing_failed("the connection was lost"));
	else
		loop_rewatch(conn->home->loop, &conn->watch, unsent ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void conn_set_due(struct conn *conn, int64_t due_us)
{
	conn->due_us = due_us;
	conn->home->owner->want(conn, due_us);
}

/* Why it can serve no more, after this batch; NULL: it can. */
static const char *conn_is_used_up(const struct conn *conn)
{
	if (conn->batch.session_state && batch_leaves_state(&conn->batch))
		return "a statement may have left something in its session";
	if (conn->cancel.state == CANCEL_LOST)
		return "a cancel may still come to it";
	if (conn->outdated)
		return CONN_OUTDATED;
	if (conn->prepared >= STATEMENTS_PER_CONN_MAX)
		return "it holds too many prepared statements";
	return NULL;
}

void conn_rest(struct conn *conn)
{
	const struct conn_home *home = conn->home;
	const char *reason = conn->session_state;

	conn->due_us = CLOCK_NEVER;
	/* One that has not left would come to whatever runs on it next. */
	if (cancel_waits(&conn->cancel))
		conn_drop_cancel(conn);
	if (conn->state == CONN_BUSY && conn->cancel.state == CANCEL_PENDING) {
		conn_move(conn, CONN_CANCELING);
		return;
	}
	if (conn->state != CONN_IDLE)
		conn_move(conn, CONN_IDLE);
	if (!reason && conn->pooled && pooler_is_shared(home->node->pooler, loop_now(home->loop)))
		reason = POOLER_SHARED;
	if (reason) {
		conn_close(conn, closing_failed(reason));
		return;
	}
	reason = conn_is_used_up(conn);
	if (reason)
		conn_close(conn, closing_unused(reason));
	else
		home->owner->on_rest(conn);
}

/* --- cancels --------------------------------------------------------------------------------- */

static bool conn_submit_cancel(struct conn *conn)
{
	struct call *call = cancel_call(&conn->cancel, conn->backend_pid);

	if (!conn->home->owner->submit(conn, call))
		return false;
	conn->cancel.state = CANCEL_PENDING;
	loop_again(conn->home->loop);
	return true;
}

void conn_cancel(struct conn *conn, const struct call *call)
{
	const struct conn_home *home = conn->home;

	if (call->cancels && conn->batch.kind == CALL_QUERY && conn->batch.slots_count == 1 &&
	    conn->cancel.state != CANCEL_PENDING && conn_submit_cancel(conn))
		metric_add(home->metrics, METRIC_cancels_total, METRIC_LABELS(home->node->name), 1);
}

static void conn_on_cancel_answered(struct cancel *cancel)
{
	struct conn *conn = container_of(cancel, struct conn, cancel);

	if (conn->state == CONN_CANCELING)
		conn_rest(conn);
	else if (cancel->call.refusal == REFUSAL_EXPIRED && conn->state == CONN_BUSY)
		(void)conn_submit_cancel(conn);
}

static void conn_drop_cancel(struct conn *conn)
{
	if (conn->cancel.state == CANCEL_PENDING)
		conn->home->owner->forget(conn, &conn->cancel.call);
	conn->cancel.state = CANCEL_NONE;
}

/* --- prepared statements --------------------------------------------------------------------- */

#define CONN_MARK_BITS 2
#define CONN_MARK_MASK ((1u << CONN_MARK_BITS) - 1)

enum mark conn_mark(const struct conn *conn, uint32_t statement_id, uint32_t generation)
{
	uint32_t known = statement_id < conn->marks_room ? conn->marks[statement_id] : 0;

	if (known >> CONN_MARK_BITS == generation || (known & CONN_MARK_MASK) == MARK_NONE)
		return (enum mark)(known & CONN_MARK_MASK);
	return MARK_STALE;
}

bool conn_is_pending(const struct conn *conn, uint32_t statement_id)
{
	return statement_id < conn->marks_room &&
	       (conn->marks[statement_id] & CONN_MARK_MASK) == MARK_PENDING;
}

void conn_set_mark(struct conn *conn, uint32_t statement_id, uint32_t generation, enum mark mark)
{
	size_t room = conn->marks_room;
	bool was;

	assert(generation <= GENERATION_MAX);
	while (room <= statement_id)
		room = room ? 2 * room : 256;
	if (room > conn->marks_room) {
		conn->marks = realloc(conn->marks, room * sizeof(*conn->marks));
		assert(conn->marks);
		memset(conn->marks + conn->marks_room, 0,
		       (room - conn->marks_room) * sizeof(*conn->marks));
		conn->marks_room = room;
	}
	was = (conn->marks[statement_id] & CONN_MARK_MASK) == MARK_PREPARED;
	conn->prepared += (mark == MARK_PREPARED) - was;
	conn->marks[statement_id] = generation << CONN_MARK_BITS | (uint32_t)mark;
}

/* --- closing --------------------------------------------------------------------------------- */

/* All pools of a node say the same when something is wrong with it. */
static uint64_t conn_complaint_key(const struct node *node, const char *reason, const char *said)
{
	uint64_t key = hash_bytes(node->name, strlen(node->name), 0);

	key = hash_bytes(reason, strlen(reason), key);
	return hash_bytes(said, strlen(said), key);
}

static void conn_complain(const struct conn *conn, const char *reason, const char *said)
{
	const struct node *node = conn->home->node;
	int64_t now_us = loop_now(conn->home->loop);
	char age[24], again[REPEATS_TEXT_BYTES];

	if (!repeats_allow(REPEATS_CONNS, conn_complaint_key(node, reason, said), now_us, again))
		return;
	snprintf(age, sizeof(age), "%lld", (long long)((now_us - conn->opened_us) / US_PER_MS));
	log_with(LOG_WARN, "pg",
		 LOG_FIELDS({ "node", node->name }, { "reason", reason }, { "age_ms", age },
			    { "state", conn_states[conn->state].name }),
		 "connection to %s closed: %s: %s%s", node->name, reason, said, again);
}

/* Something is wrong with it or its node: that is counted, remembered and logged. */
static void conn_report(struct conn *conn, struct closing *closing)
{
	const struct conn_home *home = conn->home;
	const char *message = conn->pgconn ? PQerrorMessage(conn->pgconn) : "";
	bool made = conn->state == CONN_IDLE || conn->state == CONN_BUSY ||
		    conn->state == CONN_CANCELING;
	int64_t now_us = loop_now(home->loop);
	char said[CONN_SAID_BYTES];

	if (closing->cause == CLOSING_REFUSED) {
		closing->starting = strstr(message, CONN_STARTING) != NULL;
		if (reconnect_limit_of(message))
			closing->reason = "no more connections are granted";
	}
	closing->early = !made || now_us - conn->opened_us < CONN_YOUNG_US;
	metric_add(home->metrics, METRIC_pool_errors_total,
		   METRIC_LABELS(home->node->name, closing->reason), 1);
	if (!made)
		reconnect_note_limit(home->node->reconnect, reconnect_limit_of(message), now_us);
	if (!*message)
		message = closing->reason;
	snprintf(said, sizeof(said), "%.*s", (int)strcspn(message, "\n"), message);
	home->owner->on_error(conn, said);
	conn_complain(conn, closing->reason, said);
}

/* Back to what conn_init made of it, but for its calls, its libpq and its time. */
static void conn_clear(struct conn *conn)
{
	if (conn->backend)
		pooler_leave(conn->home->node->pooler, conn->backend);
	conn->backend = 0;
	conn->settings = SETTINGS_NONE;
	conn->flow = FLOW_READS;
	conn->temporary = CONN_TEMPORARY_NEVER;
	conn->pooled = false;
	conn->session_state = NULL;
	conn->outdated = false;
	conn->batch.session_state = 0;
	memset(&conn->handshake, 0, sizeof(conn->handshake));
	if (conn->marks_room)
		memset(conn->marks, 0, conn->marks_room * sizeof(*conn->marks));
	memset(conn->fixed, MARK_NONE, sizeof(conn->fixed));
	conn->prepared = 0;
}

void conn_close(struct conn *conn, struct closing closing)
{
	const struct conn_home *home = conn->home;
	enum conn_state state = conn->state;

	assert(state != CONN_CLOSED);
	if (closing.cause == CLOSING_UNUSED)
		log_with(LOG_DEBUG, "pg",
			 LOG_FIELDS({ "node", home->node->name }, { "reason", closing.reason }),
			 "connection to %s closed: %s", home->node->name, closing.reason);
	else
		conn_report(conn, &closing);
	if (conn->dial)
		dial_forget(conn->dial);
	conn->dial = NULL;
	loop_unwatch(home->loop, &conn->watch);
	conn_move(conn, CONN_CLOSED);
	conn->due_us = CLOCK_NEVER;
	conn_drop_cancel(conn);
	conn_clear(conn);
	if (state == CONN_BUSY)
		conn->batch.plan->on_lost(conn, &closing);
	PQfinish(conn->pgconn);
	conn->pgconn = NULL;
	home->owner->on_closed(conn, &closing);
}
