/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monotonic clock and the wall clock, in microseconds. Only base/loop.c and threads without a
 * loop read the monotonic clock; all other code asks its loop. Wall time is for logs and headers.
 */
#pragma once

#include <stdint.h>

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (86400 * US_PER_S)
#define CLOCK_NEVER INT64_MAX

int64_t clock_monotonic_us(void);
int64_t clock_wall_us(void);
