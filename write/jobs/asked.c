/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a job is, is its state: one SELECT over the tables of jobs, one snapshot. The row begins
 * with a verdict, a number that the client does not see.
 */
#include "write/jobs/asked.h"

#include "write/jobs/job_reply.h"
#include "write/jobs/job_row.h"
#include "write/jobs/job_state.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* The numbers are those of the SQL below; from ASKED_OPEN on they say at which stage it is. */
enum asked_verdict {
	ASKED_NONE = 0,
	ASKED_ENDED = 1,
	ASKED_RUNNING = 2,
	ASKED_TOO_LATE = 3,
	ASKED_OPEN = 4
};

enum asked_value { ASKED_N, ASKED_MARK, ASKED_CALLER, ASKED_USER, ASKED_ID, ASKED_VALUES };

#define ASKED_VERDICT "{\"verdict\":"

#define OF_CALLER                                                                                  \
	" WHERE n = $1 AND mark = $2 AND caller IS NOT DISTINCT FROM $3"                           \
	" AND \"user\" IS NOT DISTINCT FROM $4"

#define SHOWN(verdict, state)                                                                      \
	"SELECT " verdict " AS verdict, $5 AS id, command, " state " AS state, attempts,"          \
	" attempts_max, accepted_at AS created_at, run_at, "
/* The result comes last: write/jobs/job_reply.c. */
#define SHOWN_END(result, problem)                                                                 \
	"started_at, finished_at, " problem                                                        \
	" AS problem, coalesce(log, '[]') AS attempt_log, " result " AS result"
#define SHOWN_OPEN                                                                                 \
	"NULL::timestamptz AS started_at, NULL::timestamptz AS finished_at,"                       \
	" NULL::json AS problem, coalesce(log, '[]') AS attempt_log, NULL::json AS result"

#define STATE_FINISHED                                                                             \
	"CASE state WHEN 'd' THEN 'done' WHEN 'c' THEN 'cancelled' ELSE 'discarded' END"

#define SHOWN_ENDED(verdict_of_cancelled, verdict)                                                 \
	" UNION ALL " SHOWN("CASE state WHEN 'c' THEN " verdict_of_cancelled " ELSE " verdict      \
			    " END",                                                                \
			    STATE_FINISHED)                                                        \
		SHOWN_END("result", "problem") " FROM cqrsd.job_finished" OF_CALLER                \
					       " UNION ALL " SHOWN(verdict, "'dead'") SHOWN_END(   \
						       "NULL::json",                               \
						       "problem") " FROM cqrsd.job_dead" OF_CALLER

static const char asked_show[] = SHOWN("4 + " JOB_STAGE, JOB_STATE) SHOWN_OPEN
	" FROM cqrsd.job" OF_CALLER SHOWN_ENDED("1", "1");

/* Kept as its command asks for, and as long as its key; migrations/007_jobs.sql. */
static const char asked_cancel[] =
	"WITH locked AS MATERIALIZED (SELECT * FROM cqrsd.job" OF_CALLER
	" FOR UPDATE SKIP LOCKED), gone AS (DELETE FROM cqrsd.job AS j USING locked"
	" WHERE j.n = locked.n), cancelled AS (INSERT INTO cqrsd.job_finished"
	" (n, mark, state, command, attempts, attempts_max, accepted_at, run_at, caller, \"user\","
	" log, drop_at) SELECT n, mark, 'c', command, attempts, attempts_max, accepted_at, run_at,"
	" caller, \"user\", log, greatest(clock_timestamp() + make_interval(secs => keep_s),"
	" CASE WHEN keyed THEN accepted_at + interval '24 hours' END) FROM locked RETURNING *)"
	" " SHOWN("1", "'cancelled'")
		SHOWN_END("result", "problem") " FROM cancelled"
					       " UNION ALL " SHOWN("2", JOB_STATE) SHOWN_OPEN
	" FROM cqrsd.job" OF_CALLER " AND NOT EXISTS (SELECT FROM locked)" SHOWN_ENDED("1", "3");

