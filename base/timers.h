/* SPDX-License-Identifier: Apache-2.0 */
/* The timers of one loop: a binary heap, soonest first. One thread; set through base/loop.h. */
#pragma once

#include "base/check.h"

#include <stddef.h>
#include <stdint.h>

/* Embed it, and take the outer struct with container_of. */
struct loop_timer {
	int64_t due_us; /* on the loop's clock */
	size_t slot;    /* in the heap, from 1; 0: not set */
	void (*on_due)(struct loop_timer *timer);
};

struct timers {
	struct loop_timer **heap; /* from 1; a timer knows its slot */
	size_t count, room;
};

void timers_init(struct timers *timers);
/* What is still set stays as it is. */
void timers_fini(struct timers *timers);

/* Sets or moves. */
void timers_set(struct timers *timers, struct loop_timer *timer, int64_t due_us);
/* Nothing to do when it is not set. */
void timers_cancel(struct timers *timers, struct loop_timer *timer);

/* CLOCK_NEVER when none is set. */
int64_t timers_next_us(const struct timers *timers);
/* Takes the soonest off when it is due by then; NULL: none is. */
struct loop_timer *timers_take_due(struct timers *timers, int64_t now_us) must_check;
