/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers of one loop. Each claims a batch of jobs, runs it and claims the next one, as long as
 * there is something to do; then it polls the primary, less and less often.
 *
 *   RESTING ──its time, or a job was accepted here──► BUSY: a statement is described, or a batch
 *      ▲                                                │   is on its way
 *      └────────────────────────────────────────────────┘   at once again where it did something
 *
 * What is claimed is write/jobs/pace.h. Jobs whose transaction was lost run alone (claimed.h): they
 * are claimed after trouble, and else twice a second, as others may have had it.
 */
#pragma once

#include "write/jobs/rest.h"
#include "write/jobs/worker_state.h"

/* count may be 0. Borrows the router, and the occupancy, which is of all loops of the process. */
void job_workers_init(struct job_workers *workers, struct router *router,
		      struct job_occupancy *occupancy, unsigned count);
/* What is on its way is given up: it is rolled back, unless its commit has left. */
void job_workers_fini(struct job_workers *workers);
/* No batch is begun any more. */
void job_workers_drain(struct job_workers *workers);