static const uint32_t asked_params[ASKED_VALUES] = {
	[ASKED_N] = INT8OID,    [ASKED_MARK] = INT4OID, [ASKED_CALLER] = TEXTOID,
	[ASKED_USER] = TEXTOID, [ASKED_ID] = TEXTOID,
};

static const uint32_t asked_columns[] = {
	INT4OID,        TEXTOID,        TEXTOID,        TEXTOID, INT2OID, INT2OID, TIMESTAMPTZOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, JSONOID, JSONOID, JSONOID,
};

static struct statement statement_show, statement_cancel;
static pthread_once_t asked_once = PTHREAD_ONCE_INIT;

static void asked_make(void)
{
	const struct job_types params = { asked_params, ASKED_VALUES };
	const struct job_types columns = { asked_columns,
					   sizeof(asked_columns) / sizeof(asked_columns[0]) };

	job_statement_make(&statement_show, "jobs.show", asked_show, params, columns);
	job_statement_make(&statement_cancel, "jobs.cancel", asked_cancel, params, columns);
}

struct job_asked {
	const char *values[ASKED_VALUES];
	struct job_number number;
	int64_t verdict; /* enum asked_verdict, once the row is there */
};

void *asked_new(struct request *request, struct text id, struct job_ids *ids)
{
	struct job_number number;
	struct job_asked *asked;

	if (!job_id_read(ids, id, &number))
		return NULL;
	pthread_once(&asked_once, asked_make);
	asked = arena_alloc(&request->arena, sizeof(*asked));
	asked->verdict = ASKED_NONE;
	asked->number = number;
	asked->values[ASKED_N] = arena_printf(&request->arena, "%lld", (long long)number.n);
	asked->values[ASKED_MARK] = arena_printf(&request->arena, "%d", (int)number.mark);
	asked->values[ASKED_CALLER] = job_row_caller(&request->arena, request->principal);
	asked->values[ASKED_USER] = request->user.ptr;
	asked->values[ASKED_ID] = arena_text(&request->arena, id).ptr;
	return asked;
}

/* --- the forms -------------------------------------------------------------------------------- */

static void asked_fill(struct command *command, struct call *call, struct statement *statement)
{
	const struct job_asked *asked = command->subject;

	call->statement = statement;
	call->values = asked->values;
	call->rows_max = 1;
	call->isolation = ISOLATION_READ_COMMITTED;
	call->transaction = TRANSACTION_SHARED;
}

static void asked_fill_show(struct command *command, struct call *call)
{
	asked_fill(command, call, &statement_show);
}

static void asked_fill_cancel(struct command *command, struct call *call)
{
	asked_fill(command, call, &statement_cancel);
}

static void asked_begin(struct command *command)
{
	buf_literal(&command->request->out, JOB_DOCUMENT_BEGINS);
}

static enum command_end asked_refuse(struct request *request, enum outcome outcome, const char *why)
{
	request_fail(request, outcome, "%s", why);
	return COMMAND_COMMITTED_UNTELLABLE;
}

/* Without the verdict, and without its last brace: the token is still to come. */
static void asked_write(struct request *request, struct text members)
{
	members = arena_text(&request->arena, members);
	buf_clear(&request->out);
	buf_literal(&request->out, JOB_DOCUMENT_BEGINS "{");
	buf_add(&request->out, members.ptr, members.len - 1);
}

/* The row behind its verdict. False: there is none, and the request says why. */
static bool asked_take(struct command *command, struct text *row)
{
	const size_t begins = strlen(JOB_DOCUMENT_BEGINS);
	struct request *request = command->request;
	struct job_asked *asked = command->subject;
	bool good;

	asked->verdict = ASKED_NONE;
	if (command->call.end == CALL_TOO_LARGE) {
		(void)asked_refuse(request, OUTCOME_RESULT_TOO_LARGE,
				   "the result of the job is larger than allowed");
		return false;
	}
	if (command->call.rows == 0) {
		(void)asked_refuse(request, OUTCOME_NOT_FOUND, "There is no such job");
		return false;
	}
	*row = (struct text){ request->out.ptr + begins, request->out.len - begins };
	good = job_document_take(row, ASKED_VERDICT, &asked->verdict);
	assert(good);
	/* Who has heard of the effect is to see it from here on. */
	command->wrote |= asked->verdict == ASKED_ENDED;
	return true;
}

