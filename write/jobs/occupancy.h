/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loops of a process know of each command together: how many of its batches run now, which
 * @workers bounds, and how its jobs went lately. Nothing waits here. Any thread.
 */
#pragma once

#include "base/check.h"
#include "write/jobs/job_health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct job_slots;

/* Of a process. */
struct job_occupancy {
	pthread_mutex_t lock;     /* of the list, which is read for each new catalog */
	struct job_slots *slots;  /* of each command that there was; they stay */
	_Atomic unsigned workers; /* of all loops */
	_Atomic unsigned slow;    /* of these, those that run what may be slow */
};

#define JOB_OCCUPANCY_INIT                                                                         \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER                                                  \
	}

void job_occupancy_fini(struct job_occupancy *occupancy);

/* Of a command by its name, the same one each time; lives as long as the occupancy. */
struct job_slots *job_slots_of(struct job_occupancy *occupancy, const char *command) must_check;
/* A command after the other, from NULL on; new ones may be missed. NULL: there are no more. */
struct job_slots *job_slots_next(struct job_occupancy *occupancy,
				 const struct job_slots *slots) must_check;
const char *job_slots_command(const struct job_slots *slots) must_check;
struct job_health *job_slots_health(struct job_slots *slots) must_check;
/* One more batch; max 0: as many as there are workers. False: there are max of them already. */
bool job_slots_take(struct job_slots *slots, unsigned max) must_check;
void job_slots_give(struct job_slots *slots);
/* Batches of it now; of other threads too, so that it may change at once. */
unsigned job_slots_taken(const struct job_slots *slots) must_check;
