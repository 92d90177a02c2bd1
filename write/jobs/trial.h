/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the batch of one job says of its command, whose breaker tries it (write/jobs/job_health.h).
 */
#pragma once

#include "write/jobs/batch.h"
#include "write/jobs/job_health.h"

/* The batch has ended, and the trial was this worker's. */
void job_trial_end(struct job_health *health, const struct job_batch *batch);
