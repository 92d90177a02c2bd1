/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When requests are planned to start. The plan knows nothing of how the server is doing: one that
 * stalls finds all that was planned meanwhile waiting, and every latency counts from the plan.
 */
#pragma once

#include "base/random.h"

#include <stdint.h>

enum schedule_kind {
	SCHEDULE_CLOSED,   /* no plan: a client asks again as soon as it has its answer */
	SCHEDULE_CONSTANT, /* one every 1/rate */
	SCHEDULE_POISSON,  /* independent arrivals, rate a second on average */
};

struct schedule {
	enum schedule_kind kind;
	double rate_per_s;
	int64_t start_us;
	double next_us;  /* after start_us */
	uint64_t number; /* constant plans are multiples: a sum would drift */
	struct random random;
};

/* The rate is not looked at when closed. The same seed gives the same plan. */
void schedule_init(struct schedule *schedule, enum schedule_kind kind, double rate_per_s,
		   int64_t start_us, uint64_t seed);
/* When the next request is to start; closed: now. */
int64_t schedule_planned_us(const struct schedule *schedule, int64_t now_us);
/* On to the one after it. */
void schedule_advance(struct schedule *schedule);
