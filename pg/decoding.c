/* SPDX-License-Identifier: Apache-2.0 */
/* One statement at a time; from START_REPLICATION on, CopyData in both directions. */
#include "pg/decoding.h"

#include "base/clock.h"
#include "base/random.h"
#include "pg/wire/dialer.h"

#include <assert.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define DECODING_KEYWORDS_MAX 64
#define DECODING_ANSWER_US (10 * US_PER_S) /* for each step, but for the creation of the slot */
#define DECODING_TURN_MAX 1000             /* messages of one turn of the loop */
/* The server gives up a connection without a sign of life, and a wait for one transaction. */
#define DECODING_OPTIONS                                                                           \
	"-c wal_sender_timeout=15000 -c lock_timeout=60000 -c statement_timeout=0"                 \
	" -c search_path=pg_catalog"

#define TO(name) (1u << DECODING_##name)

static const unsigned decoding_next[DECODING_STATES] = {
	[DECODING_CLOSED] = TO(DIALING),
	[DECODING_DIALING] = TO(CONNECTING) | TO(CLOSED),
	[DECODING_CONNECTING] = TO(CHECKING) | TO(CLOSED),
	[DECODING_CHECKING] = TO(IDENTIFYING) | TO(CLOSED),
	[DECODING_IDENTIFYING] = TO(CREATING) | TO(CLOSED),
	[DECODING_CREATING] = TO(STARTING) | TO(CLOSED),
	[DECODING_STARTING] = TO(STREAMING) | TO(CLOSED),
	[DECODING_STREAMING] = TO(CLOSED),
};

static void decoding_on_timer(struct loop_timer *timer);
static void decoding_on_ready(struct loop_watch *watch, uint32_t events);
static void decoding_on_dialed(void *owner, PGconn *pgconn);
static void decoding_take_stream(struct decoding *decoding);

static void decoding_move(struct decoding *decoding, enum decoding_state next)
{
	assert(decoding_next[decoding->state] & (1u << next));
	decoding->state = next;
	decoding->heard_us = loop_now(decoding->loop);
}

void decoding_init(struct decoding *decoding, struct loop *loop, const struct decoding_owner *owner,
		   const char *check, const char *publication)
{
	*decoding = (struct decoding){
		.owner = owner,
		.loop = loop,
		.check = check,
		.publication = publication,
	};
	decoding->watch = (struct loop_watch){ .fd = -1, .on_ready = decoding_on_ready };
	decoding->timer.on_due = decoding_on_timer;
}

void decoding_fini(struct decoding *decoding)
{
	decoding_close(decoding);
}

void decoding_close(struct decoding *decoding)
{
	if (decoding->state == DECODING_CLOSED)
		return;
	loop_timer_cancel(decoding->loop, &decoding->timer);
	loop_unwatch(decoding->loop, &decoding->watch);
	if (decoding->dial)
		dial_forget(decoding->dial);
	decoding->dial = NULL;
	PQclear(decoding->rows);
	decoding->rows = NULL;
	PQfinish(decoding->pgconn);
	decoding->pgconn = NULL;
	decoding->unread = false;
	decoding_move(decoding, DECODING_CLOSED);
}

/* why: its first line counts. */
static void decoding_fail(struct decoding *decoding, const char *why)
{
	char line[256];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(why, "\n"), why);
	decoding_close(decoding);
	decoding->owner->on_closed(decoding, line);
}

static void decoding_fail_by_libpq(struct decoding *decoding)
{
	const char *why = PQerrorMessage(decoding->pgconn);

	decoding_fail(decoding, *why ? why : "the connection was lost");
}

/* --- connecting ------------------------------------------------------------------------------- */

void decoding_open(struct decoding *decoding, const struct node *node, int64_t server_us)
{
	const char *keywords[DECODING_KEYWORDS_MAX + 4], *values[DECODING_KEYWORDS_MAX + 4];
	char options[NODE_OPTIONS_BYTES_MAX + sizeof(DECODING_OPTIONS) + 1];
	const char *given = "";
	size_t count = 0;
	uint64_t number;

	for (size_t i = 0; node->keywords[i]; i++) {
		assert(count < DECODING_KEYWORDS_MAX);
		if (strcmp(node->keywords[i], "options") == 0)
			given = node->values[i];
		else if (strcmp(node->keywords[i], "application_name") != 0 &&
			 strcmp(node->keywords[i], "replication") != 0) {
			keywords[count] = node->keywords[i];
			values[count++] = node->values[i];
		}
	}
	snprintf(options, sizeof(options), "%s %s", given, DECODING_OPTIONS);
	keywords[count] = "options";
	values[count++] = options;
	keywords[count] = "replication";
	values[count++] = "database";
	keywords[count] = "application_name";
	values[count++] = DECODING_NAME;
	keywords[count] = values[count] = NULL;
	random_bytes(&number, sizeof(number));
	snprintf(decoding->slot, sizeof(decoding->slot), DECODING_NAME "_%016" PRIx64, number);
	decoding->server_us = server_us;
	decoding_move(decoding, DECODING_DIALING);
	loop_timer_set(decoding->loop, &decoding->timer, decoding->heard_us + DECODING_ANSWER_US);
	decoding->dial = dialer_dial(node->dialer, decoding->loop, keywords, values,
				     decoding_on_dialed, decoding);
}

