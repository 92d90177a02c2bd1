/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change and its line of the audit are one statement. A job that is locked is passed over: a
 * worker runs it, or another operator changes it. What is done to many is done in several
 * statements, each behind the last job of the one before, so that none of them meets a job that
 * has come back since.
 */
#include "write/jobs/job_action.h"

#include "write/jobs/job_state.h"
#include "write/jobs/job_statement.h"
#include "write/jobs/schedule_statement.h"

#include <assert.h>
#include <pthread.h>

enum { JSONBOID = 3802 };

static bool action_takes_any(struct text state)
{
	(void)state;
	return true;
}

static bool action_takes_dead(struct text state)
{
	return text_is(state, "dead");
}

static bool action_takes_open(struct text state)
{
	return text_is(state, "scheduled") || text_is(state, "queued") ||
	       text_is(state, "retrying");
}

static const struct job_action_row action_rows[JOB_ACTIONS] = {
	[JOB_ACTION_LIST] = { "list", "listed", NULL, NULL, action_takes_any, false },
	[JOB_ACTION_SHOW] = { "show", "shown", NULL, NULL, NULL, false },
	[JOB_ACTION_REPLAY] = { "replay", "replayed", "jobs-replay", "dead letter",
				action_takes_dead, false },
	[JOB_ACTION_DISCARD] = { "discard", "discarded", "jobs-discard", "dead letter",
				 action_takes_dead, false },
	[JOB_ACTION_CANCEL] = { "cancel", "cancelled", "jobs-cancel", "job that waits",
				action_takes_open, false },
	[JOB_ACTION_PAUSE] = { "pause", "paused", "jobs-pause", NULL, NULL, true },
	[JOB_ACTION_RESUME] = { "resume", "resumed", "jobs-resume", NULL, NULL, true },
	[JOB_ACTION_SCHEDULES] = { "schedules", "listed", NULL, NULL, NULL, true },
};

const struct job_action_row *job_action_row(enum job_action action)
{
	assert(action < JOB_ACTIONS);
	return &action_rows[action];
}

enum job_action job_action_find(struct text name)
{
	unsigned action = 0;

	while (action < JOB_ACTIONS && !text_is(name, action_rows[action].name))
		action++;
	return (enum job_action)action;
}

/* --- which jobs are meant --------------------------------------------------------------------- */

/* clang-format off */
#define STATES "$1"
#define COMMANDS "$2"
#define NUMBERS "$3"
#define MARKS "$4"
#define USER "$5"
#define ERROR "$6"
#define OLDER_S "$7"
#define NEWER_S "$8"
#define AFTER "$9"
#define LIMIT "$10"
#define WHO "$11"
#define CRITERIA "$12"
#define KNOWN "$13"

/* The words of PostgreSQL stand in the log of attempts where callers may not read them. */
#define SQLSTATE_OF(problem, log)                                                                  \
	"coalesce(" problem " ->> 'sqlstate', " log " -> -1 ->> 'sqlstate')"

/* since: when it came to be what it is. */
#define MEANT(state, since, problem)                                                               \
	"(" STATES " IS NULL OR " state " = ANY (" STATES "))"                                     \
	" AND (" COMMANDS " IS NULL OR command = ANY (" COMMANDS "))"                              \
	" AND (" NUMBERS " IS NULL OR n = ANY (" NUMBERS ")"                                       \
	" AND (n, mark) IN (SELECT * FROM unnest(" NUMBERS ", " MARKS ")))"                        \
	" AND (" USER " IS NULL OR \"user\" = " USER ")"                                           \
	" AND (" ERROR " IS NULL OR " problem " ->> 'code' = " ERROR                               \
	" OR " SQLSTATE_OF(problem, "log") " = " ERROR ")"                                         \
	" AND (" OLDER_S " IS NULL OR " since " <= now() - make_interval(secs => " OLDER_S "))"    \
	" AND (" NEWER_S " IS NULL OR " since " > now() - make_interval(secs => " NEWER_S "))"     \
	" AND n > " AFTER

