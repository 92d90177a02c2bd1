/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a job that has not ended, in SQL over a row of cqrsd.job, whose columns may be named
 * without the table. It runs while the transaction that locked its row is under way, whichever
 * instance has it.
 */
#pragma once

/* xmax as xid8: the one nearest to the end of the snapshot. */
#define JOB_SNAPSHOT_END "pg_snapshot_xmax(pg_current_snapshot())::text::int8"
#define JOB_LOCKER_OF(xmax)                                                                        \
	"(" JOB_SNAPSHOT_END " + ((" xmax "::text::int8 - " JOB_SNAPSHOT_END                       \
	" + 2147483648) & 4294967295) - 2147483648)::text::xid8"
#define JOB_LOCKER JOB_LOCKER_OF("xmax")
#define JOB_IS_RUNNING                                                                             \
	"xmax::text <> '0' AND NOT pg_visible_in_snapshot(" JOB_LOCKER ", pg_current_snapshot())"

#define JOB_STATE                                                                                  \
	"CASE WHEN " JOB_IS_RUNNING " THEN 'running' WHEN attempts > 0 THEN 'retrying'"            \
	" WHEN run_at > clock_timestamp() THEN 'scheduled' ELSE 'queued' END"

/* The same as a whole number, which is another one whenever the state or the attempts are. */
#define JOB_STAGE                                                                                  \
	"(attempts * 4 + CASE WHEN " JOB_IS_RUNNING " THEN 3 WHEN attempts > 0 THEN 2"             \
	" WHEN run_at > clock_timestamp() THEN 0 ELSE 1 END)"
