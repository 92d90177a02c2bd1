/* SPDX-License-Identifier: Apache-2.0 */
/* The texts. Names are those of prepared statements: short, since each message repeats them. */
#include "pg/wire/fixed.h"

#include "base/limits.h"
#include "pg/wire/session_state.h"
#include "pg/wire/standby_bound.h"

#include <assert.h>

#define SQL_TEXT_OF(number) #number
#define SQL_TEXT(macro) SQL_TEXT_OF(macro)

/* The last of commands: did they write, where does their commit end, how long did they run? */
#define SQL_END                                                                                    \
	"SELECT pg_current_xact_id_if_assigned() IS NOT NULL,"                                     \
	" CASE current_setting('synchronous_commit') WHEN 'off'"                                   \
	" THEN pg_size_bytes(current_setting('wal_segment_size')) END,"                            \
	" current_setting('wal_block_size'),"                                                      \
	" (extract(epoch FROM clock_timestamp() - now()) * 1000000)::bigint"

/* What a command of a group may not leave changed: RESET ALL comes too late, or does nothing. */
#define SQL_KEPT "current_user::text || '|' || current_setting('synchronous_commit')"
/* RESET ALL goes back to what handshake_options asked for, but where a pooler had only SET it. */
#define SQL_AS_ASKED                                                                               \
	"(current_setting('TimeZone') = 'UTC' AND current_setting('DateStyle') LIKE 'ISO%'"        \
	" AND current_setting('IntervalStyle') = 'iso_8601')"

#define SQL_LOCK_WAIT SQL_TEXT(GROUP_LOCK_WAIT_MS)
#define SQL_STATEMENT SQL_TEXT(GROUP_STATEMENT_MS)
#define SQL_LIMITS                                                                                 \
	"SELECT WHERE set_config('lock_timeout', '" SQL_LOCK_WAIT "', true)"                       \
	" || set_config('statement_timeout', '" SQL_STATEMENT "', true)"                           \
	" || set_config('cqrsd.kept', " SQL_KEPT ", true)"

/*
 * The server waits for us between the trips of jobs, whose rows are locked: not for ever. A plan
 * that is made while the queue is short is kept while it is long: it may be of its indexes only, in
 * the order that they have. Nor is it compiled: where the table was analyzed while no job had an
 * order, a claim of ordered jobs seems dear, and compiling it takes longer than the claim.
 */
#define SQL_JOBS_IDLE                                                                              \
	" set_config('idle_in_transaction_session_timeout', '" SQL_TEXT(JOBS_IDLE_MS) "', true)"
#define SQL_JOBS_STATEMENT                                                                         \
	" set_config('statement_timeout', '" SQL_TEXT(JOBS_STATEMENT_MS) "', true)"
#define SQL_JOBS                                                                                   \
	"SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint," SQL_JOBS_STATEMENT     \
	"," SQL_JOBS_IDLE ", set_config('enable_seqscan', 'off', true),"                           \
	" set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),"   \
	" set_config('jit', 'off', true)"

/* No transaction ends the session's locks: each batch does, whatever becomes of its calls. */
#define SQL_UNLOCKED "pg_advisory_unlock_all() IS NOT NULL"

/*
 * Under the name of another table a temporary one would take the writes of the commands behind it.
 * The schema of a session stays when its tables are gone: then it has to be looked into.
 */
#define SQL_NOTHING_TEMPORARY "pg_my_temp_schema() = 0"
#define SQL_TEMPORARY_IS_EMPTY                                                                     \
	"NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refobjid = pg_my_temp_schema()"        \
	" AND refclassid = 'pg_catalog.pg_namespace'::regclass)"
#define SQL_LEFTOVERS(more)                                                                        \
	"SELECT WHERE 1 / (" SQL_UNLOCKED " AND current_setting('cqrsd.kept') = " SQL_KEPT         \
	" AND " more ")::int IS NULL"

/*
 * The first probe of a batch of queries, and the last one. On a standby the position is read before
 * what was received, so that "all that was received is replayed" is true of the position; on a
 * primary the end of the WAL follows, written or not. The timeline is the walreceiver's, which goes
 * over to the next one before anything of that is replayed: where it is still the old one behind
 * the queries, so was all before (pg/wire/standby_bound.h). The functions of the other role are not
 * called: they raise.
 */