/* Whether or not it runs (write/jobs/job_state.h): one that does is passed over. */
#define STATE_OPEN                                                                                 \
	"CASE WHEN attempts > 0 THEN 'retrying' WHEN run_at > now() THEN 'scheduled'"              \
	" ELSE 'queued' END"
#define STATE_FINISHED                                                                             \
	"CASE state WHEN 'd' THEN 'done' WHEN 'c' THEN 'cancelled' ELSE 'discarded' END"

#define OPEN_IS_MEANT MEANT(STATE_OPEN, "accepted_at", "NULL::json")
#define DEAD_IS_MEANT MEANT("'dead'", "finished_at", "problem")

/* --- list, show ------------------------------------------------------------------------------- */

#define SHARED                                                                                     \
	"n, mark, command, attempts, attempts_max, accepted_at, run_at, caller, \"user\", log"

/* A constant, by which a table is left out. */
#define ASKED(states) "(" STATES " IS NULL OR " STATES " && '{" states "}')"

#define JOBS                                                                                       \
	" FROM (SELECT * FROM (SELECT " SHARED ", CASE WHEN " JOB_IS_RUNNING " THEN 'running'"     \
	" ELSE " STATE_OPEN " END AS state,"                                                       \
	" NULL::timestamptz AS started_at,"                                                        \
	" NULL::timestamptz AS finished_at, version, trace, parameters, NULL::json AS result,"     \
	" NULL::json AS problem FROM cqrsd.job"                                                    \
	" WHERE " ASKED("scheduled,queued,running,retrying")                                       \
	" UNION ALL SELECT " SHARED ", " STATE_FINISHED ", started_at, finished_at, NULL, NULL,"   \
	" NULL, result, problem FROM cqrsd.job_finished"                                           \
	" WHERE " ASKED("done,cancelled,discarded")                                                \
	" UNION ALL SELECT " SHARED ", 'dead', started_at, finished_at, version, trace,"           \
	" parameters, NULL, problem FROM cqrsd.job_dead WHERE " ASKED("dead") ") AS jobs WHERE "   \
	MEANT("state", "coalesce(finished_at, accepted_at)", "problem")                            \
	" ORDER BY n LIMIT " LIMIT ") AS jobs ORDER BY n"

#define SHOWN                                                                                      \
	"SELECT n, mark::int8 & 4294967295 AS mark, command, state,"                               \
	" finished_at IS NULL AND EXISTS (SELECT FROM cqrsd.job_pause AS p"                        \
	" WHERE p.command IN (jobs.command, '*')) AS paused,"                                      \
	" finished_at IS NULL AND EXISTS (SELECT FROM cqrsd.job_pause AS p"                        \
	" WHERE p.command = jobs.command AND p.retry_at IS NOT NULL) AS breaker_open,"             \
	" attempts, attempts_max,"                                                                 \
	" accepted_at AS created_at, run_at, finished_at, caller, \"user\", "
static const char list_text[] =
	SHOWN "problem ->> 'code' AS code, " SQLSTATE_OF("problem", "log") " AS sqlstate,"
	" coalesce(problem ->> 'detail', log -> -1 ->> 'message') AS message" JOBS;
static const char show_text[] =
	SHOWN "started_at, version, trace, parameters, result, problem,"
	" coalesce(log, '[]') AS attempt_log" JOBS;

/* --- changes ---------------------------------------------------------------------------------- */

/* Why a dead letter cannot be replayed; NULL: it can be. */
#define REFUSAL                                                                                    \
	"CASE WHEN " KNOWN " IS NULL THEN NULL WHEN NOT " KNOWN " ? command"                       \
	" THEN 'the catalog has no @async command ' || command"                                    \
	" || ', nor one with @every or @cron' ELSE coalesce("                                      \
	"(SELECT command || ' has no parameter ' || k || ' any more'"                              \
	" FROM json_object_keys(parameters) AS k"                                                  \
	" WHERE NOT " KNOWN " -> command -> 'takes' ? k LIMIT 1),"                                 \
	" (SELECT command || ' needs a parameter ' || k || ', which it did not have'"              \
	" FROM jsonb_array_elements_text(" KNOWN " -> command -> 'needs') AS k"                    \
	" WHERE parameters -> k IS NULL LIMIT 1)) END"

