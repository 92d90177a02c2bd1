/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of a claim say of tenants (write/jobs/fair.h). */
#pragma once

#include "write/jobs/batch.h"
#include "write/jobs/fair.h"
#include "write/jobs/queue.h"

/* As of on_members of the batch, with the fairness of its pace. */
void job_tenants_note(const struct job_batch *batch, unsigned count, const struct job_row *last,
		      struct job_queues *queues, struct job_fair *fair);
