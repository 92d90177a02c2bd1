/* SPDX-License-Identifier: Apache-2.0 */
/* A ring, walked: it is empty but after trouble. */
#include "write/jobs/verdicts.h"

#include <stdio.h>

void job_verdicts_add(struct job_verdicts *verdicts, const struct job_row *row,
		      enum verdict_kind kind, const struct pg_error *error)
{
	struct job_verdict *verdict = &verdicts->verdicts[verdicts->next];

	job_verdicts_drop(verdicts, row->n);
	verdicts->next = (verdicts->next + 1) % VERDICTS_MAX;
	*verdict = (struct job_verdict){
		.n = row->n,
		.run_us = row->run_us,
		.attempts_ended = row->attempts_ended,
		.begun = row->begun,
		.kind = kind,
	};
	if (!error || !*error->sqlstate)
		return;
	verdict->error = *error;
	verdict->error.detail = verdict->error.hint = verdict->error.column = NULL;
	snprintf(verdict->message, sizeof(verdict->message), "%s",
		 error->message ? error->message : "");
	snprintf(verdict->constraint, sizeof(verdict->constraint), "%s",
		 error->constraint ? error->constraint : "");
	verdict->error.message = verdict->message;
	verdict->error.constraint = verdict->constraint;
}

const struct job_verdict *job_verdicts_find(const struct job_verdicts *verdicts,
					    const struct job_row *row)
{
	for (unsigned i = 0; i < VERDICTS_MAX; i++) {
		const struct job_verdict *verdict = &verdicts->verdicts[i];

		if (verdict->n == row->n && verdict->run_us == row->run_us &&
		    verdict->attempts_ended == row->attempts_ended && verdict->begun == row->begun)
			return verdict;
	}
	return NULL;
}

void job_verdicts_drop(struct job_verdicts *verdicts, int64_t n)
{
	for (unsigned i = 0; i < VERDICTS_MAX; i++)
		if (verdicts->verdicts[i].n == n)
			verdicts->verdicts[i].n = 0;
}
