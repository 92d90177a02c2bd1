/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one command stand together, and in a fair claim those of one tenant. */
#include "write/jobs/tenants.h"

/* The tenants of all members of a command from the first one on. */
static unsigned tenants_of(const struct job_batch *batch, unsigned first, unsigned count,
			   int64_t tenants[GROUP_CALLS_MAX])
{
	const struct operation *operation = batch->members[first].operation;
	unsigned found = 0;

	for (unsigned i = first; i < count && batch->members[i].operation == operation; i++)
		tenants[found++] = batch->members[i].row.tenant;
	return found;
}

/* An ordinary claim: whose jobs stand at the front of each queue? */
static void tenants_see(const struct job_batch *batch, unsigned count, struct job_queues *queues)
{
	int64_t tenants[GROUP_CALLS_MAX];
	unsigned found;

	for (unsigned i = 0; i < count; i += found) {
		struct job_queue *queue = job_queues_of(queues, batch->members[i].operation);

		found = tenants_of(batch, i, count, tenants);
		if (queue)
			job_tenants_saw(&queue->tenants, tenants, found);
	}
}

/* A fair claim: how far did it come? Of how many tenants. */
static unsigned tenants_pass(const struct job_batch *batch, unsigned count,
			     const struct job_row *last, struct job_queues *queues)
{
	bool of_callers = batch->claim.of_callers;
	struct job_queue *queue;
	unsigned tenants = 0;
	int64_t before = 0;

	for (unsigned i = 0; i < count; i++) {
		tenants += batch->members[i].row.tenant != before;
		before = batch->members[i].row.tenant;
		queue = job_queues_of(queues, batch->members[i].operation);
		if (queue)
			queue->tenants.at[of_callers] = before;
	}
	queue = last ? job_queues_find(queues, last->command) : NULL;
	if (queue)
		queue->tenants.at[of_callers] = last->tenant;
	return tenants;
}

void job_tenants_note(const struct job_batch *batch, unsigned count, const struct job_row *last,
		      struct job_queues *queues, struct job_fair *fair)
{
	if (batch->claim.kind == CLAIM_COMPANY && !batch->claim.trial) {
		job_fair_ordinary(fair, count, batch->claim.limit_jobs);
		tenants_see(batch, count, queues);
	} else if (batch->claim.kind == CLAIM_FAIR) {
		job_fair_took(fair, batch->claim.of_callers,
			      tenants_pass(batch, count, last, queues), batch->goes_on);
	}
}
