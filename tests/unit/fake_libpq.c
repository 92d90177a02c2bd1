/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline mode of libpq 15 and a server that knows prepared statements, transactions and the
 * texts the test told it. The dialer's thread comes in through PQconnectStartParams only.
 */
#include "fake_libpq.h"

#include "fake_libpq_result.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNS_MAX 64
#define ANSWERS_MAX 16

struct fake_server fake_server;
static struct pg_conn *conns[CONNS_MAX];
static unsigned conns_count;
static struct fake_answer answers[ANSWERS_MAX];
static unsigned answers_count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* --- what the test does ---------------------------------------------------------------------- */

void conn_drop_message(struct pg_conn *conn)
{
	struct message *message = conn->first;

	conn->first = message->next;
	if (!conn->first)
		conn->last = &conn->first;
	free(message->text);
	free(message);
}

static void conn_unprepare(struct pg_conn *conn, const char *name)
{
	for (unsigned i = 0; i < PREPARED_MAX; i++)
		if (conn->prepared[i] && strcmp(conn->prepared[i], name) == 0) {
			free(conn->prepared[i]);
			free(conn->texts[i]);
			conn->prepared[i] = conn->texts[i] = NULL;
		}
}

static void conn_free(struct pg_conn *conn)
{
	while (conn->first)
		conn_drop_message(conn);
	for (unsigned i = 0; i < PREPARED_MAX; i++) {
		free(conn->prepared[i]);
		free(conn->texts[i]);
	}
	for (unsigned i = 0; i < KEYWORDS_MAX; i++) {
		free(conn->keywords[i]);
		free(conn->values[i]);
	}
	free(conn->sent);
	free(conn->sent_before);
	free(conn);
}

void fake_reset(void)
{
	pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < conns_count; i++) {
		assert(!conns[i]->open);
		conn_free(conns[i]);
	}
	conns_count = answers_count = 0;
	fake_server = (struct fake_server){
		.started_us = 1700000000000000,
		.lsn = 0x1000,
		.wrote = true,
		.version = 150000,
		.time_zone = "UTC",
		.clock_us = 1,
	};
	pthread_mutex_unlock(&mutex);
}

void fake_answer_with(struct fake_answer answer)
{
	assert(answers_count < ANSWERS_MAX);
	answers[answers_count++] = answer;
}

unsigned fake_dialed(void)
{
	unsigned count;

	pthread_mutex_lock(&mutex);
	count = conns_count;
	pthread_mutex_unlock(&mutex);
	return count;
}

static struct pg_conn *conn_at(unsigned at)
{
	struct pg_conn *conn;

	pthread_mutex_lock(&mutex);
	assert(at < conns_count);
	conn = conns[at];
	pthread_mutex_unlock(&mutex);
	return conn;
}

bool fake_is_open(unsigned conn)
{
	return conn_at(conn)->open;
}

const char *fake_keyword(unsigned conn, const char *keyword)
{
	for (unsigned i = 0; i < KEYWORDS_MAX; i++)
		if (conn_at(conn)->keywords[i] && strcmp(conn_at(conn)->keywords[i], keyword) == 0)
			return conn_at(conn)->values[i];
	return NULL;
}

const char *fake_sent(unsigned at)
{
	struct pg_conn *conn = conn_at(at);

	free(conn->sent_before);
	conn->sent_before = conn->sent;
	conn->sent = NULL;
	conn->sent_len = 0;
	return conn->sent_before ? conn->sent_before : "";
}

const char *fake_oids(unsigned conn)
{
	return conn_at(conn)->oids;
}

void fake_unprepare(unsigned conn, const char *name)
{
	conn_unprepare(conn_at(conn), name);
}

void conn_wake(struct pg_conn *conn)
{
	assert(write(conn->fd, &(uint64_t){ 1 }, sizeof(uint64_t)) == sizeof(uint64_t));
}

void fake_welcome(unsigned conn)
{
	conn_wake(conn_at(conn));
}

void fake_lose(unsigned at)
{
	conn_at(at)->lost = true;
	fake_welcome(at);
}

/* --- what the server does -------------------------------------------------------------------- */

struct fake_answer error_with(const char *sqlstate)
{
	return (struct fake_answer){ .what = FAKE_ERROR, .sqlstate = sqlstate };
}

static const char *conn_text(const struct pg_conn *conn, const char *name)
{
	for (unsigned i = 0; i < PREPARED_MAX; i++)
		if (conn->prepared[i] && strcmp(conn->prepared[i], name) == 0)
			return conn->texts[i];
	return NULL;
}

static struct fake_answer answer_to(const char *text)
{
	for (unsigned i = 0; i < answers_count; i++)
		if (strncmp(text, answers[i].text, strlen(answers[i].text)) == 0) {
			struct fake_answer answer = answers[i];

			if (answers[i].times && --answers[i].times == 0)
				answers[i].text = "\377";
			return answer;
		}
	return (struct fake_answer){ .what = FAKE_ROWS, .rows = 1, .cell = "1" };
}

