/* SPDX-License-Identifier: Apache-2.0 */
/* Counts per bucket; the bucket of a time is found from its highest bit. */
#include "bench/histogram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static_assert(HISTOGRAM_BUCKETS == 736, "64 linear buckets, then 32 for each of 21 octaves");

void histogram_init(struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->min_us = INT64_MAX;
}

unsigned histogram_bucket(int64_t us)
{
	int exponent;

	if (us < 0)
		us = 0;
	if (us > HISTOGRAM_US_MAX)
		us = HISTOGRAM_US_MAX;
	if (us < HISTOGRAM_LINEAR)
		return (unsigned)us;
	exponent = 63 - __builtin_clzll((unsigned long long)us);
	return (unsigned)(HISTOGRAM_LINEAR + (exponent - 6) * HISTOGRAM_PER_OCTAVE +
			  (us >> (exponent - 5)) - HISTOGRAM_PER_OCTAVE);
}

int64_t histogram_bucket_end_us(unsigned bucket)
{
	unsigned octave, part;

	assert(bucket < HISTOGRAM_BUCKETS);
	if (bucket < HISTOGRAM_LINEAR)
		return bucket;
	octave = (bucket - HISTOGRAM_LINEAR) / HISTOGRAM_PER_OCTAVE;
	part = (bucket - HISTOGRAM_LINEAR) % HISTOGRAM_PER_OCTAVE;
	return ((int64_t)(HISTOGRAM_PER_OCTAVE + part + 1) << (octave + 1)) - 1;
}

void histogram_record(struct histogram *histogram, int64_t us)
{
	if (us < 0)
		us = 0;
	histogram->buckets[histogram_bucket(us)]++;
	histogram->count++;
	histogram->sum_us += us;
	histogram->min_us = us < histogram->min_us ? us : histogram->min_us;
	histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->count += from->count;
	into->sum_us += from->sum_us;
	into->min_us = from->min_us < into->min_us ? from->min_us : into->min_us;
	into->max_us = from->max_us > into->max_us ? from->max_us : into->max_us;
}

int64_t histogram_quantile_us(const struct histogram *histogram, double share)
{
	uint64_t wanted, seen = 0;

	assert(share >= 0.0);
	assert(share <= 1.0);
	if (!histogram->count)
		return 0;
	/* 0.99 of 100 is 99, whatever the last bit of the product says. */
	wanted = (uint64_t)ceil(share * (double)histogram->count - 1e-6);
	if (!wanted)
		return histogram->min_us;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		int64_t end_us = histogram_bucket_end_us(i);

		seen += histogram->buckets[i];
		if (seen >= wanted && i < HISTOGRAM_BUCKETS - 1)
			return end_us < histogram->max_us ? end_us : histogram->max_us;
	}
	return histogram->max_us;
}

double histogram_mean_us(const struct histogram *histogram)
{
	return histogram->count ? (double)histogram->sum_us / (double)histogram->count : 0.0;
}
