/* SPDX-License-Identifier: Apache-2.0 */
/* From dialing to closing. What travels on a conn is the business of batch.c and answer.c. */
#include "pg/wire/conn.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/repeats.h"
#include "pg/admission/core_reserve.h"
#include "pg/inside.h"
#include "pg/reconnect.h"
#include "pg/wire/answer.h"
#include "pg/wire/dialer.h"
#include "pg/wire/handshake.h"
#include "pg/wire/pooler.h"
#include "pg/wire/session_state.h"
#include "pg/wire/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define CONN_YOUNG_US US_PER_S /* lost at this age: something is wrong with the node */
#define CONN_SERVER_VERSION_MIN 130000
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

static void conn_on_dialed(void *owner, PGconn *pgconn);
static void conn_on_ready(struct loop_watch *watch, uint32_t events);
static void conn_poll(struct conn *conn);
static void conn_greet(struct conn *conn);
static void conn_shut(struct conn *conn, const char *reason, bool again);

const char *conn_state_text(enum conn_state state)
{
	assert(state < CONN_STATES);
	return conn_states[state].name;
}

void conn_move(struct conn *conn, enum conn_state next)
{
	assert(conn_states[conn->state].next & (1u << next));
	list_remove(&conn->pool->conns_in[conn->state], &conn->link);
	conn->state = next;
	if (conn->holds_core && next != CONN_BUSY) {
		core_reserve_give_back(conn->pool->node->core_reserve);
		conn->holds_core = false;
	}
	list_append(&conn->pool->conns_in[next], &conn->link);
}

void conn_init(struct conn *conn, struct pool *pool, unsigned index)
{
	*conn = (struct conn){ .pool = pool, .index = index, .due_us = CLOCK_NEVER };
	conn->watch = (struct loop_watch){ .fd = -1, .on_ready = conn_on_ready };
	encoder_init(&conn->encoder);
	cancel_init(&conn->cancel);
	list_append(&pool->conns_in[CONN_CLOSED], &conn->link);
}

void conn_fini(struct conn *conn)
{
	assert(conn->state == CONN_CLOSED);
	list_remove(&conn->pool->conns_in[CONN_CLOSED], &conn->link);
	encoder_fini(&conn->encoder);
	cancel_fini(&conn->cancel);
	free(conn->marks);
}

/* --- connecting ------------------------------------------------------------------------------ */

#define CONN_KEYWORDS_MAX 64

void conn_open(struct conn *conn)
{
	const struct node *node = conn->pool->node;
	const char *keywords[CONN_KEYWORDS_MAX + 2], *values[CONN_KEYWORDS_MAX + 2];
	const char *given = NULL;
	char options[NODE_OPTIONS_BYTES_MAX + 1024];
	size_t count = 0;

	for (size_t i = 0; node->keywords[i]; i++) {
		assert(count < CONN_KEYWORDS_MAX);
		if (strcmp(node->keywords[i], "options") == 0) {
			given = node->values[i];
			continue;
		}
		keywords[count] = node->keywords[i];
		values[count++] = node->values[i];
	}
	conn->read_only = pool_lane(conn->pool, conn->index) != LANE_COMMAND;
	conn->by_options = pooler_takes_options(node->pooler);
	if (conn->by_options) {
		handshake_options(conn, given, options, sizeof(options));
		keywords[count] = "options";
		values[count++] = options;
	}
	keywords[count] = values[count] = NULL;

	conn_move(conn, CONN_DIALING);
	conn->reached = false;
	conn->server_us = 0;
	conn->opened_us = loop_now(conn->pool->loop);
	conn->due_us = conn->opened_us + conn->pool->settings.connect_timeout_us;
	janitor_want(conn->pool, conn->due_us);
	conn->dial =
		dialer_dial(node->dialer, conn->pool->loop, keywords, values, conn_on_dialed, conn);
}

