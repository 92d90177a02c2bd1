/* SPDX-License-Identifier: Apache-2.0 */
/* A list that grows by new names only, and counts that each thread changes by itself. */
#include "write/jobs/occupancy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct job_slots {
	struct job_slots *next;
	_Atomic unsigned taken;
	struct job_health health;
	char command[];
};

void job_occupancy_fini(struct job_occupancy *occupancy)
{
	while (occupancy->slots) {
		struct job_slots *slots = occupancy->slots;

		assert(job_slots_taken(slots) == 0);
		occupancy->slots = slots->next;
		job_health_fini(&slots->health);
		free(slots);
	}
}

static struct job_slots *slots_find(const struct job_occupancy *occupancy, const char *command)
{
	struct job_slots *slots = occupancy->slots;

	while (slots && strcmp(slots->command, command) != 0)
		slots = slots->next;
	return slots;
}

static struct job_slots *slots_new(struct job_occupancy *occupancy, const char *command)
{
	size_t len = strlen(command);
	struct job_slots *slots = calloc(1, sizeof(*slots) + len + 1);

	assert(slots);
	job_health_init(&slots->health);
	memcpy(slots->command, command, len);
	slots->next = occupancy->slots;
	occupancy->slots = slots;
	return slots;
}

struct job_slots *job_slots_of(struct job_occupancy *occupancy, const char *command)
{
	struct job_slots *slots;

	pthread_mutex_lock(&occupancy->lock);
	slots = slots_find(occupancy, command);
	if (!slots)
		slots = slots_new(occupancy, command);
	pthread_mutex_unlock(&occupancy->lock);
	return slots;
}

struct job_slots *job_slots_next(struct job_occupancy *occupancy, const struct job_slots *slots)
{
	struct job_slots *first;

	if (slots)
		return slots->next;
	pthread_mutex_lock(&occupancy->lock);
	first = occupancy->slots;
	pthread_mutex_unlock(&occupancy->lock);
	return first;
}

const char *job_slots_command(const struct job_slots *slots)
{
	return slots->command;
}

struct job_health *job_slots_health(struct job_slots *slots)
{
	return &slots->health;
}

bool job_slots_take(struct job_slots *slots, unsigned max)
{
	unsigned taken = atomic_load_explicit(&slots->taken, memory_order_relaxed);

	do {
		if (max && taken >= max)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&slots->taken, &taken, taken + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

void job_slots_give(struct job_slots *slots)
{
	unsigned before = atomic_fetch_sub_explicit(&slots->taken, 1, memory_order_relaxed);

	assert(before > 0);
}

unsigned job_slots_taken(const struct job_slots *slots)
{
	return atomic_load_explicit(&slots->taken, memory_order_relaxed);
}
