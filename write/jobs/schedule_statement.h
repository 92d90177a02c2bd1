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
/* clang-format on */

/* No parameters. A row for each schedule that there is, or one without a command: command,
 * spec, due_us, now_us, paused, busy (its last job has not ended), shifted (the clock is). */
struct statement *schedule_fetch_statement(void);

/* Arrays, an element for each command. */
enum schedule_set_value {
	SCHEDULE_SET_COMMANDS,
	SCHEDULE_SET_SPECS,
	SCHEDULE_SET_NEXT_US,
	SCHEDULE_SET_KNOWN, /* all commands of the catalog that have a schedule */
	SCHEDULE_SET_VALUES
};
/*
 * Rows that are missing are made, and those of another spec get this one; a time that has come by
 * then stays due. What was in no catalog for a week goes.
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