static bool conn_given_options(const struct conn *conn)
{
	char **keywords = conn->pool->node->keywords;

	while (*keywords && strcmp(*keywords, "options") != 0)
		keywords++;
	return *keywords;
}

static void conn_on_notice(void *arg, const PGresult *result)
{
	struct conn *conn = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (severity && message && strcmp(severity, "FATAL") == 0)
		pool_set_error(conn->pool, message);
}

static void conn_on_dialed(void *owner, PGconn *pgconn)
{
	struct conn *conn = owner;
	struct pool *pool = conn->pool;

	pool_hold(pool);
	assert(conn->state == CONN_DIALING);
	conn->dial = NULL;
	conn->pgconn = pgconn;
	if (!pgconn || PQstatus(pgconn) == CONNECTION_BAD) {
		conn_close(conn, "connecting failed");
	} else {
		conn_move(conn, CONN_CONNECTING);
		(void)PQsetNoticeReceiver(pgconn, conn_on_notice, conn);
		/* A refusal with its SQLSTATE, which libpq tells in no other way. */
		(void)PQsetErrorVerbosity(pgconn, PQERRORS_VERBOSE);
		loop_watch(pool->loop, &conn->watch, PQsocket(pgconn), EPOLLOUT);
	}
	pool_deliver(pool);
}

/* A pooler that takes no options is asked again at once, without. */
static void conn_on_refusal(struct conn *conn)
{
	struct pool *pool = conn->pool;

	if (!handshake_can_do_without(conn, PQerrorMessage(conn->pgconn))) {
		conn_refuse(conn, "connecting failed");
		return;
	}
	if (conn_given_options(conn)) {
		conn_refuse(conn, "a pooler refuses the options that the connection string gives");
		return;
	}
	conn_retire(conn, "a pooler refuses options");
	pool_open_conns(pool);
}

/* Each step may close the socket and open another one. */
static void conn_poll(struct conn *conn)
{
	struct loop *loop = conn->pool->loop;
	ConnStatusType status = PQstatus(conn->pgconn);

	loop_unwatch(loop, &conn->watch);
	conn->reached = status != CONNECTION_STARTED && status != CONNECTION_NEEDED;
	switch (PQconnectPoll(conn->pgconn)) {
	case PGRES_POLLING_READING:
		loop_watch(loop, &conn->watch, PQsocket(conn->pgconn), EPOLLIN);
		return;
	case PGRES_POLLING_ACTIVE:
	case PGRES_POLLING_WRITING:
		loop_watch(loop, &conn->watch, PQsocket(conn->pgconn), EPOLLOUT);
		return;
	case PGRES_POLLING_OK:
		conn_greet(conn);
		return;
	case PGRES_POLLING_FAILED:
		if (conn->reached)
			conn_on_refusal(conn);
		else
			conn_close(conn, "connecting failed");
		return;
	}
	assert(!"a polling status");
}

static void conn_greet(struct conn *conn)
{
	if (PQserverVersion(conn->pgconn) < CONN_SERVER_VERSION_MIN) {
		conn_refuse(conn, "the server is older than PostgreSQL 13");
		return;
	}
	(void)PQsetErrorVerbosity(conn->pgconn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(conn->pgconn, 1) != 0 || !PQenterPipelineMode(conn->pgconn)) {
		conn_refuse(conn, "libpq refused pipeline mode");
		return;
	}
	loop_watch(conn->pool->loop, &conn->watch, PQsocket(conn->pgconn), EPOLLIN);
	if (!handshake_send_look(conn))
		conn_refuse(conn, HANDSHAKE_UNANSWERED);
}

