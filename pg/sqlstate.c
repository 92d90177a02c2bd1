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
#include "pg/wire/error.h"

#include <assert.h>
#include <string.h>

struct sqlstate_row {
	const char *prefix; /* all of the SQLSTATE, or its class */
	enum outcome of_query, of_command;
	enum retry query_on_standby, query_on_primary, command;
};

#define SQLSTATE_NO_DATA_FOUND "P0002"

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
	{ SQLSTATE_NO_DATA_FOUND, BOTH(REJECTED), NEVER }, /* 404: nothing was done */
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

static const struct sqlstate_row row_of_application = { "", BOTH(REJECTED), NEVER };

/* The classes of PostgreSQL 14 to 18 (appendix A); what else there is the application made up. */
static const char classes_of_postgres[][3] = {
	"00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21",
	"22", "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D",
	"3F", "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX",
};

static bool class_is(const char *sqlstate, const char *class)
{
	return strncmp(sqlstate, class, 2) == 0;
}

bool sqlstate_is_of_application(const char sqlstate[6])
{
	for (size_t i = 0; i < sizeof classes_of_postgres / sizeof classes_of_postgres[0]; i++)
		if (class_is(sqlstate, classes_of_postgres[i]))
			return false;
	return *sqlstate && !class_is(sqlstate, "PT");
}

static const struct sqlstate_row *sqlstate_row(const char *sqlstate)
{
	size_t i = 0;

	if (sqlstate_is_of_application(sqlstate))
		return &row_of_application;
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
	if (strcmp(sqlstate, SQLSTATE_NO_DATA_FOUND) == 0)
		verdict.status = 404;
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
 * Are the words the application's own, to be read by its client? P0002 is raised by SELECT … INTO
 * STRICT, too, where DETAIL may show values.
 */
static bool is_said_by_application(const struct pg_error *error, const struct verdict *verdict)
{
	if (verdict->outcome != OUTCOME_REJECTED)
		return false;
	return strcmp(error->sqlstate, SQLSTATE_NO_DATA_FOUND) != 0 ||
	       (error->source && strcmp(error->source, ERROR_SOURCE_RAISE) == 0);
}

/*
 * May the client read the primary message? Of class 23 and of a policy it holds names only (the row
 * is in DETAIL), and a value that could not be read at bind is the client's, as far as no function
 * was called for it. Elsewhere it may quote a stored row.
 */
static bool message_may_leave(const struct pg_error *error, const struct verdict *verdict)
{
	if (verdict->outcome == OUTCOME_REJECTED || verdict->outcome == OUTCOME_FORBIDDEN)
		return true;
	if (error->param > 0 && !error->nested)
		return true;
	if (error->ours && !error->of_catalog)
		return true;
	if (class_is(error->sqlstate, "22") || error->param > 0)
		return holds_no_value(error->message);
	return class_is(error->sqlstate, "23");
}

/* Why an operation cannot run at all: its author is to know. */
static const char *impossible_detail(const char *sqlstate)
{
	static const struct {
		const char *sqlstate, *detail;
	} reasons[] = {
		{ "2D000", "A procedure that it calls commits or rolls back, but an operation runs "
			   "within one transaction, which cqrsd begins and ends" },
		{ "25001", "It cannot run within a transaction, and each operation does" },
		{ "25P01", "It needs a transaction of several statements, and an operation has "
			   "one" },
		{ "42701", "Two of its columns have one name, of which a client would keep one: "
			   "give each a name of its own (AS)" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (strcmp(sqlstate, reasons[i].sqlstate) == 0)
			return reasons[i].detail;
	return "The log of the service tells why, by the id of this request";
}

static const char *generic_detail(enum outcome outcome, const char *sqlstate)
{
	if (outcome == OUTCOME_QUERY_FAILED)
		return impossible_detail(sqlstate);
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

/* Could another value have done? Then a parameter that is named is to blame. */
static bool may_blame_value(const struct pg_error *error, enum outcome outcome)
{
	return !sqlstate_blames_node(error->sqlstate) &&
	       (outcome == OUTCOME_QUERY_FAILED || outcome == OUTCOME_INVALID_VALUE ||
		outcome == OUTCOME_CONSTRAINT_VIOLATION || outcome == OUTCOME_CONFLICT ||
		outcome == OUTCOME_REJECTED);
}

bool sqlstate_is_of_policy(const struct pg_error *error)
{
	return strcmp(error->sqlstate, "42501") == 0 && error->source &&
	       strcmp(error->source, ERROR_SOURCE_POLICY) == 0;
}

/* The verdict of the SQLSTATE, unless more is known of the error. */
static struct verdict error_verdict(const struct pg_error *error, const struct call *call,
				    bool command)
{
	struct verdict verdict = sqlstate_verdict(error->sqlstate, command, call->in_recovery);

	if (error->param > 0 && may_blame_value(error, verdict.outcome)) {
		verdict.outcome = OUTCOME_INVALID_PARAMETER;
		verdict.status = 0;
	} else if (sqlstate_is_of_policy(error)) {
		verdict.outcome = OUTCOME_FORBIDDEN;
	}
	return verdict;
}

/* What PostgreSQL said besides, as far as it may leave. */
static void explain_fields(struct request *request, const struct pg_error *error, bool said)
{
	struct arena *arena = &request->arena;

	if (class_is(error->sqlstate, "22") || class_is(error->sqlstate, "23") ||
	    class_is(error->sqlstate, "P0")) {
		request->sqlstate = copied(arena, error->sqlstate);
		request->constraint = copied(arena, error->constraint);
		request->column = copied(arena, error->column);
	}
	if (said) {
		request->db_detail = copied(arena, error->detail);
		request->hint = copied(arena, error->hint);
	}
}

void sqlstate_explain(struct request *request, const struct call *call, bool command,
		      struct text param_name)
{
	const struct pg_error *error = &call->error;
	struct verdict raw = sqlstate_verdict(error->sqlstate, command, call->in_recovery);
	struct verdict verdict = error_verdict(error, call, command);
	bool said = is_said_by_application(error, &raw);
	const char *message = NULL;

	assert(call->end == CALL_ERROR);
	if (error->message && (said || message_may_leave(error, &verdict)))
		message = copied(&request->arena, error->message);
	if (verdict.outcome == OUTCOME_QUERY_FAILED || verdict.outcome == OUTCOME_QUERY_WRITES)
		sqlstate_log(request, error);
	request->outcome = verdict.outcome;
	request->status = verdict.status;
	request->detail = message ? message : generic_detail(verdict.outcome, error->sqlstate);
	if (verdict.outcome == OUTCOME_INVALID_PARAMETER && param_name.ptr)
		request_param_error(request, param_name, "%s",
				    message ? message : "has a value that could not be read");
	explain_fields(request, error, said);
}
