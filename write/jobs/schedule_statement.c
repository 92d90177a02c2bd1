/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row that is locked is run by another instance now: it is passed over. One that was changed
 * since it was seen has another due time, so that a due time is taken once; and it was last seen at
 * another time, so that nothing is set by how it was before. That goes by the clock as it is, also
 * where schedules see another: instances are there or not.
 */
#include "write/jobs/schedule_statement.h"

#include "base/control.h"
#include "write/jobs/job_statement.h"

#include <pthread.h>

/* clang-format off */
#define TIME_OF(us) "timestamptz 'epoch' + " us " * interval '1 microsecond'"
#define US_OF(time) "(extract(epoch FROM " time ") * 1000000)::int8"

#define IS_BUSY(s)                                                                                 \
	"EXISTS (SELECT FROM cqrsd.job AS j WHERE j.n = " s ".last_n AND j.mark = " s ".last_mark)"

static const char fetch_text[] =
	"WITH clock AS MATERIALIZED (" JOB_CLOCK ")"
	" SELECT s.command, s.spec, " US_OF("s.next_due") " AS due_us, " US_OF("clock.at")
	" AS now_us, " US_OF("s.last_due") " AS last_us, " US_OF("s.seen_at") " AS seen_us, "
	US_OF("clock_timestamp()") " AS real_us, " SCHEDULE_IS_PAUSED("s") " AS paused, "
	IS_BUSY("s") " AS busy, clock.shifted"
	" FROM clock LEFT JOIN cqrsd.job_schedule AS s ON true";

/* In the order of their names, so that two instances do not wait for each other. */
static const char set_text[] =
	"WITH clock AS MATERIALIZED (" JOB_CLOCK "), gone AS (DELETE FROM cqrsd.job_schedule"
	" WHERE command IN (SELECT s.command FROM cqrsd.job_schedule AS s"
	" WHERE s.command <> ALL ($5::text[]) AND s.seen_at < clock_timestamp() - interval '7 days'"
	" AND NOT " SCHEDULE_IS_PAUSED("s") " AND NOT " IS_BUSY("s")
	" FOR UPDATE OF s SKIP LOCKED)),"
	" given AS MATERIALIZED (SELECT g.command, g.spec,"
	" " TIME_OF("g.next_us") " AS next_due, " TIME_OF("g.seen_us") " AS seen_at"
	" FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[])"
	" AS g(command, spec, next_us, seen_us)),"
	" there AS MATERIALIZED (SELECT g.* FROM given AS g"
	" JOIN cqrsd.job_schedule AS s ON s.command = g.command"
	" WHERE s.seen_at = g.seen_at ORDER BY s.command FOR UPDATE OF s),"
	" changed AS (UPDATE cqrsd.job_schedule AS s"
	" SET spec = g.spec, seen_at = clock_timestamp(),"
	" set_at = CASE WHEN s.spec = g.spec THEN s.set_at ELSE clock_timestamp() END,"
	" next_due = CASE WHEN s.next_due <= (SELECT at FROM clock) THEN s.next_due"
	" ELSE g.next_due END FROM there AS g WHERE s.command = g.command RETURNING s.command),"
	" made AS (INSERT INTO cqrsd.job_schedule (command, spec, next_due)"
	" SELECT command, spec, next_due FROM given ORDER BY command ON CONFLICT DO NOTHING"
	" RETURNING command)"
	" SELECT command FROM changed UNION ALL SELECT command FROM made";

/* Its parameters are the defaults that its command has when it runs. No caller is called so. */
static const char run_text[] =
	"WITH clock AS MATERIALIZED (" JOB_CLOCK "), due AS MATERIALIZED (SELECT g.*, s.next_due"
	" FROM cqrsd.job_schedule AS s JOIN unnest($1::text[], $2::text[], $3::int8[],"
	" $4::int8[], $5::int4[], $6::text[], $7::int4[], $8::int4[], $9::json[], $10::text[],"
	" $11::text[]) AS g(command, spec, due_us, next_us, mark, version, attempts_max, keep_s,"
	" claims, order_key, trace) ON g.command = s.command"
	" WHERE s.spec = g.spec AND s.next_due = " TIME_OF("g.due_us")
	" AND s.next_due <= (SELECT at FROM clock)"
	" AND NOT " SCHEDULE_IS_PAUSED("s") " AND NOT " IS_BUSY("s")
	" ORDER BY s.command" CONTROL_SCHEDULE_LOCK "),"
	" made AS (INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max,"
	" run_at, keep_s, keyed, claims, caller, trace, order_key, tenant)"
	" SELECT mark, command, version, '{}', attempts_max, clock_timestamp(), keep_s, false,"
	" claims, 'schedule', trace, " JOB_ORDER_KEY("order_key") ", "
	JOB_TENANT("'schedule'", "NULL") " FROM due"
	" RETURNING n, mark, command)"
	" UPDATE cqrsd.job_schedule AS s SET next_due = " TIME_OF("due.next_us")
	", last_due = due.next_due, last_run = clock_timestamp(), last_n = made.n,"
	" last_mark = made.mark, runs = s.runs + 1, seen_at = clock_timestamp()"
	" FROM due JOIN made ON made.command = due.command WHERE s.command = due.command"
	" RETURNING s.command";
/* clang-format on */

static const uint32_t fetch_columns[] = {
	TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, BOOLOID, BOOLOID, BOOLOID,
};
static const uint32_t set_params[SCHEDULE_SET_VALUES] = {
	[SCHEDULE_SET_COMMANDS] = TEXTARRAYOID, [SCHEDULE_SET_SPECS] = TEXTARRAYOID,
	[SCHEDULE_SET_NEXT_US] = INT8ARRAYOID,  [SCHEDULE_SET_SEEN_US] = INT8ARRAYOID,
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
static const uint32_t command_columns[] = { TEXTOID };

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
			   (struct job_types){ command_columns, 1 });
	job_statement_make(&run_statement, "jobs.schedules-run", run_text,
			   (struct job_types){ run_params, SCHEDULE_RUN_VALUES },
			   (struct job_types){ command_columns, 1 });
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