void conn_made(struct conn *conn)
{
	struct pool *pool = conn->pool;
	struct janitor *janitor = &pool->janitor;

	conn->due_us = CLOCK_NEVER;
	/* RESET ALL, which groups need, would lose them. */
	if (conn->by_sql)
		pool->settings.group_max = 1;
	pool_on_made(pool, conn);
	conn_move(conn, CONN_IDLE);
	log_with(janitor->failures ? LOG_INFO : LOG_DEBUG, "pg",
		 LOG_FIELDS({ "node", pool->node->name }), "connected to %s, %s", pool->node->name,
		 conn->read_only ? "for queries" : "for commands");
	janitor_on_success(pool);
	conn_rest(conn);
}

/* --- working --------------------------------------------------------------------------------- */

static void conn_on_input(struct conn *conn, uint32_t events)
{
	PGnotify *notify;
	bool alive;

	if (events & EPOLLOUT)
		conn_flush(conn);
	if (conn->state == CONN_CLOSED)
		return;
	alive = PQconsumeInput(conn->pgconn) == 1;
	if (conn->state == CONN_BUSY) {
		conn->due_us = loop_now(conn->pool->loop) + conn->batch.patience_us;
		answer_take(conn);
	}
	if (conn->state == CONN_CLOSED)
		return;
	/* Lets libpq read what came unasked; nobody listens, so nothing may pile up. */
	while ((notify = PQnotifies(conn->pgconn)))
		PQfreemem(notify);
	if (!alive || PQstatus(conn->pgconn) == CONNECTION_BAD)
		conn_close(conn, "the connection was lost");
}

static void conn_on_look(struct conn *conn, uint32_t events)
{
	if (events & EPOLLOUT)
		conn_flush(conn);
	if (conn->state == CONN_CONNECTING)
		handshake_on_input(conn);
}

static void conn_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct conn *conn = container_of(watch, struct conn, watch);
	struct pool *pool = conn->pool;

	pool_hold(pool);
	if (conn->state == CONN_CONNECTING && conn->handshake.asks)
		conn_on_look(conn, events);
	else if (conn->state == CONN_CONNECTING)
		conn_poll(conn);
	else
		conn_on_input(conn, events);
	pool_deliver(pool);
}