static enum command_end asked_tell(struct command *command)
{
	struct request *request = command->request;
	const struct job_asked *asked = command->subject;
	struct text row;

	if (!asked_take(command, &row))
		return COMMAND_COMMITTED_UNTELLABLE;
	if (asked->verdict == ASKED_RUNNING)
		return asked_refuse(request, OUTCOME_JOB_RUNNING, "The job is running");
	if (asked->verdict == ASKED_TOO_LATE)
		return asked_refuse(request, OUTCOME_JOB_FINISHED, "The job has ended");
	asked_write(request, row);
	return COMMAND_COMMITTED;
}

/* As the command itself would have answered, had it been done. */
static enum command_end asked_tell_done(struct command *command)
{
	struct request *request = command->request;
	struct job_asked *asked = command->subject;
	struct text row;

	if (!asked_take(command, &row))
		return COMMAND_COMMITTED_UNTELLABLE;
	if (asked->verdict != ASKED_ENDED)
		return COMMAND_COMMITTED;
	row = arena_text(&request->arena, row);
	switch (job_reply_take(request, row)) {
	case JOB_REPLY_DONE:
		return COMMAND_COMMITTED;
	case JOB_REPLY_PROBLEM:
		return COMMAND_COMMITTED_UNTELLABLE;
	case JOB_REPLY_NEVER_RAN:
		asked->verdict = ASKED_NONE;
		return COMMAND_COMMITTED;
	}
	assert(!"what is told of a job");
	return COMMAND_COMMITTED_UNTELLABLE;
}

static const struct command_form asked_show_form = {
	.fill = asked_fill_show,
	.begin = asked_begin,
	.tell = asked_tell,
	.explain = job_statement_explain,
	.reads_only = true,
};

static const struct command_form asked_cancel_form = {
	.fill = asked_fill_cancel,
	.begin = asked_begin,
	.tell = asked_tell,
	.explain = job_statement_explain,
};

const struct command_form asked_done_form = {
	.fill = asked_fill_show,
	.begin = asked_begin,
	.tell = asked_tell_done,
	.explain = job_statement_explain,
	.reads_only = true,
};

const struct command_form *asked_form(enum request_kind kind)
{
	assert(kind == REQUEST_JOB || kind == REQUEST_JOB_CANCEL);
	return kind == REQUEST_JOB ? &asked_show_form : &asked_cancel_form;
}

bool asked_has_ended(const void *subject)
{
	const struct job_asked *asked = subject;

	return asked->verdict == ASKED_ENDED;
}

bool asked_stage(const void *subject, struct job_number *number, int *stage)
{
	const struct job_asked *asked = subject;

	*number = asked->number;
	*stage = (int)(asked->verdict - ASKED_OPEN);
	return asked->verdict >= ASKED_OPEN;
}

static void asked_end(struct buf *out, int64_t verdict, const char *token)
{
	if (verdict == ASKED_ENDED) {
		buf_literal(out, ",\"token\":\"");
		buf_string(out, token);
		buf_byte(out, '"');
	}
	buf_literal(out, "}}");
}

void asked_answer(struct request *request, const void *subject)
{
	const struct job_asked *asked = subject;

	if (asked->verdict != ASKED_ENDED)
		request->token[0] = '\0';
	asked_end(&request->out, asked->verdict, request->token);
}

/* --- by a call of one's own ------------------------------------------------------------------- */

void asked_fill_call(const void *subject, struct call *call)
{
	const struct job_asked *asked = subject;

	call->statement = &statement_show;
	call->values = asked->values;
	call->rows_max = 1;
}

bool asked_show_row(void *subject, struct text row, const char *token, struct buf *out)
{
	struct job_asked *asked = subject;

	if (!job_document_take(&row, ASKED_VERDICT, &asked->verdict))
		return false;
	buf_literal(out, JOB_DOCUMENT_BEGINS "{");
	buf_add(out, row.ptr, row.len - 1);
	asked_end(out, asked->verdict, token);
	return true;
}
