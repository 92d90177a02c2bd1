/* SPDX-License-Identifier: Apache-2.0 */
/* Three moments: batches move two of them on, and commands one. */
#include "pg/job_share.h"

#include "base/limits.h"

#include <assert.h>

#define JOB_SHARE_OTHERS ((100 - JOBS_SHARE_PERCENT) / JOBS_SHARE_PERCENT)

static_assert(100 % JOBS_SHARE_PERCENT == 0, "others get a whole multiple of it");

bool job_share_is_due(const struct job_share *share, int64_t now_us)
{
	return now_us >= share->due_us;
}

int64_t job_share_due_us(const struct job_share *share)
{
	return share->due_us;
}

static int64_t job_share_rest_us(const struct job_share *share, int64_t took_us)
{
	int64_t rest_us = JOBS_REST * took_us;

	if (share->commands < JOBS_REST_COMMANDS)
		return 0;
	return rest_us < JOBS_BESIDE_US ? rest_us : JOBS_BESIDE_US;
}

/*
 * A job that ran for long did so on one conn, beside commands on others: quick jobs behind it do
 * not wait many times as long for it.
 */
void job_share_took(struct job_share *share, int64_t took_us, unsigned conns, int64_t now_us)
{
	assert(conns > 0);
	if (took_us > JOBS_TURN_US_MAX)
		took_us = JOBS_TURN_US_MAX;
	if (share->due_us < now_us)
		share->due_us = now_us;
	share->due_us += JOB_SHARE_OTHERS * took_us / conns;
	/* What they took while nothing else waited is no debt. */
	if (share->due_us > now_us + JOB_SHARE_OTHERS * took_us)
		share->due_us = now_us + JOB_SHARE_OTHERS * took_us;
	share->rested_us = now_us + job_share_rest_us(share, took_us);
}

void job_share_begin(struct job_share *share)
{
	share->commands = 0;
}

void job_share_commands(struct job_share *share, unsigned count, int64_t now_us)
{
	share->commands += count;
	share->alone_us = now_us + JOBS_BESIDE_US;
}

bool job_share_is_alone(const struct job_share *share, int64_t now_us)
{
	return now_us >= share->alone_us;
}

bool job_share_is_rested(const struct job_share *share, int64_t now_us)
{
	return now_us >= share->rested_us;
}

int64_t job_share_next_us(const struct job_share *share, int64_t now_us)
{
	int64_t next_us = share->due_us;

	if (share->alone_us > now_us && share->alone_us < next_us)
		next_us = share->alone_us;
	if (share->rested_us > now_us && share->rested_us < next_us)
		next_us = share->rested_us;
	return next_us;
}