void conn_flush(struct conn *conn)
{
	int left = PQflush(conn->pgconn);

	if (left < 0)
		conn_close(conn, "the connection was lost");
	else
		loop_rewatch(conn->pool->loop, &conn->watch, left ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void conn_rest(struct conn *conn)
{
	enum lane lane = pool_lane(conn->pool, conn->index);

	conn->due_us = CLOCK_NEVER;
	if (conn->state == CONN_BUSY && cancel_holds(conn)) {
		conn_move(conn, CONN_CANCELING);
		return;
	}
	if (conn->state != CONN_IDLE)
		conn_move(conn, CONN_IDLE);
	if (conn->session_state)
		conn_close(conn, conn->session_state);
	else if (conn->pooled &&
		 pooler_is_shared(conn->pool->node->pooler, loop_now(conn->pool->loop)))
		conn_close(conn, POOLER_SHARED);
	else if (conn->batch.session_state && session_state_stays(&conn->batch))
		conn_retire(conn, "a statement may have left something in its session");
	else if (conn->cancel.lost)
		conn_retire(conn, "a cancel may still come to it");
	else if (lane == LANES || conn->read_only != (lane != LANE_COMMAND))
		conn_retire(conn, "its lane is another one now");
	else if (conn->prepared >= STATEMENTS_PER_CONN_MAX)
		conn_retire(conn, "it holds too many prepared statements");
	else if (lane == LANE_STREAM || lane == LANE_RESERVE)
		janitor_close_idle(conn);
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
static uint64_t conn_complaint_key(const struct pool *pool, const char *reason)
{
	uint64_t key = hash_bytes(pool->node->name, strlen(pool->node->name), 0);

	key = hash_bytes(reason, strlen(reason), key);
	return hash_bytes(pool->last_error, strlen(pool->last_error), key);
}

static void conn_complain(struct conn *conn, const char *reason)
{
	struct pool *pool = conn->pool;
	int64_t now_us = loop_now(pool->loop);
	char age[24], again[REPEATS_TEXT_BYTES];

	if (!repeats_allow(REPEATS_CONNS, conn_complaint_key(pool, reason), now_us, again))
		return;
	snprintf(age, sizeof(age), "%lld", (long long)((now_us - conn->opened_us) / US_PER_MS));
	log_with(LOG_WARN, "pg",
		 LOG_FIELDS({ "node", pool->node->name }, { "reason", reason }, { "age_ms", age },
			    { "state", conn_states[conn->state].name }),
		 "connection to %s closed: %s: %s%s", pool->node->name, reason, pool->last_error,
		 again);
}

static void conn_shut(struct conn *conn, const char *reason, bool again)
{
	enum conn_state state = conn->state;

	assert(state != CONN_CLOSED);
	if (conn->dial)
		dial_forget(conn->dial);
	conn->dial = NULL;
	loop_unwatch(conn->pool->loop, &conn->watch);
	conn_move(conn, CONN_CLOSED);
	conn->due_us = CLOCK_NEVER;
	cancel_drop(conn);
	conn->paused = conn->resumes = false;
	if (conn->backend)
		pooler_leave(conn->pool->node->pooler, conn->backend);
	conn->backend = 0;
	conn->by_options = conn->by_sql = conn->pooled = false;
	conn->session_state = NULL;
	conn->batch.session_state = 0;
	memset(&conn->handshake, 0, sizeof(conn->handshake));
	if (state == CONN_BUSY)
		answer_lost(conn, reason, again);
	PQfinish(conn->pgconn);
	conn->pgconn = NULL;
	if (conn->marks_room)
		memset(conn->marks, 0, conn->marks_room * sizeof(*conn->marks));
	memset(conn->fixed, MARK_NONE, sizeof(conn->fixed));
	conn->prepared = 0;
	janitor_want(conn->pool, loop_now(conn->pool->loop));
}

static void conn_fail(struct conn *conn, const char *reason, bool again)
{
	struct pool *pool = conn->pool;
	const char *message = conn->pgconn ? PQerrorMessage(conn->pgconn) : "";
	bool made = conn->state == CONN_IDLE || conn->state == CONN_BUSY ||
		    conn->state == CONN_CANCELING;
	bool young = loop_now(pool->loop) - conn->opened_us < CONN_YOUNG_US;

	metric_add(pool->metrics, METRIC_pool_errors_total, METRIC_LABELS(pool->node->name, reason),
		   1);
	if (!made)
		reconnect_note_limit(pool->node->reconnect, reconnect_limit_of(message),
				     loop_now(pool->loop));
	pool_set_error(pool, *message ? message : reason);
	conn_complain(conn, reason);
	conn_shut(conn, reason, again);
	if (!made || young)
		janitor_on_failure(pool);
}

void conn_close(struct conn *conn, const char *reason)
{
	conn_fail(conn, reason, false);
}

void conn_refuse(struct conn *conn, const char *reason)
{
	struct pool *pool = conn->pool;
	const char *message = PQerrorMessage(conn->pgconn);
	bool starting = strstr(message, CONN_STARTING) != NULL;

	conn_close(conn, reconnect_limit_of(message) ? "no more connections are granted" : reason);
	janitor_on_refusal(pool, starting, conn->opened_us);
}

void conn_close_again(struct conn *conn, const char *reason)
{
	conn_fail(conn, reason, true);
}

static void conn_part(struct conn *conn, const char *reason, bool again)
{
	log_with(LOG_DEBUG, "pg",
		 LOG_FIELDS({ "node", conn->pool->node->name }, { "reason", reason }),
		 "connection to %s closed: %s", conn->pool->node->name, reason);
	conn_shut(conn, reason, again);
}

void conn_retire(struct conn *conn, const char *reason)
{
	conn_part(conn, reason, false);
}

void conn_retire_again(struct conn *conn, const char *reason)
{
	conn_part(conn, reason, true);
}