static void decoding_on_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static void decoding_on_dialed(void *owner, PGconn *pgconn)
{
	struct decoding *decoding = owner;

	decoding->dial = NULL;
	decoding->pgconn = pgconn;
	decoding_move(decoding, DECODING_CONNECTING);
	if (!pgconn || PQstatus(pgconn) == CONNECTION_BAD) {
		decoding_fail(decoding, pgconn ? PQerrorMessage(pgconn) : "no memory");
		return;
	}
	(void)PQsetNoticeReceiver(pgconn, decoding_on_notice, NULL);
	loop_watch(decoding->loop, &decoding->watch, PQsocket(pgconn), EPOLLOUT);
}

static void decoding_ask(struct decoding *decoding, enum decoding_state next, const char *text)
{
	decoding_move(decoding, next);
	loop_timer_set(decoding->loop, &decoding->timer,
		       next == DECODING_CREATING ? CLOCK_NEVER
						 : decoding->heard_us + DECODING_ANSWER_US);
	if (!PQsendQuery(decoding->pgconn, text)) {
		decoding_fail_by_libpq(decoding);
		return;
	}
	loop_rewatch(decoding->loop, &decoding->watch,
		     EPOLLIN | (PQflush(decoding->pgconn) ? EPOLLOUT : 0));
}

/* Each step may close the socket and open another one. */
static void decoding_connect(struct decoding *decoding)
{
	PostgresPollingStatusType status;

	loop_unwatch(decoding->loop, &decoding->watch);
	status = PQconnectPoll(decoding->pgconn);
	if (status == PGRES_POLLING_FAILED || PQsocket(decoding->pgconn) < 0) {
		decoding_fail_by_libpq(decoding);
		return;
	}
	loop_watch(decoding->loop, &decoding->watch, PQsocket(decoding->pgconn),
		   status == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT);
	if (status != PGRES_POLLING_OK)
		return;
	if (PQsetnonblocking(decoding->pgconn, 1) != 0)
		decoding_fail_by_libpq(decoding);
	else
		decoding_ask(decoding, DECODING_CHECKING, decoding->check);
}

/* --- statements, each by the answer to the one before --------------------------------------- */

static const char *decoding_cell(const PGresult *result, int column)
{
	return PQntuples(result) == 1 && column < PQnfields(result) ? PQgetvalue(result, 0, column)
								    : "";
}

static void decoding_identify(struct decoding *decoding, const PGresult *result)
{
	const char *wrong = decoding_cell(result, 0);

	decoding->checked = strtoll(decoding_cell(result, 3), NULL, 10);
	if (PQntuples(result) != 1 || *wrong)
		decoding_fail(decoding, *wrong ? wrong : "the node could not be checked");
	else if (strtoll(decoding_cell(result, 1), NULL, 10) != decoding->server_us)
		decoding_fail(decoding, "its address leads to another server");
	else if (strcmp(decoding_cell(result, 2), "f") != 0)
		decoding_fail(decoding, "it is a standby");
	else
		decoding_ask(decoding, DECODING_IDENTIFYING, "IDENTIFY_SYSTEM");
}

static void decoding_create(struct decoding *decoding, const PGresult *result)
{
	char text[160];

	decoding->timeline = (uint32_t)strtoul(decoding_cell(result, 1), NULL, 10);
	snprintf(text, sizeof(text),
		 "CREATE_REPLICATION_SLOT \"%s\" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT",
		 decoding->slot);
	if (!decoding->timeline)
		decoding_fail(decoding, "it does not say on which timeline it is");
	else
		decoding_ask(decoding, DECODING_CREATING, text);
}

static uint64_t decoding_lsn(const char *text)
{
	unsigned high = 0, low = 0;

	return sscanf(text, "%X/%X", &high, &low) == 2 ? (uint64_t)high << 32 | low : 0;
}

static void decoding_start(struct decoding *decoding, const PGresult *result)
{
	uint64_t lsn = decoding_lsn(decoding_cell(result, 1));
	char text[256];

	snprintf(text, sizeof(text),
		 "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (proto_version '1',"
		 " publication_names '%s')",
		 decoding->slot, decoding->publication);
	if (!lsn) {
		decoding_fail(decoding, "it does not say where the slot begins");
		return;
	}
	decoding->owner->on_begun(decoding, decoding->timeline, lsn);
	decoding_ask(decoding, DECODING_STARTING, text);
}

