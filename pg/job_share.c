/* SPDX-License-Identifier: Apache-2.0 */
/* Two moments: a batch moves the one on by the time that is not for jobs, a command the other. */
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
}

void job_share_command(struct job_share *share, int64_t now_us)
{
	share->alone_us = now_us + JOBS_BESIDE_US;
}

bool job_share_is_alone(const struct job_share *share, int64_t now_us)
{
	return now_us >= share->alone_us;
}
