/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap whose members know their slot, so that cancelling needs no search. */
#include "base/timers.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>

#define TIMERS_ROOM_FIRST 256

static void timers_up(struct timers *timers, size_t slot, struct loop_timer *timer);
static void timers_down(struct timers *timers, size_t slot, struct loop_timer *timer);

void timers_init(struct timers *timers)
{
	*timers = (struct timers){ NULL, 0, 0 };
}

void timers_fini(struct timers *timers)
{
	free(timers->heap);
	timers_init(timers);
}

static void timers_grow(struct timers *timers)
{
	size_t room = timers->room ? timers->room * 2 : TIMERS_ROOM_FIRST;
	struct loop_timer **heap = realloc(timers->heap, room * sizeof(struct loop_timer *));

	if (!heap)
		log_fatal("loop", "out of memory (%zu timers)", room);
	timers->heap = heap;
	timers->room = room;
}

void timers_set(struct timers *timers, struct loop_timer *timer, int64_t due_us)
{
	int64_t old_us = timer->due_us;

	assert(timer->on_due);
	assert(due_us != CLOCK_NEVER);
	timer->due_us = due_us;
	if (timer->slot == 0) {
		if (timers->count + 1 >= timers->room)
			timers_grow(timers);
		timers_up(timers, ++timers->count, timer);
		return;
	}
	assert(timers->heap[timer->slot] == timer);
	if (due_us < old_us)
		timers_up(timers, timer->slot, timer);
	else if (due_us > old_us)
		timers_down(timers, timer->slot, timer);
}

void timers_cancel(struct timers *timers, struct loop_timer *timer)
{
	size_t slot = timer->slot;
	struct loop_timer *last;

	if (slot == 0)
		return;
	assert(slot <= timers->count);
	assert(timers->heap[slot] == timer);
	timer->slot = 0;
	last = timers->heap[timers->count--];
	if (last == timer)
		return;
	/* The last takes its place and may belong above it or below it. */
	if (slot > 1 && last->due_us < timers->heap[slot / 2]->due_us)
		timers_up(timers, slot, last);
	else
		timers_down(timers, slot, last);
}

int64_t timers_next_us(const struct timers *timers)
{
	return timers->count ? timers->heap[1]->due_us : CLOCK_NEVER;
}

struct loop_timer *timers_take_due(struct timers *timers, int64_t now_us)
{
	struct loop_timer *timer;

	if (timers_next_us(timers) > now_us || timers->count == 0)
		return NULL;
	timer = timers->heap[1];
	timers_cancel(timers, timer);
	return timer;
}

static inline void timers_put(struct timers *timers, size_t slot, struct loop_timer *timer)
{
	timers->heap[slot] = timer;
	timer->slot = slot;
}

static void timers_up(struct timers *timers, size_t slot, struct loop_timer *timer)
{
	while (slot > 1 && timers->heap[slot / 2]->due_us > timer->due_us) {
		timers_put(timers, slot, timers->heap[slot / 2]);
		slot /= 2;
	}
	timers_put(timers, slot, timer);
}

static void timers_down(struct timers *timers, size_t slot, struct loop_timer *timer)
{
	for (size_t child = slot * 2; child <= timers->count; child = slot * 2) {
		if (child < timers->count &&
		    timers->heap[child + 1]->due_us < timers->heap[child]->due_us)
			child++;
		if (timers->heap[child]->due_us >= timer->due_us)
			break;
		timers_put(timers, slot, timers->heap[child]);
		slot = child;
	}
	timers_put(timers, slot, timer);
}
