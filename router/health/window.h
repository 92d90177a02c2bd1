/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two counts of the last WINDOW_S seconds, by the second: what happened, and how often in the way
 * that is watched. Plain data; cleared memory is an empty one.
 */
#pragma once

#include <stdint.h>

#define WINDOW_S 10

enum window_kind { WINDOW_ALL, WINDOW_WATCHED, WINDOW_KINDS };

struct window {
	int64_t second; /* the newest one that is counted */
	unsigned counts[WINDOW_S][WINDOW_KINDS];
};

void window_add(struct window *window, enum window_kind kind, int64_t now_us);
unsigned window_sum(struct window *window, enum window_kind kind, int64_t now_us);
