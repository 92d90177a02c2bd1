/* SPDX-License-Identifier: Apache-2.0 */
/* One decision; which rows are claimed at all is the claim's matter. */
#include "write/jobs/claimed.h"

#include "base/control.h"

#include <string.h>

/* It was to run alone, in a transaction of which it was committed before. */
static bool claimed_has_begun(const struct job_row *row)
{
	return row->begun > row->attempts_ended && row->begun_by;
}

enum claimed_action claimed_action_of(const struct job_row *row, const struct job_verdict *verdict,
				      const char *instance)
{
	if (!CONTROL_JOB_BEGUN)
		return CLAIMED_RUN;
	if (verdict && verdict->kind == VERDICT_ERROR)
		return CLAIMED_ENDED;
	if (claimed_has_begun(row)) {
		if (row->lost || verdict)
			return CLAIMED_ENDED;
		return strcmp(row->begun_by, instance) == 0 ? CLAIMED_RUN : CLAIMED_BEGIN;
	}
	if (row->begun > row->attempts_ended || row->lost || verdict)
		return CLAIMED_BEGIN;
	return CLAIMED_RUN;
}
