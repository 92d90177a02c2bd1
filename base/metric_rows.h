/* SPDX-License-Identifier: Apache-2.0 */
/* base/metrics.def as an enum and a table: each metric's kind, labels and buckets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define METRIC_LABELS_MAX 4

enum metric {
#define COUNTER(name, labels, help) METRIC_##name,
#define GAUGE(name, labels, help) METRIC_##name,
#define HISTOGRAM(name, labels, help) METRIC_##name,
#define HISTOGRAM_COUNT(name, labels, help) METRIC_##name,
#include "base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef HISTOGRAM_COUNT
	METRICS
};

enum metric_kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM, KIND_HISTOGRAM_COUNT };

struct metric_row {
	enum metric_kind kind;
	const char *name, *labels, *help;
};

#define BUCKETS_MAX 16

struct buckets {
	unsigned count;
	int64_t bounds[BUCKETS_MAX];    /* upper, inclusive, as observed */
	const char *texts[BUCKETS_MAX]; /* and as shown */
};

extern const struct metric_row metric_rows[METRICS];

/* Of a histogram. */
const struct buckets *metric_buckets(enum metric_kind kind);

static inline bool metric_is_histogram(enum metric_kind kind)
{
	return kind == KIND_HISTOGRAM || kind == KIND_HISTOGRAM_COUNT;
}
