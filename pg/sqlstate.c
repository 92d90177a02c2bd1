/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From SQLSTATE to outcome. The most exact row wins: five characters before two. What PostgreSQL
 * says of a value may hold rows of others, so its words reach the client only where they cannot.
 */
#include "pg/sqlstate.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/repeats.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

struct sqlstate_row {
	const char *prefix; /* all of the SQLSTATE, or its class */
	enum outcome of_query, of_command;
	enum retry query_on_standby, query_on_primary, command;
};

#define NEVER RETRY_NEVER, RETRY_NEVER, RETRY_NEVER
/* Rolled back for sure; on a standby it was replay that needed the rows. */
#define CONFLICTED RETRY_ELSEWHERE, RETRY_NEVER, RETRY_RERUN
/* The node is going, starting or full: any other one is better. A command has no other. */
#define NODE_TROUBLE RETRY_ELSEWHERE, RETRY_ELSEWHERE, RETRY_NEVER
#define BOTH(outcome) OUTCOME_##outcome, OUTCOME_##outcome

static const struct sqlstate_row rows[] = {
	{ "23505", BOTH(CONFLICT), NEVER }, /* unique */
	{ "23503", BOTH(CONFLICT), NEVER }, /* foreign key */
	{ "23P01", BOTH(CONFLICT), NEVER }, /* exclusion */
	{ "23", BOTH(CONSTRAINT_VIOLATION), NEVER },
	{ "22", BOTH(INVALID_VALUE), NEVER },
	{ "P0001", BOTH(REJECTED), NEVER },
	{ "PT", BOTH(REJECTED), NEVER },
	{ "40001", BOTH(SERIALIZATION_FAILURE), CONFLICTED },
	{ "40P01", BOTH(SERIALIZATION_FAILURE), CONFLICTED }, /* deadlock */
	{ "55P03", BOTH(LOCK_NOT_AVAILABLE), NEVER },
	{ "57014", BOTH(TIMEOUT), NEVER }, /* statement_timeout, or canceled by us */
	{ "25P04", BOTH(TIMEOUT), NEVER }, /* transaction_timeout */
	{ "25006", OUTCOME_QUERY_WRITES, OUTCOME_NO_PRIMARY, NEVER },      /* read only */
	{ "57P01", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY, NODE_TROUBLE }, /* shutting down */
	{ "57P02", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY, NODE_TROUBLE }, /* crashing */
	{ "57P03", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY, NODE_TROUBLE }, /* starting */
	{ "57P04", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY, NEVER },        /* database dropped */
	{ "53300", BOTH(QUEUE_TIMEOUT), NODE_TROUBLE },                    /* no conns left */
	{ "", BOTH(QUERY_FAILED), NEVER },
};

static const struct sqlstate_row *sqlstate_row(const char *sqlstate)
{
	size_t i = 0;

	/* An exact row stands above its class, and the last row takes everything. */
	while (strncmp(sqlstate, rows[i].prefix, strlen(rows[i].prefix)) != 0)
		i++;
	assert(i < sizeof rows / sizeof rows[0]);
	return &rows[i];
}

/* nnn of PTnnn; 0: not a status that an error may have. */
static unsigned sqlstate_status(const char *sqlstate)
{
	unsigned status = 0;

	for (size_t i = 2; i < 5; i++) {
		if (!byte_is_digit(sqlstate[i]))
			return 0;
		status = status * 10 + (unsigned)(sqlstate[i] - '0');
	}
	return status >= 400 && status <= 599 ? status : 0;
}

static bool class_is(const char *sqlstate, const char *class)
{
	return strncmp(sqlstate, class, 2) == 0;
}

bool sqlstate_blames_node(const char sqlstate[6])
{
	return class_is(sqlstate, "53") || class_is(sqlstate, "58") ||
	       (strncmp(sqlstate, "57P0", 4) == 0 && sqlstate[4] >= '1' && sqlstate[4] <= '3');
}

bool sqlstate_is_timeout(const char sqlstate[6])
{
	return strcmp(sqlstate, "57014") == 0 || strcmp(sqlstate, "25P04") == 0;
}

struct verdict sqlstate_verdict(const char sqlstate[6], bool command, bool in_recovery)
{
	const struct sqlstate_row *row = sqlstate_row(sqlstate);
	struct verdict verdict = { .outcome = command ? row->of_command : row->of_query };

