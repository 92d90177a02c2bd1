/* SPDX-License-Identifier: Apache-2.0 */
/* One table; the most exact row of a SQLSTATE wins. */
#include "write/jobs/ending.h"

#include "base/clock.h"
#include "pg/sqlstate.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define ENDING_BACKOFF_US_MAX (3600 * US_PER_S)
#define ENDING_PAUSE_US US_PER_S
#define ENDING_PAUSE_US_MAX (60 * US_PER_S)

static const struct {
	const char *prefix; /* all of the SQLSTATE, or its class */
	enum job_fault fault;
} ending_rows[] = {
	{ "25006", JOB_FAULT_DEPLOYMENT }, /* read only: the node is a standby by now */
	{ "25P04", JOB_FAULT_PASSING },    /* transaction_timeout */
	{ "25", JOB_FAULT_DEPLOYMENT },    /* it cannot run in a transaction with others */
	{ "55P03", JOB_FAULT_PASSING },    /* lock_not_available */
	{ "55006", JOB_FAULT_PASSING },    /* object_in_use */
	{ "08", JOB_FAULT_PASSING },       /* connection, as of a foreign server */
	{ "40", JOB_FAULT_PASSING },       /* serialization failure, deadlock */
	{ "53", JOB_FAULT_PASSING },       /* no room */
	{ "57", JOB_FAULT_PASSING },       /* time-out, shutdown */
	{ "58", JOB_FAULT_PASSING },       /* I/O */
	{ "HV", JOB_FAULT_PASSING },       /* of a foreign server */
	{ "0A", JOB_FAULT_DEPLOYMENT },    /* cached plan must not change result type */
	{ "26", JOB_FAULT_DEPLOYMENT },    /* no such prepared statement */
	{ "28", JOB_FAULT_DEPLOYMENT },    /* authorization */
	{ "2D", JOB_FAULT_DEPLOYMENT },    /* a procedure that ends the transaction */
	{ "3D", JOB_FAULT_DEPLOYMENT },    /* no such database */
	{ "3F", JOB_FAULT_DEPLOYMENT },    /* no such schema */
	{ "42", JOB_FAULT_DEPLOYMENT },    /* no such table or column, no right to it */
	{ "XX", JOB_FAULT_DEPLOYMENT },    /* internal error */
	{ "", JOB_FAULT_DATA },
};

/* A value that cannot be read, or a row that a policy refuses: another job may do. */
static bool ending_blames_value(const struct pg_error *error)
{
	if (error->param)
		return strncmp(error->sqlstate, "22", 2) == 0 ||
		       strncmp(error->sqlstate, "42", 2) == 0;
	return sqlstate_is_of_policy(error);
}

enum job_fault job_fault_of(const struct pg_error *error)
{
	size_t i = 0;

	if (sqlstate_is_of_application(error->sqlstate) || ending_blames_value(error))
		return JOB_FAULT_DATA;
	if (error->of_catalog)
		return JOB_FAULT_DEPLOYMENT;
	/* The last row takes everything. */
	while (strncmp(error->sqlstate, ending_rows[i].prefix, strlen(ending_rows[i].prefix)) != 0)
		i++;
	assert(i < sizeof(ending_rows) / sizeof(ending_rows[0]));
	return ending_rows[i].fault;
}

static int64_t ending_doubled_us(int64_t base_us, unsigned times, int64_t max_us)
{
	int64_t us = base_us;

	while (times-- && us < max_us)
		us *= 2;
	return us < max_us ? us : max_us;
}

int64_t job_backoff_us(unsigned ended, int64_t backoff_us, struct random *random)
{
	int64_t most_us = ending_doubled_us(backoff_us, ended, ENDING_BACKOFF_US_MAX);

	return (int64_t)random_below(random, (uint64_t)most_us + 1);
}

int64_t job_pause_us(unsigned failures, struct random *random)
{
	assert(failures);
	return random_backoff_us(random, failures - 1, ENDING_PAUSE_US, ENDING_PAUSE_US_MAX);
}

struct job_ending job_ending_of(enum job_fault fault, struct job_attempts attempts,
				struct random *random)
{
	switch (fault) {
	case JOB_FAULT_NONE:
		return (struct job_ending){ JOB_DONE, 0 };
	case JOB_FAULT_DATA:
		return (struct job_ending){ JOB_DEAD, 0 };
	case JOB_FAULT_DEPLOYMENT:
		return (struct job_ending){ JOB_LEFT, 0 };
	case JOB_FAULT_PASSING:
	case JOB_FAULT_LOST:
		if (attempts.ended + 1 >= attempts.max)
			return (struct job_ending){ JOB_DEAD, 0 };
		return (struct job_ending){
			fault == JOB_FAULT_LOST ? JOB_RETRIED_ALONE : JOB_RETRIED,
			job_backoff_us(attempts.ended, attempts.backoff_us, random)
		};
	}
	assert(!"a fault");
	return (struct job_ending){ JOB_LEFT, 0 };
}

const char *job_end_name(enum job_end end)
{
	switch (end) {
	case JOB_DONE:
		return "done";
	case JOB_RETRIED:
		return "retried";
	case JOB_RETRIED_ALONE:
		return "lost";
	case JOB_DEAD:
		return "dead";
	case JOB_LEFT:
		return "left";
	case JOB_BEGUN:
		return "begun";
	case JOB_PUT_OFF:
	case JOB_PUT_OFF_ALONE:
		return "put-off";
	}
	assert(!"an end of a job");
	return "";
}
