/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many batches a node may have at once, of one loop: fixed, or found by how long they take
 * (after Brakmo and Peterson, "TCP Vegas", 1995). Adaptive: while batches take as long as they do
 * on a node that is not pressed, there may be more; when they take longer, the node queues what it
 * was given, and there are less. Never fewer than the floor nor more than there are conns. Plain
 * data by the caller's clock.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

enum concurrency_kind { CONCURRENCY_FIXED, CONCURRENCY_ADAPTIVE, CONCURRENCY_OFF };

#define CONCURRENCY_WINDOW_US 500000
#define CONCURRENCY_SAMPLES_MIN 50

struct concurrency {
	enum concurrency_kind kind;
	double now; /* batches */
	double floor, ceiling;
	unsigned peak; /* most that were out in this window */
	unsigned samples;
	double taken_us;     /* by the samples of this window, per call */
	double least_us;     /* of a window's mean; 0: unknown */
	int64_t window_us;   /* when the window began */
	int64_t least_at_us; /* when the least was found */
};

/* fixed: where it stays, or begins. */
void concurrency_init(struct concurrency *concurrency, enum concurrency_kind kind, unsigned fixed,
		      unsigned floor, unsigned ceiling);
/* May one more leave, with so many out? */
bool concurrency_allows(const struct concurrency *concurrency, unsigned out) must_check;
unsigned concurrency_now(const struct concurrency *concurrency) must_check;
/* A batch came back, from its sending to its last row; refusals are no samples. out: with it. */
void concurrency_took(struct concurrency *concurrency, int64_t took_us, unsigned calls,
		      unsigned out, int64_t now_us);
/* One was given up because it took too long. */
void concurrency_missed(struct concurrency *concurrency);
