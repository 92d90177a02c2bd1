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

enum limit_kind { LIMIT_FIXED, LIMIT_ADAPTIVE, LIMIT_OFF };

#define LIMIT_WINDOW_US 500000
#define LIMIT_SAMPLES_MIN 50

struct limit {
	enum limit_kind kind;
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
void limit_init(struct limit *limit, enum limit_kind kind, unsigned fixed, unsigned floor,
		unsigned ceiling);
/* May one more leave, with so many out? */
bool limit_allows(const struct limit *limit, unsigned out) must_check;
unsigned limit_now(const struct limit *limit) must_check;
/* A batch came back, from its sending to its last row; refusals are no samples. out: with it. */
void limit_took(struct limit *limit, int64_t took_us, unsigned calls, unsigned out, int64_t now_us);
/* One was given up because it took too long. */
void limit_missed(struct limit *limit);
