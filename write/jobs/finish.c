/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows are locked by the claim, in the same transaction: nothing here waits for another. Where
 * all are done, as nearly always, a statement without the rest is sent: each part of it costs, also
 * where it has no row.
 *
 * Parameters stand in sub-selects, which hide them from the planner: else it would plan anew each
 * time. A row is found by two bounds, for which there is neither a hash nor a merge join: such
 * plans are made while the queue is short, and would read all of it when it is long.
 *
 * A job that waits again is a new row with its number, and not a new version of its row: a claim
 * that is under way and sees the old version would lock the new one, find that it is not to be
 * claimed, and pass over it. Were that claim's transaction rolled back then, the lock in the row
 * would read as if the job had been in it (claim.c). A row that is gone is not locked, and one that
 * a claim cannot see neither.
 */
#include "write/jobs/finish.h"

#include "base/array.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>

/* clang-format off */
/* A log that is there ends with its bracket: it is written by this statement alone. */
#define LOG_WITH(log, entry)                                                                       \
	"CASE WHEN " entry " IS NULL THEN " log                                                    \
	" ELSE (coalesce(left(" log "::text, -1) || ',', '[') || " entry " || ']')::json END"

#define SAME                                                                                       \
	"n, run_at, accepted_at, started_at, mark, attempts, attempts_max, command, caller,"       \
	" \"user\""
#define SAME_OF_GONE(started_at)                                                                   \
	"n, run_at, accepted_at, " started_at ", mark, attempts + 1, attempts_max, command,"       \
	" caller, \"user\""

/* Of a job that waits again. */
#define KEPT                                                                                       \
	"n, accepted_at, mark, keep_s, keyed, attempts_max, command, version, order_key,"          \
	" parameters, claims, caller, \"user\", session, trace, tenant"

/* One that was begun may have ended long ago, unseen. */
#define STARTED_AT "coalesce(begun_at, now())"

/* Kept as its command asks for, and as long as its key; migrations/007_jobs.sql. */
#define DROP_AT                                                                                    \
	"greatest(clock_timestamp() + make_interval(secs => keep_s),"                              \
	" CASE WHEN keyed THEN accepted_at + interval '24 hours' END)"
#define IS_OF "j.n >= e.of AND j.n <= e.of"

static const char done_text[] =
	"WITH gone AS (DELETE FROM cqrsd.job AS j USING unnest((SELECT $1::int8[]),"
	" (SELECT $2::text[]), (SELECT $3::text[])) AS e(of, result, problem) WHERE " IS_OF
	" RETURNING j.n, j.run_at, j.accepted_at, j.mark, j.attempts, j.attempts_max, j.command,"
	" j.caller, j.\"user\", j.keep_s, j.keyed, j.log, e.result, e.problem)"
	" INSERT INTO cqrsd.job_finished (" SAME ", state, drop_at, result, problem, log)"
	" SELECT " SAME_OF_GONE("now()") ", 'd', " DROP_AT ", result::json, problem::json, log"
	" FROM gone";

static const char finish_text[] =
	"WITH e AS MATERIALIZED (SELECT * FROM unnest((SELECT $1::int8[]), (SELECT $2::text[]),"
	" (SELECT $3::text[]), (SELECT $4::text[]), (SELECT $5::int8[]), (SELECT $6::text[]))"
	" AS e(of, result, problem, ended, pause_us, entry)),"
	" gone AS (DELETE FROM cqrsd.job AS j USING e WHERE " IS_OF
	" RETURNING j.*, e.ended, e.result, e.problem, e.pause_us, e.entry),"
	" done AS (INSERT INTO cqrsd.job_finished (" SAME ", state, drop_at, result, problem, log)"
	" SELECT " SAME_OF_GONE(STARTED_AT) ", 'd', " DROP_AT ", result::json, problem::json, "
	LOG_WITH("log", "entry") " FROM gone WHERE ended = 'd'),"
	" dead AS (INSERT INTO cqrsd.job_dead (" SAME ", keep_s, keyed, version, order_key,"
	" parameters, claims, session, trace, problem, log)"
	" SELECT " SAME_OF_GONE(STARTED_AT) ", keep_s, keyed, version, order_key, parameters,"
	" claims, session, trace, problem::json, " LOG_WITH("log", "entry")
	" FROM gone WHERE ended = 'x')"
	" INSERT INTO cqrsd.job (" KEPT ", attempts, begun, begun_at, begun_by, run_at, log)"
	" OVERRIDING SYSTEM VALUE SELECT " KEPT ", attempts + (ended NOT IN ('b', 'p', 'q'))::int,"
	" CASE WHEN ended IN ('b', 'q') THEN attempts + 1 WHEN ended = 'l' THEN attempts + 2"
	" ELSE begun END, CASE ended WHEN 'b' THEN clock_timestamp() END,"
	" CASE ended WHEN 'b' THEN result END, CASE ended WHEN 'b' THEN run_at"
	" ELSE clock_timestamp() + pause_us * interval '1 microsecond' END, "
	LOG_WITH("log", "entry") " FROM gone WHERE ended NOT IN ('d', 'x')";
