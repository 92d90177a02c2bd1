/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row that is locked is run by another instance now: it is passed over. One that was changed
 * since it was seen has another due time, so that a due time is taken once.
 */
#include "write/jobs/schedule_statement.h"

#include "base/control.h"
#include "write/jobs/job_statement.h"

#include <pthread.h>

/* clang-format off */
#define TIME_OF(us) "timestamptz 'epoch' + " us " * interval '1 microsecond'"
#define US_OF(time) "(extract(epoch FROM " time ") * 1000000)::int8"

#define IS_PAUSED(s)                                                                               \
	"EXISTS (SELECT FROM cqrsd.job_pause AS p WHERE p.command IN (" s ".command, '*'))"
#define IS_BUSY(s)                                                                                 \
	"EXISTS (SELECT FROM cqrsd.job AS j WHERE j.n = " s ".last_n AND j.mark = " s ".last_mark)"

static const char fetch_text[] =
	"WITH clock AS MATERIALIZED (" JOB_CLOCK ")"
	" SELECT s.command, s.spec, " US_OF("s.next_due") " AS due_us, " US_OF("clock.at")
	" AS now_us, " IS_PAUSED("s") " AS paused, " IS_BUSY("s") " AS busy, clock.shifted"
	" FROM clock LEFT JOIN cqrsd.job_schedule AS s ON true";

static const char set_text[] =
	"WITH clock AS MATERIALIZED (" JOB_CLOCK "), gone AS (DELETE FROM cqrsd.job_schedule AS s"
	" WHERE s.command <> ALL ($4::text[])"
	" AND s.next_due < (SELECT at FROM clock) - interval '7 days' AND NOT " IS_PAUSED("s") ")"
	" INSERT INTO cqrsd.job_schedule AS s (command, spec, next_due) SELECT g.command, g.spec, "
	TIME_OF("g.next_us") " FROM unnest($1::text[], $2::text[], $3::int8[])"
	" AS g(command, spec, next_us) ORDER BY g.command"
	" ON CONFLICT (command) DO UPDATE SET spec = excluded.spec, set_at = clock_timestamp(),"
	" next_due = CASE WHEN s.next_due <= (SELECT at FROM clock) THEN s.next_due"
	" ELSE excluded.next_due END WHERE s.spec <> excluded.spec";

/* Its parameters are the defaults that its command has when it runs. No caller is called so. */
static const char run_text[] =
	"WITH clock AS MATERIALIZED (" JOB_CLOCK "), due AS MATERIALIZED (SELECT g.*, s.next_due"
	" FROM cqrsd.job_schedule AS s JOIN unnest($1::text[], $2::text[], $3::int8[],"
	" $4::int8[], $5::int4[], $6::text[], $7::int4[], $8::int4[], $9::json[], $10::text[],"
	" $11::text[]) AS g(command, spec, due_us, next_us, mark, version, attempts_max, keep_s,"
	" claims, order_key, trace) ON g.command = s.command"
	" WHERE s.spec = g.spec AND s.next_due = " TIME_OF("g.due_us")
	" AND s.next_due <= (SELECT at FROM clock) AND NOT " IS_PAUSED("s") " AND NOT " IS_BUSY("s")
	" ORDER BY s.command" CONTROL_SCHEDULE_LOCK "),"
	" made AS (INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max,"
	" run_at, keep_s, keyed, claims, caller, trace, order_key)"
	" SELECT mark, command, version, '{}', attempts_max, clock_timestamp(), keep_s, false,"
	" claims, 'schedule', trace, " JOB_ORDER_KEY("order_key") " FROM due"
	" RETURNING n, mark, command)"
	" UPDATE cqrsd.job_schedule AS s SET next_due = " TIME_OF("due.next_us")
	", last_due = due.next_due, last_run = clock_timestamp(), last_n = made.n,"
	" last_mark = made.mark, runs = s.runs + 1"
	" FROM due JOIN made ON made.command = due.command WHERE s.command = due.command"
	" RETURNING s.command";
/* clang-format on */

static const uint32_t fetch_columns[] = {
	TEXTOID, TEXTOID, INT8OID, INT8OID, BOOLOID, BOOLOID, BOOLOID,
};
static const uint32_t set_params[SCHEDULE_SET_VALUES] = {
	[SCHEDULE_SET_COMMANDS] = TEXTARRAYOID,
	[SCHEDULE_SET_SPECS] = TEXTARRAYOID,
	[SCHEDULE_SET_NEXT_US] = INT8ARRAYOID,
	[SCHEDULE_SET_KNOWN] = TEXTARRAYOID,
};
static const uint32_t run_params[SCHEDULE_RUN_VALUES] = {
	[SCHEDULE_RUN_COMMANDS] = TEXTARRAYOID,     [SCHEDULE_RUN_SPECS] = TEXTARRAYOID,
	[SCHEDULE_RUN_DUE_US] = INT8ARRAYOID,       [SCHEDULE_RUN_NEXT_US] = INT8ARRAYOID,
	[SCHEDULE_RUN_MARKS] = INT4ARRAYOID,        [SCHEDULE_RUN_VERSIONS] = TEXTARRAYOID,
	[SCHEDULE_RUN_ATTEMPTS_MAX] = INT4ARRAYOID, [SCHEDULE_RUN_KEEP_S] = INT4ARRAYOID,
	[SCHEDULE_RUN_CLAIMS] = JSONARRAYOID,       [SCHEDULE_RUN_ORDER_KEYS] = TEXTARRAYOID,
	[SCHEDULE_RUN_TRACES] = TEXTARRAYOID,
};
static const uint32_t run_columns[] = { TEXTOID };

static struct statement fetch_statement, set_statement, run_statement;
static pthread_once_t schedule_once = PTHREAD_ONCE_INIT;

static void schedule_make(void)
{
	job_statement_make(&fetch_statement, "jobs.schedules", fetch_text,
			   (struct job_types){ NULL, 0 },
			   (struct job_types){ fetch_columns,
					       sizeof(fetch_columns) / sizeof(fetch_columns[0]) });
	job_statement_make(&set_statement, "jobs.schedules-set", set_text,
			   (struct job_types){ set_params, SCHEDULE_SET_VALUES },
			   (struct job_types){ NULL, 0 });
	job_statement_make(&run_statement, "jobs.schedules-run", run_text,
			   (struct job_types){ run_params, SCHEDULE_RUN_VALUES },
			   (struct job_types){ run_columns, 1 });
}

struct statement *schedule_fetch_statement(void)
{
	pthread_once(&schedule_once, schedule_make);
	return &fetch_statement;
}

struct statement *schedule_set_statement(void)
{
	pthread_once(&schedule_once, schedule_make);
	return &set_statement;
}

struct statement *schedule_run_statement(void)
{
	pthread_once(&schedule_once, schedule_make);
	return &run_statement;
}
