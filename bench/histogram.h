/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log-linear histogram of microseconds: 64 buckets of one, then 32 per octave, so that no bucket
 * is wider than 1/32 of what it holds. What is above 134 s counts as that.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_LINEAR 64
#define HISTOGRAM_PER_OCTAVE 32
#define HISTOGRAM_OCTAVES 21
#define HISTOGRAM_BUCKETS (HISTOGRAM_LINEAR + HISTOGRAM_OCTAVES * HISTOGRAM_PER_OCTAVE)
#define HISTOGRAM_US_MAX ((INT64_C(1) << 27) - 1)

struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS];
	uint64_t count;
	int64_t sum_us, min_us, max_us; /* exact */
};

void histogram_init(struct histogram *histogram);
/* A time below zero counts as none. */
void histogram_record(struct histogram *histogram, int64_t us);
void histogram_merge(struct histogram *into, const struct histogram *from);
/*
 * The least time that at least this share (0 to 1) of the records do not exceed: the upper end of
 * its bucket and never above the greatest record. 0 when there are none.
 */
int64_t histogram_quantile_us(const struct histogram *histogram, double share);
double histogram_mean_us(const struct histogram *histogram);

/* Which bucket holds a time, and the last time that a bucket holds. */
unsigned histogram_bucket(int64_t us);
int64_t histogram_bucket_end_us(unsigned bucket);
