/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of base/metrics.def, and the buckets of the two kinds of histogram. */
#include "base/metric_rows.h"

const struct metric_row metric_rows[METRICS] = {
#define COUNTER(name, labels, help)                                                                \
	[METRIC_##name] = { KIND_COUNTER, "cqrsd_" #name, labels, help },
#define GAUGE(name, labels, help) [METRIC_##name] = { KIND_GAUGE, "cqrsd_" #name, labels, help },
#define HISTOGRAM(name, labels, help)                                                              \
	[METRIC_##name] = { KIND_HISTOGRAM, "cqrsd_" #name, labels, help },
#define HISTOGRAM_COUNT(name, labels, help)                                                        \
	[METRIC_##name] = { KIND_HISTOGRAM_COUNT, "cqrsd_" #name, labels, help },
#include "base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef HISTOGRAM_COUNT
};

static const struct buckets seconds = {
	16,
	{ 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
	  2500000, 5000000, 10000000 },
	{ "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
	  "0.25", "0.5", "1", "2.5", "5", "10" },
};

static const struct buckets counts = {
	7,
	{ 1, 2, 4, 8, 16, 32, 64 },
	{ "1", "2", "4", "8", "16", "32", "64" },
};

const struct buckets *metric_buckets(enum metric_kind kind)
{
	return kind == KIND_HISTOGRAM ? &seconds : &counts;
}
