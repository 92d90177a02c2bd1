/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, and ranges of whole numbers. */
#include "write/jobs/fair.h"

#include <assert.h>

#define FAIR_ORDINARY_US_MIN 5000 /* less is a matter of the machine */
#define FAIR_JOBS 4               /* where it is not known how many tenants there are */

void job_fair_ordinary(struct job_fair *fair, unsigned found, unsigned limit)
{
	fair->full = found >= limit ? fair->full + 1 : 0;
}

bool job_fair_is_due(const struct job_fair *fair, int64_t now_us)
{
	bool contended = fair->contended[false] || fair->contended[true];

	return fair->full >= (contended ? 1 : JOB_FAIR_SELDOM) && now_us >= fair->not_before_us;
}

void job_fair_ordinary_took(struct job_fair *fair, int64_t took_us)
{
	fair->ordinary_us =
		fair->ordinary_us ? fair->ordinary_us + (took_us - fair->ordinary_us) / 8 : took_us;
}

void job_fair_dear(struct job_fair *fair, int64_t took_us, int64_t now_us)
{
	int64_t ordinary_us =
		fair->ordinary_us > FAIR_ORDINARY_US_MIN ? fair->ordinary_us : FAIR_ORDINARY_US_MIN;

	if (took_us > JOB_FAIR_DEAR * ordinary_us)
		fair->not_before_us = now_us + JOB_FAIR_RESTS * took_us;
}

bool job_fair_next(const struct job_fair *fair, unsigned *jobs)
{
	bool of_callers = fair->begun % 2 == 0;

	/* Where one of them finds jobs and the other does not, that one is seldom, too. */
	if (fair->contended[of_callers] != fair->contended[!of_callers])
		of_callers = fair->contended[true] == ((fair->begun + 1) % JOB_FAIR_SELDOM != 0);
	*jobs = fair->jobs[of_callers] ? fair->jobs[of_callers] : FAIR_JOBS;
	return of_callers;
}

void job_fair_begin(struct job_fair *fair)
{
	fair->begun++;
	fair->full = 0;
}

void job_fair_took(struct job_fair *fair, bool of_callers, unsigned tenants, bool goes_on)
{
	fair->contended[of_callers] = tenants > 0 || goes_on;
	fair->jobs[of_callers] = 0;
	if (tenants)
		fair->jobs[of_callers] = tenants < GROUP_CALLS_MAX ? GROUP_CALLS_MAX / tenants : 1;
}

/* --- whose jobs ------------------------------------------------------------------------------- */

static void parts_add(struct job_tenants_part *parts, unsigned *count, int64_t after, int64_t until)
{
	assert(*count < JOB_TENANTS_PARTS);
	if (after < until)
		parts[(*count)++] = (struct job_tenants_part){ after, until };
}

/* Without the range of who is left out. */
static void parts_add_others(struct job_tenants_part *parts, unsigned *count, int64_t after,
			     int64_t until, struct job_tenants_part crowd)
{
	if (crowd.until <= after || crowd.after >= until) {
		parts_add(parts, count, after, until);
		return;
	}
	parts_add(parts, count, after, crowd.after);
	parts_add(parts, count, crowd.until, until);
}

unsigned job_tenants_parts(const struct job_tenants *tenants, bool of_callers,
			   struct job_tenants_part parts[JOB_TENANTS_PARTS])
{
	int64_t mask = of_callers ? JOB_TENANTS_USER : 0, at = tenants->at[of_callers] | mask;
	struct job_tenants_part crowd = { -1, -1 };
	unsigned count = 0;

	if (tenants->crowd[of_callers])
		crowd = (struct job_tenants_part){ tenants->crowd[of_callers] - 1,
						   tenants->crowd[of_callers] | mask };
	if (!tenants->at[of_callers])
		at = -1;
	parts_add_others(parts, &count, at, INT64_MAX, crowd);
	parts_add_others(parts, &count, -1, at, crowd);
	return count;
}

/* Who outweighs all others (Boyer and Moore), if one does; without the bits of the mask. */
static int64_t tenants_most(const int64_t *seen, unsigned count, int64_t mask)
{
	unsigned votes = 0;
	int64_t most = 0;

	for (unsigned i = 0; i < count; i++) {
		int64_t one = seen[i] & ~mask;

		if (!votes)
			most = one;
		if (one == most)
			votes++;
		else
			votes--;
	}
	return votes ? most : 0;
}

void job_tenants_saw(struct job_tenants *tenants, const int64_t *seen, unsigned count)
{
	tenants->crowd[false] = tenants_most(seen, count, 0);
	tenants->crowd[true] = tenants_most(seen, count, JOB_TENANTS_USER);
}