	if (command)
		verdict.retry = row->command;
	else
		verdict.retry = in_recovery ? row->query_on_standby : row->query_on_primary;
	if (class_is(sqlstate, "PT")) {
		verdict.status = sqlstate_status(sqlstate);
		if (verdict.status == 0)
			verdict.outcome = OUTCOME_QUERY_FAILED;
	}
	return verdict;
}

/* Cut where a character ends. */
static const char *clipped(struct arena *arena, const char *text)
{
	size_t len = strnlen(text, PROBLEM_DETAIL_BYTES_MAX);

	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return arena_copy(arena, text, len);
}

/* PostgreSQL puts values in quotes or behind a colon; other languages quote outside of ASCII. */
static bool holds_no_value(const char *message)
{
	for (; *message; message++)
		if (*message == '"' || *message == '\'' || *message == ':' ||
		    (unsigned char)*message >= 0x80)
			return false;
	return true;
}

/*
 * May the client read the primary message? Of class 23 it holds names only (the row is in DETAIL),
 * P0001 and PTnnn are the application's own words, and a value that could not be read at bind is
 * the client's. Elsewhere in class 22 it may quote a stored row.
 */
static bool message_may_leave(const struct pg_error *error, const struct verdict *verdict)
{
	if (class_is(error->sqlstate, "22"))
		return error->param > 0 || holds_no_value(error->message);
	return class_is(error->sqlstate, "23") || verdict->outcome == OUTCOME_REJECTED;
}

static const char *generic_detail(enum outcome outcome)
{
	if (outcome == OUTCOME_QUERY_FAILED)
		return "The log of the service tells why, by the id of this request";
	if (outcome == OUTCOME_QUERY_WRITES)
		return "A query may neither write nor lock rows: what does is a command";
	return NULL;
}

/* Errors of the operation itself, not of its values: only the operator can help. */
static void sqlstate_log(const struct request *request, const struct pg_error *error)
{
	uint64_t key = hash_bytes(error->sqlstate, strlen(error->sqlstate), 0);
	const char *message = error->message ? error->message : "";
	char again[REPEATS_TEXT_BYTES];

	/* The application's own words may hold values, which have no business in a log. */
	if (class_is(error->sqlstate, "P0") || class_is(error->sqlstate, "PT"))
		message = "raised by the application";

	if (!repeats_allow(REPEATS_FAILURES, key, loop_now(request->loop), again))
		return;
	log_with(LOG_WARN, "pg",
		 LOG_FIELDS({ "request_id", request->id }, { "operation", request->operation_name },
			    { "sqlstate", error->sqlstate }),
		 "%s%s", message, again);
}

static const char *copied(struct arena *arena, const char *text)
{
	return text && *text ? clipped(arena, text) : NULL;
}

void sqlstate_explain(struct request *request, const struct call *call, bool command,
		      struct text param_name)
{
	const struct pg_error *error = &call->error;
	struct verdict verdict = sqlstate_verdict(error->sqlstate, command, call->in_recovery);
	bool value_class = class_is(error->sqlstate, "22");
	const char *message = NULL;

	assert(call->end == CALL_ERROR);
	if (error->message && message_may_leave(error, &verdict))
		message = copied(&request->arena, error->message);
	if (value_class && error->param > 0)
		verdict.outcome = OUTCOME_INVALID_PARAMETER;
	if (verdict.outcome == OUTCOME_QUERY_FAILED || verdict.outcome == OUTCOME_QUERY_WRITES)
		sqlstate_log(request, error);
	request->outcome = verdict.outcome;
	request->status = verdict.status;
	request->detail = message ? message : generic_detail(verdict.outcome);
	if (error->param > 0 && param_name.ptr && (value_class || class_is(error->sqlstate, "23")))
		request_param_error(request, param_name, "%s",
				    message ? message : "has a value that could not be read");
	if (value_class || class_is(error->sqlstate, "23") || class_is(error->sqlstate, "P0")) {
		request->sqlstate = copied(&request->arena, error->sqlstate);
		request->constraint = copied(&request->arena, error->constraint);
		request->column = copied(&request->arena, error->column);
	}
}