#define COUNTED(why, table, meant)                                                                 \
	"SELECT " why " AS why, count(*)::int8 AS jobs FROM " table " WHERE " meant                \
	" GROUP BY 1 ORDER BY 1 NULLS FIRST"

/* So that one of them takes no longer than another, it sees a part of the table, however few are
 * meant. */
#define PICKED(table, meant)                                                                       \
	"WITH near AS MATERIALIZED (SELECT * FROM " table " WHERE n > " AFTER                      \
	" AND (" NUMBERS " IS NULL OR n = ANY (" NUMBERS ")) ORDER BY n LIMIT 500),"               \
	" picked AS MATERIALIZED (SELECT n FROM " table " WHERE n IN (SELECT n FROM near WHERE "   \
	meant ") ORDER BY n LIMIT " LIMIT " FOR UPDATE SKIP LOCKED),"                              \
	" gone AS (DELETE FROM " table " AS d USING picked WHERE d.n = picked.n RETURNING d.*),"

#define NOTED(action)                                                                              \
	" noted AS (INSERT INTO cqrsd.job_audit (who, action, filter, changed, first_n, last_n)"   \
	" SELECT " WHO ", '" action "', " CRITERIA ", count(*), min(n), max(n) FROM made"          \
	" HAVING count(*) > 0)"                                                                    \
	" SELECT (SELECT count(*) FROM made) AS changed,"                                          \
	" coalesce((SELECT max(n) FROM near), 0) AS last"

/* Its number stays, and with it the id outside. */
#define KEPT                                                                                       \
	"n, accepted_at, mark, keep_s, keyed, attempts_max, command, version, order_key," \
	" parameters, claims, caller, \"user\", session, trace, log"
static const char replay_text[] =
	PICKED("cqrsd.job_dead", DEAD_IS_MEANT " AND " REFUSAL " IS NULL")
	" made AS (INSERT INTO cqrsd.job (" KEPT ", run_at, tenant) OVERRIDING SYSTEM VALUE"
	" SELECT " KEPT ", clock_timestamp(), " JOB_TENANT("caller", "\"user\"")
	" FROM gone RETURNING n)," NOTED("replay");

/* Kept as its command asks for, and as long as its key; migrations/007_jobs.sql. */
#define DROP_AT                                                                                    \
	"greatest(clock_timestamp() + make_interval(secs => keep_s),"                              \
	" CASE WHEN keyed THEN accepted_at + interval '24 hours' END)"
#define ENDED "n, run_at, accepted_at, mark, attempts, attempts_max, command, caller, \"user\", log"
static const char discard_text[] =
	PICKED("cqrsd.job_dead", DEAD_IS_MEANT)
	" made AS (INSERT INTO cqrsd.job_finished (" ENDED ", started_at, problem, state, drop_at)"
	" SELECT " ENDED ", started_at, problem, 'x', " DROP_AT " FROM gone RETURNING n),"
	NOTED("discard");
static const char cancel_text[] =
	PICKED("cqrsd.job", OPEN_IS_MEANT)
	" made AS (INSERT INTO cqrsd.job_finished (" ENDED ", state, drop_at)"
	" SELECT " ENDED ", 'c', " DROP_AT " FROM gone RETURNING n)," NOTED("cancel");

static const char replay_dry_text[] = COUNTED(REFUSAL, "cqrsd.job_dead", DEAD_IS_MEANT);
static const char discard_dry_text[] = COUNTED("NULL::text", "cqrsd.job_dead", DEAD_IS_MEANT);
static const char cancel_dry_text[] =
	COUNTED("CASE WHEN " JOB_IS_RUNNING " THEN 'it runs' END", "cqrsd.job", OPEN_IS_MEANT);

/* --- commands --------------------------------------------------------------------------------- */

#define NOTED_COMMANDS(action)                                                                     \
	" noted AS (INSERT INTO cqrsd.job_audit (who, action, filter, changed)"                    \
	" SELECT " WHO ", '" action "', " CRITERIA ", count(*) FROM made HAVING count(*) > 0)"     \
	" SELECT command, EXISTS (SELECT FROM made WHERE made.command = named.command) AS changed,"
