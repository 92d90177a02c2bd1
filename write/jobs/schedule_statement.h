/* SPDX-License-Identifier: Apache-2.0 */
/* The statements about cqrsd.job_schedule; all go by the primary's clock. Any thread. */
#pragma once

#include "base/statement.h"

/* clang-format off */
/* In SQL: the time that schedules see, and whether it is another than the primary's. */
#define JOB_CLOCK                                                                                  \
	"SELECT clock_timestamp() + coalesce(c.ahead, interval '0') AS at,"                        \
	" c.ahead IS NOT NULL AS shifted"                                                          \
	" FROM (SELECT (SELECT ahead FROM cqrsd.job_clock)) AS c(ahead)"
/* By an operator. A breaker's pause needs the next job, which is its trial. */
#define SCHEDULE_IS_PAUSED(s)                                                                      \
	"EXISTS (SELECT FROM cqrsd.job_pause AS p WHERE p.command IN (" s ".command, '*')"         \
	" AND p.retry_at IS NULL)"
/* clang-format on */

/*
 * No parameters. A row for each schedule that there is, or one without a command: command, spec,
 * due_us, now_us, last_us (due time of its last job, or NULL), seen_us (last, by an instance with
 * this spec), real_us (now, by the clock as it is), paused, busy (its last job has not ended),
 * shifted (the clock is).
 */
struct statement *schedule_fetch_statement(void);

/* Arrays, an element for each command. */
enum schedule_set_value {
	SCHEDULE_SET_COMMANDS,
	SCHEDULE_SET_SPECS,
	SCHEDULE_SET_NEXT_US,
	SCHEDULE_SET_SEEN_US, /* as it was: what was seen or changed since is left alone */
	SCHEDULE_SET_KNOWN,   /* all commands of the catalog that have a schedule */
	SCHEDULE_SET_VALUES
};
/*
 * Rows that are missing are made, others get this spec and this time, and are seen; a time that has
 * come by then stays due. A row for each that was made or set: command. What was in no catalog for
 * a week goes, unless its job goes on.
 */
struct statement *schedule_set_statement(void);

/* The same. */
enum schedule_run_value {
	SCHEDULE_RUN_COMMANDS,
	SCHEDULE_RUN_SPECS,
	SCHEDULE_RUN_DUE_US, /* as it was seen: what another has taken meanwhile is not run */
	SCHEDULE_RUN_NEXT_US,
	SCHEDULE_RUN_MARKS,
	SCHEDULE_RUN_VERSIONS,
	SCHEDULE_RUN_ATTEMPTS_MAX,
	SCHEDULE_RUN_KEEP_S,
	SCHEDULE_RUN_CLAIMS,
	SCHEDULE_RUN_ORDER_KEYS,
	SCHEDULE_RUN_TRACES,
	SCHEDULE_RUN_VALUES
};
/* A job is accepted for each that is due; a row for each of them: command. */
struct statement *schedule_run_statement(void);