static void decoding_take_rows(struct decoding *decoding, const PGresult *result)
{
	switch (decoding->state) {
	case DECODING_CHECKING:
		decoding_identify(decoding, result);
		return;
	case DECODING_IDENTIFYING:
		decoding_create(decoding, result);
		return;
	case DECODING_CREATING:
		decoding_start(decoding, result);
		return;
	case DECODING_CLOSED:
	case DECODING_DIALING:
	case DECODING_CONNECTING:
	case DECODING_STARTING:
	case DECODING_STREAMING:
	case DECODING_STATES:
		break;
	}
	decoding_fail(decoding, "an answer that does not belong there");
}

static void decoding_end_rows(struct decoding *decoding)
{
	PGresult *rows = decoding->rows;

	decoding->rows = NULL;
	if (rows)
		decoding_take_rows(decoding, rows);
	PQclear(rows);
}

/* False: it is the last one. */
static bool decoding_take_result(struct decoding *decoding, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK && !decoding->rows) {
		decoding->rows = result;
		return true;
	}
	if (status == PGRES_COPY_BOTH && decoding->state == DECODING_STARTING) {
		decoding_move(decoding, DECODING_STREAMING);
		decoding_take_stream(decoding);
	} else {
		decoding_fail(decoding, PQresultErrorMessage(result));
	}
	PQclear(result);
	return false;
}

/* Rows count once nothing follows them: the server takes the next statement then. */
static void decoding_take_results(struct decoding *decoding)
{
	PGresult *result;

	while (!PQisBusy(decoding->pgconn)) {
		result = PQgetResult(decoding->pgconn);
		if (!result) {
			decoding_end_rows(decoding);
			return;
		}
		if (!decoding_take_result(decoding, result))
			return;
	}
}

/* --- the stream ------------------------------------------------------------------------------- */

static void decoding_end_stream(struct decoding *decoding, int end)
{
	PGresult *result = end == -1 ? PQgetResult(decoding->pgconn) : NULL;
	const char *why = result ? PQresultErrorMessage(result) : "";

	if (*why)
		decoding_fail(decoding, why);
	else if (end == -1)
		decoding_fail(decoding, "the server has ended it");
	else
		decoding_fail_by_libpq(decoding);
	PQclear(result);
}

/* The rest is taken in the next turn, and no more is read before. */
static void decoding_take_stream(struct decoding *decoding)
{
	char *bytes = NULL;
	int len = 0;

	for (unsigned i = 0; i < DECODING_TURN_MAX; i++) {
		bool good;

		len = PQgetCopyData(decoding->pgconn, &bytes, 1);
		if (len <= 0)
			break;
		good = decoding->owner->on_message(decoding, (struct text){ bytes, (size_t)len });
		PQfreemem(bytes);
		if (!good) {
			decoding_fail(decoding, "it sends what cannot be read");
			return;
		}
	}
	if (len < 0) {
		decoding_end_stream(decoding, len);
		return;
	}
	decoding->unread = len > 0;
	decoding->heard_us = loop_now(decoding->loop);
	loop_timer_set(decoding->loop, &decoding->timer,
		       decoding->heard_us + (decoding->unread ? 0 : DECODING_ANSWER_US));
	decoding->owner->on_turn(decoding);
}

void decoding_send(struct decoding *decoding, struct text message)
{
	assert(decoding->state == DECODING_STREAMING);
	/* What cannot be sent is found out when it is read. */
	if (PQputCopyData(decoding->pgconn, message.ptr, (int)message.len) == 1 &&
	    PQflush(decoding->pgconn) == 1)
		loop_rewatch(decoding->loop, &decoding->watch, EPOLLIN | EPOLLOUT);
}

/* --- what the loop brings --------------------------------------------------------------------- */

static void decoding_on_timer(struct loop_timer *timer)
{
	struct decoding *decoding = container_of(timer, struct decoding, timer);

	if (decoding->unread)
		decoding_take_stream(decoding);
	else
		decoding_fail(decoding, "it does not answer");
}

static void decoding_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct decoding *decoding = container_of(watch, struct decoding, watch);
	enum decoding_state state = decoding->state;

	if (state == DECODING_CONNECTING) {
		decoding_connect(decoding);
		return;
	}
	if (events & EPOLLOUT && PQflush(decoding->pgconn) == 0)
		loop_rewatch(decoding->loop, &decoding->watch, EPOLLIN);
	if (decoding->unread || !(events & ~(uint32_t)EPOLLOUT))
		return;
	if (!PQconsumeInput(decoding->pgconn)) {
		decoding_fail_by_libpq(decoding);
		return;
	}
	if (state == DECODING_STREAMING)
		decoding_take_stream(decoding);
	else
		decoding_take_results(decoding);
}
