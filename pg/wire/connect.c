/* SPDX-License-Identifier: Apache-2.0 */
/* One handler of the socket for each stage: while libpq connects, in the handshake, and after. */
#include "pg/wire/connect.h"

#include "pg/wire/answer.h"
#include "pg/wire/conn.h"
#include "pg/wire/dialer.h"
#include "pg/wire/handshake.h"
#include "pg/wire/pooler.h"

#include <assert.h>
#include <string.h>
#include <sys/epoll.h>

#define CONNECT_KEYWORDS_MAX 64
#define CONNECT_SERVER_VERSION_MIN 130000

static void connect_on_dialed(void *owner, PGconn *pgconn);
static void connect_on_ready(struct loop_watch *watch, uint32_t events);
static void connect_poll(struct conn *conn);
static void connect_greet(struct conn *conn);
static void connect_on_check(struct conn *conn, uint32_t events);
static void connect_on_input(struct conn *conn, uint32_t events);

static void connect_fail(struct conn *conn, const char *reason)
{
	conn_close(conn, closing_failed(reason));
}

static void connect_refuse(struct conn *conn, const char *reason)
{
	conn_close(conn, closing_refused(reason));
}

/* --- to libpq's first handshake -------------------------------------------------------------- */

void connect_open(struct conn *conn, bool read_only)
{
	const struct conn_home *home = conn->home;
	const struct node *node = home->node;
	const char *keywords[CONNECT_KEYWORDS_MAX + 2], *values[CONNECT_KEYWORDS_MAX + 2];
	const char *given = NULL;
	char options[NODE_OPTIONS_BYTES_MAX + 1024];
	size_t count = 0;

	for (size_t i = 0; node->keywords[i]; i++) {
		assert(count < CONNECT_KEYWORDS_MAX);
		if (strcmp(node->keywords[i], "options") == 0) {
			given = node->values[i];
			continue;
		}
		keywords[count] = node->keywords[i];
		values[count++] = node->values[i];
	}
	conn->read_only = read_only;
	if (pooler_takes_options(node->pooler)) {
		conn->settings = SETTINGS_BY_OPTIONS;
		handshake_options(conn, given, options, sizeof(options));
		keywords[count] = "options";
		values[count++] = options;
	}
	keywords[count] = values[count] = NULL;

	conn_move(conn, CONN_DIALING);
	conn->server_us = 0;
	conn->opened_us = loop_now(home->loop);
	conn_set_due(conn, conn->opened_us + home->connect_timeout_us);
	conn->watch.on_ready = connect_on_ready;
	conn->dial =
		dialer_dial(node->dialer, home->loop, keywords, values, connect_on_dialed, conn);
}

static bool connect_given_options(const struct conn *conn)
{
	char **keywords = conn->home->node->keywords;

	while (*keywords && strcmp(*keywords, "options") != 0)
		keywords++;
	return *keywords;
}

static void connect_on_notice(void *arg, const PGresult *result)
{
	struct conn *conn = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (severity && message && strcmp(severity, "FATAL") == 0)
		conn->home->owner->on_error(conn, message);
}

static void connect_on_dialed(void *owner, PGconn *pgconn)
{
	struct conn *conn = owner;
	const struct conn_home *home = conn->home;

	home->owner->hold(conn);
	assert(conn->state == CONN_DIALING);
	conn->dial = NULL;
	conn->pgconn = pgconn;
	if (!pgconn || PQstatus(pgconn) == CONNECTION_BAD) {
		connect_fail(conn, "connecting failed");
	} else {
		conn_move(conn, CONN_CONNECTING);
		(void)PQsetNoticeReceiver(pgconn, connect_on_notice, conn);
		/* A refusal with its SQLSTATE, which libpq tells in no other way. */
		(void)PQsetErrorVerbosity(pgconn, PQERRORS_VERBOSE);
		loop_watch(home->loop, &conn->watch, PQsocket(pgconn), EPOLLOUT);
	}
	home->owner->deliver(conn);
}

/* A pooler that takes no options is asked again at once, without. */
static void connect_on_refusal(struct conn *conn)
{
	if (!handshake_can_do_without(conn, PQerrorMessage(conn->pgconn)))
		connect_refuse(conn, "connecting failed");
	else if (connect_given_options(conn))
		connect_refuse(conn,
			       "a pooler refuses the options that the connection string gives");
	else
		conn_close(conn, closing_unused("a pooler refuses options"));
}

/* Each step may close the socket and open another one. */
static void connect_poll(struct conn *conn)
{
	struct loop *loop = conn->home->loop;
	ConnStatusType status = PQstatus(conn->pgconn);
	bool reached = status != CONNECTION_STARTED && status != CONNECTION_NEEDED;

	loop_unwatch(loop, &conn->watch);
	switch (PQconnectPoll(conn->pgconn)) {
	case PGRES_POLLING_READING:
		loop_watch(loop, &conn->watch, PQsocket(conn->pgconn), EPOLLIN);
		return;
	case PGRES_POLLING_ACTIVE:
	case PGRES_POLLING_WRITING:
		loop_watch(loop, &conn->watch, PQsocket(conn->pgconn), EPOLLOUT);
		return;
	case PGRES_POLLING_OK:
		connect_greet(conn);
		return;
	case PGRES_POLLING_FAILED:
		if (reached)
			connect_on_refusal(conn);
		else
			connect_fail(conn, "connecting failed");
		return;
	}
	assert(!"a polling status");
}

static void connect_greet(struct conn *conn)
{
	if (PQserverVersion(conn->pgconn) < CONNECT_SERVER_VERSION_MIN) {
		connect_refuse(conn, "the server is older than PostgreSQL 13");
		return;
	}
	(void)PQsetErrorVerbosity(conn->pgconn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(conn->pgconn, 1) != 0 || !PQenterPipelineMode(conn->pgconn)) {
		connect_refuse(conn, "libpq refused pipeline mode");
		return;
	}
	loop_watch(conn->home->loop, &conn->watch, PQsocket(conn->pgconn), EPOLLIN);
	if (!handshake_send_check(conn))
		connect_refuse(conn, HANDSHAKE_UNANSWERED);
}

/* --- what the socket brings ------------------------------------------------------------------ */

static void connect_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct conn *conn = container_of(watch, struct conn, watch);
	const struct conn_owner *owner = conn->home->owner;

	owner->hold(conn);
	if (conn->state != CONN_CONNECTING)
		connect_on_input(conn, events);
	else if (conn->handshake.trip != HANDSHAKE_NONE)
		connect_on_check(conn, events);
	else
		connect_poll(conn);
	owner->deliver(conn);
}

static void connect_on_check(struct conn *conn, uint32_t events)
{
	if (events & EPOLLOUT)
		conn_flush(conn);
	if (conn->state == CONN_CONNECTING)
		handshake_on_input(conn);
}

static void connect_on_input(struct conn *conn, uint32_t events)
{
	PGnotify *notify;
	bool alive;

	if (events & EPOLLOUT)
		conn_flush(conn);
	if (conn->state == CONN_CLOSED)
		return;
	alive = PQconsumeInput(conn->pgconn) == 1;
	if (conn->state == CONN_BUSY) {
		conn->due_us = loop_now(conn->home->loop) + conn->batch.patience_us;
		answer_take(conn);
	}
	if (conn->state == CONN_CLOSED)
		return;
	/* Lets libpq read what came unasked, so that nothing piles up unread. */
	while ((notify = PQnotifies(conn->pgconn)))
		PQfreemem(notify);
	if (!alive || PQstatus(conn->pgconn) == CONNECTION_BAD)
		connect_fail(conn, "the connection was lost");
}
