/* SPDX-License-Identifier: Apache-2.0 */
/* One table of settings: asked for, looked at, set. Every role may call what it calls. */
#include "pg/wire/handshake.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "pg/reconnect.h"
#include "pg/wire/conn.h"
#include "pg/wire/pooler.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_IDLE_IN_TRANSACTION_MS 60000
#define HANDSHAKE_NOT_AS_ASKED "the session's settings are not those asked for"
#define HANDSHAKE_TEXT_MAX 2048

/* looks: is true of the setting, with its value. */
#define HANDSHAKE_IS "pg_catalog.current_setting('%s') OPERATOR(pg_catalog.=) '%s'"
#define HANDSHAKE_BEGINS "pg_catalog.current_setting('%s') OPERATOR(pg_catalog.~~) '%s%%'"
#define HANDSHAKE_LASTS                                                                            \
	"pg_catalog.current_setting('%s')::pg_catalog.interval OPERATOR(pg_catalog.=)"             \
	" '%sms'::pg_catalog.interval"

#define HANDSHAKE_SETTINGS_MAX 10
#define HANDSHAKE_AT_STARTUP 1 /* those that are startup parameters of their own come first */

struct handshake_setting {
	const char *name, *holds;
	char value[64];
};

static unsigned handshake_settings(const struct conn *conn, struct handshake_setting *settings)
{
	int64_t timeout_us = conn->home->statement_timeout_us;
	const char *search_path = conn->home->node->search_path;
	const struct handshake_setting asked[HANDSHAKE_SETTINGS_MAX] = {
		{ "client_encoding", HANDSHAKE_IS, "UTF8" },
		{ "TimeZone", HANDSHAKE_IS, "UTC" },
		{ "DateStyle", HANDSHAKE_BEGINS, "ISO" },
		{ "IntervalStyle", HANDSHAKE_IS, "iso_8601" },
		{ "bytea_output", HANDSHAKE_IS, "hex" },
		{ "extra_float_digits", HANDSHAKE_IS, "1" },
		{ "statement_timeout", HANDSHAKE_LASTS, "" },
		{ "idle_in_transaction_session_timeout", HANDSHAKE_LASTS, "" },
		{ "default_transaction_read_only", HANDSHAKE_IS, "" },
		{ "search_path", HANDSHAKE_IS, "" },
	};

	memcpy(settings, asked, sizeof(asked));
	snprintf(settings[6].value, sizeof(settings[6].value), "%lld",
		 (long long)((timeout_us + US_PER_MS - 1) / US_PER_MS));
	snprintf(settings[7].value, sizeof(settings[7].value), "%d",
		 HANDSHAKE_IDLE_IN_TRANSACTION_MS);
	snprintf(settings[8].value, sizeof(settings[8].value), "%s",
		 conn->read_only ? "on" : "off");
	if (!search_path)
		return HANDSHAKE_SETTINGS_MAX - 1;
	assert(strlen(search_path) < sizeof(settings[9].value));
	snprintf(settings[9].value, sizeof(settings[9].value), "%s", search_path);
	return HANDSHAKE_SETTINGS_MAX;
}

static size_t handshake_add(char *out, size_t room, size_t len, const char *more)
{
	int added = snprintf(out + len, room - len, "%s", more);

	assert(added >= 0);
	/* node_new has seen to it; what would be cut off is what keeps queries from writing. */
	assert((size_t)added < room - len);
	return len + (size_t)added;
}

void handshake_options(const struct conn *conn, const char *given, char *out, size_t room)
{
	struct handshake_setting settings[HANDSHAKE_SETTINGS_MAX];
	unsigned count = handshake_settings(conn, settings);
	size_t len = handshake_add(out, room, 0, given ? given : "");

	for (unsigned i = HANDSHAKE_AT_STARTUP; i < count; i++) {
		char one[96];

		snprintf(one, sizeof(one), "%s-c %s=%s", len ? " " : "", settings[i].name,
			 settings[i].value);
		len = handshake_add(out, room, len, one);
	}
}

