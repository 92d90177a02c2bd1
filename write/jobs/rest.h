/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a worker claims next: at once where there may be something, else less and less often; and
 * which one is woken when a job is accepted (job_workers_wake).
 *
 * What one worker did not find the others do not ask for either, for WORKER_PAUSE_US and then
 * twice as long each time, to WORKER_PAUSE_US_MAX; but a claim that was on its way when a job was
 * accepted may not have seen it, and says nothing.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"
#include "write/jobs/worker_state.h"

#include <stdbool.h>
#include <stdint.h>

#define WORKER_PAUSE_US (5 * US_PER_MS) /* before it asks again for what was not there */
#define WORKER_PAUSE_US_MAX (50 * US_PER_MS)

bool job_worker_is_busy(const struct job_worker *worker) must_check;
void job_worker_due_in(struct job_worker *worker, int64_t pause_us);
/* There was nothing to claim. */
void job_worker_rest(struct job_worker *worker);
/* A job of that operation was accepted on this loop; NULL: of some operation. */
void job_workers_wake(struct job_workers *workers, const struct operation *operation);
/* A claim of that kind and pace may go on behind one that has found jobs. */
void job_workers_wake_next(struct job_workers *workers, unsigned claimed);
/* There may be jobs of that pace: none was found before. */
void job_workers_may_find(struct job_workers *workers, unsigned pace);
/* Its claim came back empty: it goes on with other paces, and rests behind the last one. */
void job_worker_found_nothing(struct job_worker *worker);