#define OF_ALL "EXISTS (SELECT FROM cqrsd.job_pause WHERE command = '*')"
#define BY_NAME " FROM named ORDER BY command"

/* None is named: all. What its breaker has paused stays so from here on. */
#define PAUSED "WITH named AS (SELECT DISTINCT unnest(coalesce(" COMMANDS ", '{*}')) AS command)"
static const char pause_text[] =
	PAUSED ", made AS (INSERT INTO cqrsd.job_pause (command, paused_by) SELECT command, " WHO
	" FROM named ON CONFLICT (command) DO UPDATE SET paused_by = excluded.paused_by,"
	" paused_at = excluded.paused_at, retry_at = NULL WHERE job_pause.retry_at IS NOT NULL"
	" RETURNING command),"
	NOTED_COMMANDS("pause") " true AS paused" BY_NAME;
static const char pause_dry_text[] =
	PAUSED " SELECT command, NOT EXISTS (SELECT FROM cqrsd.job_pause AS p"
	" WHERE p.command = named.command AND p.retry_at IS NULL) AS changed,"
	" true AS paused" BY_NAME;

#define RESUMED                                                                                    \
	"WITH named AS (SELECT DISTINCT unnest(" COMMANDS ") AS command"                           \
	" UNION SELECT command FROM cqrsd.job_pause WHERE " COMMANDS " IS NULL)"
static const char resume_text[] =
	RESUMED ", made AS (DELETE FROM cqrsd.job_pause AS p USING named"
	" WHERE p.command = named.command RETURNING p.command),"
	NOTED_COMMANDS("resume") " " COMMANDS " IS NOT NULL AND " OF_ALL " AS paused" BY_NAME;
static const char resume_dry_text[] =
	RESUMED " SELECT command, EXISTS (SELECT FROM cqrsd.job_pause AS p"
	" WHERE p.command = named.command) AS changed,"
	" " COMMANDS " IS NOT NULL AND " OF_ALL " AS paused" BY_NAME;

/* --- schedules -------------------------------------------------------------------------------- */

#define LAST_OF(state, table)                                                                      \
	"(SELECT " state " FROM " table " WHERE n = s.last_n AND mark = s.last_mark LIMIT 1)"
static const char schedules_text[] =
	"SELECT coalesce(s.last_n, 0) AS n, coalesce(s.last_mark, 0)::int8 & 4294967295 AS mark,"
	" s.command, s.spec AS schedule, s.next_due,"
	" greatest(extract(epoch FROM clock.at - s.next_due), 0)::float8 AS late_seconds,"
	" " SCHEDULE_IS_PAUSED("s") " AS paused,"
	" EXISTS (SELECT FROM cqrsd.job_pause AS p WHERE p.command = s.command"
	" AND p.retry_at IS NOT NULL) AS breaker_open,"
	" s.runs, s.last_due, s.last_run, coalesce("
	LAST_OF("CASE WHEN " JOB_IS_RUNNING " THEN 'running' ELSE " STATE_OPEN " END", "cqrsd.job")
	", " LAST_OF("'dead'", "cqrsd.job_dead") ", " LAST_OF(STATE_FINISHED, "cqrsd.job_finished")
	") AS last_state FROM (" JOB_CLOCK ") AS clock CROSS JOIN cqrsd.job_schedule AS s"
	" WHERE " COMMANDS " IS NULL OR s.command = ANY (" COMMANDS ") ORDER BY s.command";
/* clang-format on */

/* --- as statements ---------------------------------------------------------------------------- */

static const uint32_t action_params[JOB_ACTION_VALUES] = {
	[JOB_FILTER_STATES] = TEXTARRAYOID, [JOB_FILTER_COMMANDS] = TEXTARRAYOID,
	[JOB_FILTER_N] = INT8ARRAYOID,      [JOB_FILTER_MARK] = INT4ARRAYOID,
	[JOB_FILTER_USER] = TEXTOID,        [JOB_FILTER_ERROR] = TEXTOID,
	[JOB_FILTER_OLDER_S] = INT8OID,     [JOB_FILTER_NEWER_S] = INT8OID,
	[JOB_FILTER_AFTER] = INT8OID,       [JOB_FILTER_LIMIT] = INT8OID,
	[JOB_ACTION_WHO] = TEXTOID,         [JOB_ACTION_CRITERIA] = JSONOID,
	[JOB_ACTION_KNOWN] = JSONBOID,
};