static struct fake_answer conn_prepare(struct pg_conn *conn, const struct message *message)
{
	struct fake_answer answer = answer_to(message->text);
	unsigned at = 0;

	if (conn->failed && strncmp(message->text, "ROLLBACK", 8) != 0)
		return error_with("25P02");
	if (conn_text(conn, message->name))
		return error_with("42P05");
	if (answer.what == FAKE_ERROR && answer.sqlstate && !strncmp(answer.sqlstate, "42", 2))
		return answer;
	while (conn->prepared[at])
		at++;
	assert(at < PREPARED_MAX);
	conn->prepared[at] = strdup(message->name);
	conn->texts[at] = strdup(message->text);
	assert(conn->prepared[at] && conn->texts[at]);
	return (struct fake_answer){ 0 };
}

static struct fake_answer conn_run(struct pg_conn *conn, struct message *message)
{
	const char *text = message->text;

	if (message->kind == EXECUTE || message->kind == DESCRIBE) {
		text = conn_text(conn, message->name);
		if (!text)
			return error_with("26000");
		if (message->kind == DESCRIBE)
			return (struct fake_answer){ 0 };
	}
	if (conn->failed && strncmp(text, "ROLLBACK", 8) != 0)
		return error_with("25P02");
	conn->failed = false;
	if (strncmp(text, "BEGIN", 5) == 0)
		conn->in_transaction = true;
	if (strcmp(text, "COMMIT") == 0 || strcmp(text, "ROLLBACK") == 0)
		conn->in_transaction = false;
	if (strncmp(text, "DEALLOCATE ", 11) == 0) {
		if (!conn_text(conn, text + 11))
			return error_with("26000");
		conn_unprepare(conn, text + 11);
	}
	return answer_to(text);
}

static void conn_answer(struct pg_conn *conn, struct message *message)
{
	message->answered = true;
	if (message->kind == SYNC) {
		message->error_told = !fake_server.sync_error || conn->aborted;
		conn->aborted = false;
		return;
	}
	message->status = PGRES_PIPELINE_ABORTED;
	if (conn->aborted)
		return;
	message->answer =
		message->kind == PREPARE ? conn_prepare(conn, message) : conn_run(conn, message);
	message->status = PGRES_TUPLES_OK;
	if (message->kind == PREPARE || message->kind == DESCRIBE)
		message->status = PGRES_COMMAND_OK;
	if (message->answer.what == FAKE_ERROR)
		message->status = PGRES_FATAL_ERROR;
	if (message->answer.what == FAKE_COPY_OUT)
		message->status = PGRES_COPY_OUT;
	if (message->answer.what == FAKE_COPY_IN)
		message->status = PGRES_COPY_IN;
	conn->aborted = message->answer.what == FAKE_ERROR;
	conn->failed = conn->failed || (conn->aborted && conn->in_transaction);
}

void fake_answer_some(unsigned at, unsigned messages)
{
	struct pg_conn *conn = conn_at(at);

	for (struct message *message = conn->first; message && messages; message = message->next)
		if (!message->answered) {
			conn_answer(conn, message);
			messages--;
		}
	conn_wake(conn);
}

void fake_answer_all(unsigned conn)
{
	fake_answer_some(conn, UINT32_MAX);
}

/* --- connecting ------------------------------------------------------------------------------ */

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values,
			     int expand_dbname)
{
	struct pg_conn *conn = calloc(1, sizeof(*conn));

	assert(conn);
	assert(!expand_dbname);
	conn->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	conn->open = true;
	conn->last = &conn->first;
	for (unsigned i = 0; keywords[i]; i++) {
		assert(i < KEYWORDS_MAX);
		conn->keywords[i] = strdup(keywords[i]);
		conn->values[i] = strdup(values[i]);
		assert(conn->keywords[i] && conn->values[i]);
	}
	pthread_mutex_lock(&mutex);
	assert(conns_count < CONNS_MAX);
	conns[conns_count++] = conn;
	pthread_mutex_unlock(&mutex);
	return conn;
}

PostgresPollingStatusType PQconnectPoll(PGconn *conn)
{
	assert(conn->open);
	if (fake_server.refuses || fake_use_fails(&conn->lost))
		return PGRES_POLLING_FAILED;
	return fake_server.hangs ? PGRES_POLLING_READING : PGRES_POLLING_OK;
}

void PQfinish(PGconn *conn)
{
	if (!conn)
		return;
	assert(conn->open);
	conn->open = false;
	close(conn->fd);
}

ConnStatusType PQstatus(const PGconn *conn)
{
	if (fake_server.unreachable)
		return CONNECTION_STARTED;
	return conn->lost ? CONNECTION_BAD : CONNECTION_OK;
}

/* Its own number for the client, which cancels nothing in the server, or something else. */
#define POOLER_NUMBERS 7000

unsigned conn_number(const struct pg_conn *conn)
{
	unsigned at = 0;

	while (conns[at] != conn)
		at++;
	return at;
}