void handshake_set_text(const struct conn *conn, char *out, size_t room)
{
	struct handshake_setting settings[HANDSHAKE_SETTINGS_MAX];
	unsigned count = handshake_settings(conn, settings);
	size_t len = handshake_add(out, room, 0, "SELECT ");

	for (unsigned i = 0; i < count; i++) {
		char one[128];

		snprintf(one, sizeof(one), "%spg_catalog.set_config('%s', '%s', false)",
			 i ? ", " : "", settings[i].name, settings[i].value);
		len = handshake_add(out, room, len, one);
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void handshake_check_text(const struct conn *conn, char *out, size_t room)
{
	struct handshake_setting settings[HANDSHAKE_SETTINGS_MAX];
	unsigned count = handshake_settings(conn, settings);
	size_t len = handshake_add(out, room, 0,
				   "SELECT pg_catalog.pg_backend_pid(),"
				   " (extract(epoch FROM pg_catalog.pg_postmaster_start_time())"
				   " OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8");

	for (unsigned i = 0; i < count; i++) {
		char one[192];

		snprintf(one, sizeof(one), settings[i].holds, settings[i].name, settings[i].value);
		len = handshake_add(out, room, len, i ? " AND " : ", ");
		len = handshake_add(out, room, len, one);
	}
}
#pragma GCC diagnostic pop

static void handshake_refuse(struct conn *conn, const char *reason)
{
	conn_close(conn, closing_refused(reason));
}

static bool handshake_send(struct conn *conn, const char *text)
{
	conn->handshake.known = false;
	if (!PQsendQueryParams(conn->pgconn, text, 0, NULL, NULL, NULL, NULL, 0) ||
	    !PQpipelineSync(conn->pgconn))
		return false;
	conn_flush(conn);
	return true;
}

bool handshake_send_check(struct conn *conn)
{
	char text[HANDSHAKE_TEXT_MAX];

	handshake_check_text(conn, text, sizeof(text));
	conn->handshake.trip = HANDSHAKE_CHECKS;
	return handshake_send(conn, text);
}

static void handshake_set(struct conn *conn)
{
	char text[HANDSHAKE_TEXT_MAX];

	handshake_set_text(conn, text, sizeof(text));
	conn->handshake.trip = HANDSHAKE_SETS;
	conn->settings = SETTINGS_BY_SQL;
	if (!handshake_send(conn, text))
		handshake_refuse(conn, HANDSHAKE_UNANSWERED);
}

/* Does the name lead to the server that the monitor looks at? */
static bool handshake_is_there(struct conn *conn, const char *started)
{
	const struct conn_home *home = conn->home;

	conn->server_us = strtoll(started, NULL, 10);
	if (!home->server_us || conn->server_us == home->server_us)
		return true;
	atomic_fetch_add(&home->node->reconnect->strays, 1);
	return false;
}

/* Is the backend its own, and the one it was? */
static bool handshake_is_own(struct conn *conn, int pid, const char *started)
{
	struct pooler *pooler = conn->home->node->pooler;
	int64_t now_us = loop_now(conn->home->loop);
	uint64_t backend = hash_bytes(started, strlen(started), (uint64_t)pid) | 1;

	conn->pooled = pid != PQbackendPID(conn->pgconn);
	if (conn->backend && conn->backend != backend) {
		pooler_caught(pooler, now_us);
		return false;
	}
	if (!conn->backend && !pooler_enter(pooler, backend, now_us))
		return false;
	conn->backend = backend;
	conn->backend_pid = pid;
	return !conn->pooled || !pooler_is_shared(pooler, now_us);
}

static void handshake_read(struct conn *conn, const PGresult *result)
{
	const char *started = PQgetvalue(result, 0, 1);

	conn->handshake.as_asked = *PQgetvalue(result, 0, 2) == 't';
	if (!handshake_is_there(conn, started))
		handshake_refuse(conn, "its name led to another server");
	else if (!handshake_is_own(conn, (int)strtol(PQgetvalue(result, 0, 0), NULL, 10), started))
		conn_close(conn, closing_failed(POOLER_SHARED));
}

static void handshake_take(struct conn *conn, const PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		conn->handshake.known = true;
		if (conn->handshake.trip == HANDSHAKE_CHECKS)
			handshake_read(conn, result);
		return;
	case PGRES_FATAL_ERROR:
		conn->home->owner->on_error(conn, PQresultErrorMessage(result));
		return;
	default:
		return;
	}
}

/* All that was asked has been answered. */
static void handshake_go_on(struct conn *conn)
{
	if (!conn->handshake.known) {
		handshake_refuse(conn, HANDSHAKE_UNANSWERED);
		return;
	}
	if (conn->handshake.trip == HANDSHAKE_CHECKS && !conn->handshake.as_asked) {
		if (conn->settings == SETTINGS_BY_SQL)
			handshake_refuse(conn, HANDSHAKE_NOT_AS_ASKED);
		else
			handshake_set(conn);
		return;
	}
	if (conn->handshake.trip == HANDSHAKE_CHECKS &&
	    (!conn->pooled || ++conn->handshake.rounds >= POOLER_ROUNDS)) {
		conn_made(conn);
		return;
	}
	if (!handshake_send_check(conn))
		handshake_refuse(conn, HANDSHAKE_UNANSWERED);
}

void handshake_on_input(struct conn *conn)
{
	if (!PQconsumeInput(conn->pgconn)) {
		handshake_refuse(conn, "connecting failed");
		return;
	}
	while (conn->state == CONN_CONNECTING && !PQisBusy(conn->pgconn)) {
		PGresult *result = PQgetResult(conn->pgconn);
		bool over = result && PQresultStatus(result) == PGRES_PIPELINE_SYNC;

		if (result)
			handshake_take(conn, result);
		PQclear(result);
		if (conn->state != CONN_CONNECTING)
			return;
		if (PQstatus(conn->pgconn) == CONNECTION_BAD)
			handshake_refuse(conn, "connecting failed");
		else if (over)
			handshake_go_on(conn);
	}
}

bool handshake_can_do_without(const struct conn *conn, const char *message)
{
	struct pooler *pooler = conn->home->node->pooler;

	if (conn->settings != SETTINGS_BY_OPTIONS || !strstr(message, "startup parameter"))
		return false;
	pooler_refused_options(pooler);
	return true;
}
