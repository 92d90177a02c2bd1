/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A standby to which no server sends WAL: what bounds from above what was seen there?
 *
 * Its replay position R bounds it but for one record, which may be visible a moment before R says
 * so. R + 1 is a bound then, and as long as WAL comes a position that is reached at once. Without a
 * walreceiver there may be no such byte anywhere: a query that requires it waits for ever, and a
 * promotion, which leaves the old timeline at R, makes it a write that was lost. What was received
 * does not help: after a restart without a primary it is NULL, or the beginning of a segment.
 *
 * Redo is serial, and moves R before it looks for the next record. So R is exact if the startup
 * process is seen to wait for WAL, or for leave to go on, after the queries and before R is
 * read: whatever record they saw was over by then, and R behind it. A position that does not
 * move proves nothing: the startup process may have been stopped amid a record. Between two
 * records it is busy for a moment, some milliseconds in a busy system, while it looks for WAL
 * elsewhere: it is looked at again, STANDBY_BOUND_READS times in all, a millisecond apart,
 * unless R moves, where R + 1 is reached.
 *
 * Its wait event is shown to pg_read_all_stats (so to pg_monitor) only; without, R + 1 it remains.
 * In one SELECT list what stands first is evaluated first, and CASE evaluates in its order.
 */
#pragma once

#define STANDBY_BOUND_READS "20"

/*
 * Of the walreceiver, below zero while no WAL is streamed to it; 0: there is no walreceiver; NULL:
 * hidden from this role, or a primary. Both columns are of one call.
 */
#define STANDBY_BOUND_TIMELINE                                                                     \
	"CASE WHEN pg_is_in_recovery() THEN (SELECT CASE WHEN (own.receiver).pid IS NULL THEN 0"   \
	" WHEN (own.receiver).status = 'streaming' THEN (own.receiver).received_tli"               \
	" ELSE -(own.receiver).received_tli END"                                                   \
	" FROM (SELECT pg_stat_get_wal_receiver() AS receiver OFFSET 0) AS own) END"

/*
 * Between two records, or at one that changes settings and makes nothing visible (RecoveryPause).
 * The names are the same from PostgreSQL 14 to 18 (RestoreCommand since 15).
 */
#define STANDBY_BOUND_WAITS                                                                        \
	"'RecoveryWalStream', 'RecoveryRetrieveRetryInterval', 'RestoreCommand', 'RecoveryPause'," \
	" 'RecoveryApplyDelay'"

/* Each read depends on the one before, or the planner would read once. */
#define STANDBY_BOUND_PROOF                                                                        \
	"EXISTS (SELECT FROM (SELECT pg_last_wal_replay_lsn() AS lsn OFFSET 0) AS since,"          \
	" generate_series(1, CASE WHEN since.lsn IS NULL THEN 1 ELSE " STANDBY_BOUND_READS         \
	" END) AS turn,"                                                                           \
	" LATERAL (SELECT turn AS number FROM pg_sleep((turn > 1)::int * 0.001) OFFSET 0)"         \
	" AS pause"                                                                                \
	" WHERE pg_last_wal_replay_lsn() > since.lsn OR EXISTS (SELECT"                            \
	" FROM pg_stat_get_activity(nullif(pause.number, pause.number)) AS process"                \
	" WHERE process.backend_type = 'startup' AND process.wait_event IN (" STANDBY_BOUND_WAITS  \
	")))"

/* As the bound of a batch; where R is exact, it stands in place of what was received, too. */
#define STANDBY_BOUND_BOUND                                                                        \
	"SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"  \
	" ELSE pg_current_wal_flush_lsn() END, clock_timestamp(),"                                 \
	" CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()"                      \
	" WHEN pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()"                \
	" AND (pg_stat_get_wal_receiver()).pid IS NULL"                                            \
	" AND pg_has_role('pg_read_all_stats', 'USAGE') AND " STANDBY_BOUND_PROOF                  \
	" THEN pg_last_wal_replay_lsn() ELSE pg_last_wal_receive_lsn() END, " STANDBY_BOUND_TIMELINE