int fake_backend(unsigned conn)
{
	return 100 + (int)conn;
}

int PQbackendPID(const PGconn *conn)
{
	return fake_backend(conn_number(conn)) + (fake_server.pooled ? POOLER_NUMBERS : 0);
}

int PQsocket(const PGconn *conn)
{
	return conn->fd;
}

char *PQerrorMessage(const PGconn *conn)
{
	if (fake_server.refuses)
		return (char *)fake_server.refuses;
	return conn->lost ? (char *)"server closed the connection unexpectedly\n\tmore"
			  : (char *)"";
}

int PQsetnonblocking(PGconn *conn, int arg)
{
	return conn->open && arg && !fake_use_fails(&conn->lost) ? 0 : -1;
}

int PQenterPipelineMode(PGconn *conn)
{
	return conn->open && !fake_use_fails(&conn->lost);
}

PGTransactionStatusType PQtransactionStatus(const PGconn *conn)
{
	if (conn->first)
		return PQTRANS_ACTIVE;
	if (conn->failed)
		return PQTRANS_INERROR;
	return conn->in_transaction ? PQTRANS_INTRANS : PQTRANS_IDLE;
}

/* --- sending --------------------------------------------------------------------------------- */

static void conn_note(struct pg_conn *conn, const char *before, const char *word, const char *after)
{
	size_t room = strlen(before) + strlen(word) + strlen(after) + 2;

	conn->sent = realloc(conn->sent, conn->sent_len + room);
	assert(conn->sent);
	conn->sent_len += (size_t)snprintf(conn->sent + conn->sent_len, room, "%s%s%s%s",
					   conn->sent_len ? " " : "", before, word, after);
}

/* What a new conn is asked (pg/wire/handshake.h): answered at once, not written down. */
static bool conn_greets(const struct pg_conn *conn, const char *text)
{
	return strncmp(text, "SELECT pg_catalog.pg_backend_pid(),", 35) == 0 ||
	       strncmp(text, "SELECT pg_catalog.set_config('client_encoding'", 46) == 0 ||
	       (!*text && conn->first && conn->first->kind == GREETING);
}

static int conn_send(struct pg_conn *conn, enum message_kind kind, const char *name,
		     const char *text)
{
	struct message *message = calloc(1, sizeof(*message));

	assert(message);
	assert(conn->open);
	if (fake_use_fails(&conn->lost) || conn->lost) {
		free(message);
		return 0;
	}
	message->kind = kind;
	snprintf(message->name, sizeof(message->name), "%s", name);
	message->text = strdup(text);
	assert(message->text);
	*conn->last = message;
	conn->last = &message->next;
	return 1;
}

int PQsendPrepare(PGconn *conn, const char *name, const char *text, int params, const Oid *oids)
{
	size_t at = 0;

	if (oids)
		conn->oids[0] = '\0';
	for (int i = 0; oids && i < params; i++)
		at += (size_t)snprintf(conn->oids + at, sizeof(conn->oids) - at, "%s%u",
				       i ? " " : "", oids[i]);
	conn_note(conn, "prepare:", name, "");
	return conn_send(conn, PREPARE, name, text);
}

int PQsendQueryPrepared(PGconn *conn, const char *name, int params, const char *const *values,
			const int *lengths, const int *formats, int result_format)
{
	char list[256] = "";
	size_t at = 0;

	assert(!lengths && !formats);
	assert(result_format == IS_LOOK(name));
	for (int i = 0; i < params; i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%.64s", i ? "," : "(",
				       values[i] ? values[i] : "null");
	conn_note(conn, name, list, params ? ")" : "");
	return conn_send(conn, EXECUTE, name, "");
}

int PQsendQueryParams(PGconn *conn, const char *text, int params, const Oid *types,
		      const char *const *values, const int *lengths, const int *formats,
		      int result_format)
{
	assert(params == 0 && !types && !values && !lengths && !formats && !result_format);
	if (conn_greets(conn, text))
		return conn_send(conn, GREETING, "", text);
	conn_note(conn, "[", text, "]");
	return conn_send(conn, PLAIN, "", text);
}

int PQsendDescribePrepared(PGconn *conn, const char *name)
{
	conn_note(conn, "describe:", name, "");
	return conn_send(conn, DESCRIBE, name, "");
}

static void conn_answer_greeting(struct pg_conn *conn)
{
	for (struct message *message = conn->first; message; message = message->next) {
		message->answered = message->error_told = true;
		message->status = PGRES_TUPLES_OK;
	}
	conn_wake(conn);
}

int PQpipelineSync(PGconn *conn)
{
	bool greets = conn_greets(conn, "");
	int sent;

	if (!greets)
		conn_note(conn, "", "sync", "");
	sent = conn_send(conn, SYNC, "", "");
	if (greets)
		conn_answer_greeting(conn);
	return sent;
}

int PQflush(PGconn *conn)
{
	assert(conn->open);
	return fake_use_fails(&conn->lost) ? -1 : 0;
}
