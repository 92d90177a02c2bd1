/* SPDX-License-Identifier: Apache-2.0 */
/* One job, or none: it has run, was settled, or was lost with its transaction. */
#include "write/jobs/trial.h"

#include <assert.h>

static void trial_prove(struct job_health *health, enum job_fault fault)
{
	switch (fault) {
	case JOB_FAULT_NONE:
		job_health_move(health, JOB_BREAKER_TRYING, JOB_BREAKER_CLOSING);
		return;
	case JOB_FAULT_PASSING:
	case JOB_FAULT_LOST:
		job_health_move(health, JOB_BREAKER_TRYING, JOB_BREAKER_FAILED);
		return;
	case JOB_FAULT_DATA: /* another one may tell */
		job_health_pass_trial(health, CLAIM_COMPANY, CLAIM_FAIR);
		return;
	case JOB_FAULT_DEPLOYMENT:
		job_health_pass_trial(health, CLAIM_FAIR, CLAIM_FAIR);
		return;
	}
	assert(!"a fault");
}

/* Nothing was there: what is behind the part that was gone through, or another kind of claims. */
static void trial_find(struct job_health *health, const struct job_batch *batch)
{
	unsigned kind = batch->claim.kind;

	if (!batch->goes_on || !job_health_pass_part(health))
		kind++;
	job_health_pass_trial(health, kind, CLAIM_FAIR);
}

void job_trial_end(struct job_health *health, const struct job_batch *batch)
{
	if (batch->call.end != CALL_OK)
		job_health_move(health, JOB_BREAKER_TRYING, JOB_BREAKER_FAILED);
	else if (!job_batch_ran(batch))
		trial_find(health, batch);
	else if (batch->jobs.count)
		trial_prove(health, batch->members[0].fault);
	else if (batch->settled[0].job.ending.end == JOB_BEGUN)
		job_health_pass_trial(health, CLAIM_ALONE, CLAIM_FAIR);
	else
		trial_prove(health, batch->settled[0].fault);
}
