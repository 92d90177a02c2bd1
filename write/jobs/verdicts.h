/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers of one loop have seen of transactions of jobs that were rolled back, until the
 * jobs are claimed again. The rows tell the same to other instances (claim.h), but not what the
 * server said; and after a crash of the server, not all of it. So what is forgotten here, as there
 * is no room or the process ends, costs words and time, nothing else.
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"
#include "write/jobs/claim.h"

#include <stdint.h>

#define VERDICTS_MAX 128 /* the oldest is forgotten */

enum verdict_kind {
	VERDICT_LOST,   /* the conn was lost */
	VERDICT_ROLLED, /* rolled back, for some other job perhaps */
	VERDICT_ERROR,  /* rolled back for an error of its own: it was the only one */
};

struct job_verdict {
	int64_t n, run_us; /* n 0: none */
	unsigned attempts_ended, begun;
	enum verdict_kind kind;
	struct pg_error error; /* without detail and hint; its strings are below */
	char message[240], constraint[64];
};

struct job_verdicts {
	struct job_verdict verdicts[VERDICTS_MAX];
	unsigned next;
};

/* Of a job as it was claimed; error may be NULL or empty. */
void job_verdicts_add(struct job_verdicts *verdicts, const struct job_row *row,
		      enum verdict_kind kind, const struct pg_error *error);
/* Of a row as it is now: NULL where there is none, or it was claimed since. Holds until the next
 * one is added. */
const struct job_verdict *job_verdicts_find(const struct job_verdicts *verdicts,
					    const struct job_row *row) must_check;
/* What became of the row has committed. */
void job_verdicts_drop(struct job_verdicts *verdicts, int64_t n);