/* clang-format on */

static const uint32_t finish_params[FINISH_VALUES] = {
	[FINISH_N] = INT8ARRAYOID,        [FINISH_RESULT] = TEXTARRAYOID,
	[FINISH_PROBLEM] = TEXTARRAYOID,  [FINISH_END] = TEXTARRAYOID,
	[FINISH_PAUSE_US] = INT8ARRAYOID, [FINISH_ENTRY] = TEXTARRAYOID,
};

static struct statement finish_statement, done_statement;
static pthread_once_t finish_once = PTHREAD_ONCE_INIT;

static void finish_make(void)
{
	job_statement_make(&finish_statement, "jobs.finish", finish_text,
			   (struct job_types){ finish_params, FINISH_VALUES },
			   (struct job_types){ NULL, 0 });
	job_statement_make(&done_statement, "jobs.done", done_text,
			   (struct job_types){ finish_params, FINISH_VALUES_OF_DONE },
			   (struct job_types){ NULL, 0 });
}

struct statement *job_finish_statement(const struct job_finish *finish)
{
	pthread_once(&finish_once, finish_make);
	return finish->done == finish->jobs ? &done_statement : &finish_statement;
}

void job_finish_init(struct job_finish *finish)
{
	*finish = (struct job_finish){ 0 };
	for (unsigned i = 0; i < FINISH_VALUES; i++)
		buf_init(&finish->arrays[i]);
}

void job_finish_fini(struct job_finish *finish)
{
	for (unsigned i = 0; i < FINISH_VALUES; i++)
		buf_fini(&finish->arrays[i]);
}

void job_finish_begin(struct job_finish *finish)
{
	finish->jobs = finish->done = 0;
	for (unsigned i = 0; i < FINISH_VALUES; i++)
		array_begin(&finish->arrays[i]);
}

/* As the statement names them. */
static struct text finish_end(enum job_end end)
{
	switch (end) {
	case JOB_DONE:
		return TEXT("d");
	case JOB_RETRIED:
		return TEXT("r");
	case JOB_RETRIED_ALONE:
		return TEXT("l");
	case JOB_BEGUN:
		return TEXT("b");
	case JOB_PUT_OFF:
		return TEXT("p");
	case JOB_PUT_OFF_ALONE:
		return TEXT("q");
	case JOB_DEAD:
		return TEXT("x");
	case JOB_LEFT:
		break;
	}
	assert(!"an end of a job");
	return TEXT("");
}

void job_finish_add(struct job_finish *finish, const struct finished_job *job)
{
	array_add_int(&finish->arrays[FINISH_N], job->n);
	array_add_text(&finish->arrays[FINISH_END], finish_end(job->ending.end));
	array_add_int(&finish->arrays[FINISH_PAUSE_US], job->ending.pause_us);
	array_add_text(&finish->arrays[FINISH_RESULT], job->result);
	array_add_text(&finish->arrays[FINISH_PROBLEM], job->problem);
	array_add_text(&finish->arrays[FINISH_ENTRY], job->entry);
	finish->jobs++;
	finish->done += job->ending.end == JOB_DONE;
}

void job_finish_end(struct job_finish *finish)
{
	for (unsigned i = 0; i < FINISH_VALUES; i++)
		finish->values[i] = array_end(&finish->arrays[i]);
}