#define SHOWN_OIDS                                                                                 \
	INT8OID, INT8OID, TEXTOID, TEXTOID, BOOLOID, BOOLOID, INT2OID, INT2OID, TIMESTAMPTZOID,    \
		TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID
static const uint32_t list_oids[] = { SHOWN_OIDS, TEXTOID, TEXTOID, TEXTOID };
static const uint32_t show_oids[] = {
	SHOWN_OIDS, TIMESTAMPTZOID, TEXTOID, TEXTOID, JSONOID, JSONOID, JSONOID, JSONOID,
};
static const uint32_t changed_oids[] = { INT8OID, INT8OID };
static const uint32_t counted_oids[] = { TEXTOID, INT8OID };
static const uint32_t commands_oids[] = { TEXTOID, BOOLOID, BOOLOID };

static const uint32_t schedules_oids[] = {
	INT8OID, INT8OID, TEXTOID, TEXTOID,        TIMESTAMPTZOID, FLOAT8OID,
	BOOLOID, BOOLOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID,
};

#define TYPES(oids)                                                                                \
	{                                                                                          \
		oids, sizeof(oids) / sizeof((oids)[0])                                             \
	}

static const struct action_text {
	const char *name, *text;
	struct job_types columns;
} action_texts[2][JOB_ACTIONS] = {
	{
		[JOB_ACTION_LIST] = { "jobs.list", list_text, TYPES(list_oids) },
		[JOB_ACTION_SHOW] = { "jobs.details", show_text, TYPES(show_oids) },
		[JOB_ACTION_REPLAY] = { "jobs.replay", replay_text, TYPES(changed_oids) },
		[JOB_ACTION_DISCARD] = { "jobs.discard", discard_text, TYPES(changed_oids) },
		[JOB_ACTION_CANCEL] = { "jobs.cancel-all", cancel_text, TYPES(changed_oids) },
		[JOB_ACTION_PAUSE] = { "jobs.pause", pause_text, TYPES(commands_oids) },
		[JOB_ACTION_RESUME] = { "jobs.resume", resume_text, TYPES(commands_oids) },
		[JOB_ACTION_SCHEDULES] = { "jobs.list-schedules", schedules_text,
					   TYPES(schedules_oids) },
	},
	{
		[JOB_ACTION_REPLAY] = { "jobs.replay-dry", replay_dry_text, TYPES(counted_oids) },
		[JOB_ACTION_DISCARD] = { "jobs.discard-dry", discard_dry_text,
					 TYPES(counted_oids) },
		[JOB_ACTION_CANCEL] = { "jobs.cancel-dry", cancel_dry_text, TYPES(counted_oids) },
		[JOB_ACTION_PAUSE] = { "jobs.pause-dry", pause_dry_text, TYPES(commands_oids) },
		[JOB_ACTION_RESUME] = { "jobs.resume-dry", resume_dry_text, TYPES(commands_oids) },
	},
};

static struct statement action_statements[2][JOB_ACTIONS];
static pthread_once_t action_once = PTHREAD_ONCE_INIT;

static void action_make(void)
{
	for (unsigned dry = 0; dry < 2; dry++) {
		for (unsigned action = 0; action < JOB_ACTIONS; action++) {
			const struct action_text *row = &action_texts[dry][action];

			if (row->text)
				job_statement_make(
					&action_statements[dry][action], row->name, row->text,
					(struct job_types){ action_params, JOB_ACTION_VALUES },
					row->columns);
		}
	}
}

static struct statement *action_statement(enum job_action action, unsigned dry)
{
	assert(action < JOB_ACTIONS);
	assert(action_texts[dry][action].text);
	pthread_once(&action_once, action_make);
	return &action_statements[dry][action];
}

struct statement *job_action_statement(enum job_action action)
{
	return action_statement(action, 0);
}

struct statement *job_action_dry(enum job_action action)
{
	return action_statement(action, 1);
}