const struct fixed_statement fixed_statements[FIXED_COUNT] = {
	[FIXED_PROBE] = { "probe", "SELECT pg_is_in_recovery(),"
				   " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
				   " ELSE pg_current_wal_flush_lsn() END, clock_timestamp()" },
	[FIXED_BOUND] = { "bound",
			  "SELECT pg_is_in_recovery(),"
			  " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
			  " ELSE pg_current_wal_flush_lsn() END,"
			  " CASE WHEN " SQL_UNLOCKED " THEN clock_timestamp() END,"
			  " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()"
			  " ELSE pg_current_wal_insert_lsn() END, " STANDBY_BOUND_TIMELINE },
	[FIXED_STANDBY_BOUND] = { "stands", STANDBY_BOUND_BOUND },
	[FIXED_TIMEOUT] = { "timeout", "SELECT set_config('statement_timeout', $1, true)" },
	/* Else a statement goes on though the conn it is for was closed. Not every system can. */
	[FIXED_NOTICE] = { "notice", "SELECT set_config('client_connection_check_interval', $1,"
				     " true) WHERE version() LIKE '%linux%'" },
	/* Until the end of the transaction, which is that of the whole segment. Without columns
	 * and rows, so that no claims come back; of || each side is always evaluated. (It also
	 * costs less: what a group has between its commands is written in the same way.) */
	[FIXED_CLAIMS] = { "claims", "SELECT WHERE set_config('request.jwt.claims', $1, true)"
				     " || set_config('request.user', $2, true)"
				     " || set_config('request.roles', $3, true) IS NULL" },
	[FIXED_XID] = { "xid", SQL_END },
	[FIXED_BACKEND] = { "backend", "SELECT pg_backend_pid()" },
	[FIXED_POSITION] = { "position",
			     "SELECT pg_current_wal_flush_lsn(), pg_current_wal_insert_lsn(),"
			     " left(pg_walfile_name(pg_current_wal_flush_lsn()), 8),"
			     " CASE WHEN " SQL_UNLOCKED " THEN pg_my_temp_schema() END" },
	[FIXED_SESSION_STATE] = { "leaves", session_state_query },
	[FIXED_LIMITS] = { "limits", SQL_LIMITS " IS NULL" },
	[FIXED_SAVEPOINT] = { "savepoint", "SAVEPOINT c" },
	[FIXED_RETURN] = { "back", "ROLLBACK TO SAVEPOINT c" },
	/* The next two and the last divide by zero where that is not so. */
	[FIXED_LEFTOVERS] = { "look", SQL_LEFTOVERS(SQL_NOTHING_TEMPORARY) },
	[FIXED_LEFTOVERS_TEMPORARY] = { "look2", SQL_LEFTOVERS(SQL_TEMPORARY_IS_EMPTY) },
	[FIXED_RESET] = { "reset", "RESET ALL" },
	[FIXED_GROUP_END] = { "end", SQL_END ", 1 / " SQL_AS_ASKED "::int" },
	[FIXED_JOBS] = { "jobs", SQL_JOBS },
	/* RESET ALL of the job before has reset it. */
	[FIXED_JOB_LIMITS] = { "job", SQL_LIMITS " ||" SQL_JOBS_IDLE " IS NULL" },
	[FIXED_JOBS_SEQSCAN] = { "seqscan", "SET LOCAL enable_seqscan TO DEFAULT" },
	[FIXED_JOBS_BITMAPSCAN] = { "bitmapscan", "SET LOCAL enable_bitmapscan TO DEFAULT" },
	[FIXED_JOBS_SORT] = { "sort", "SET LOCAL enable_sort TO DEFAULT" },
	[FIXED_JOBS_JIT] = { "jit", "SET LOCAL jit TO DEFAULT" },
	[FIXED_CONSTRAINTS] = { "constraints", "SET CONSTRAINTS ALL IMMEDIATE" },
	[FIXED_OUTER] = { "outer", "SAVEPOINT j" },
	[FIXED_RELEASE] = { "release", "RELEASE SAVEPOINT j" },
	[FIXED_ROLE] = { "role", "RESET ROLE" },
	/* A transaction that wrote nothing goes on to write nothing, and takes its id before that
	 * of the row. */
	[FIXED_FEED] = { "feed", "INSERT INTO cqrsd.invalidation (tags) SELECT $1::bigint[]"
				 " WHERE pg_current_xact_id_if_assigned() IS NOT NULL" },
};

bool fixed_is_binary(enum fixed fixed)
{
	return fixed <= FIXED_STANDBY_BOUND;
}

static_assert(FIXED_PROBE < FIXED_STANDBY_BOUND && FIXED_BOUND < FIXED_STANDBY_BOUND,
	      "those with binary answers");
