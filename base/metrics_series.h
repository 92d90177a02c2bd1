/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What base/metrics.c counts into and base/metrics_write.c shows; nobody else needs it. A series is
 * the cells of one label set in one thread. Only its thread writes them; they are atomic because a
 * scrape reads them meanwhile. What a scrape walks changes only under metrics_lock.
 */
#pragma once

#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct series {
	struct series *next; /* of its family */
	uint64_t hash;
	char *shown;  /* name="value",…: escaped as the text format wants it */
	char *values; /* as given, each with its NUL */
	_Atomic bool set;
	_Atomic uint64_t cells[]; /* a sum, a double's bits, or the buckets, those beyond, a sum */
};

struct family {
	struct series **slots; /* an open table, only its thread looks there; NULL: no series yet */
	size_t slots_count;    /* a power of two, at least twice the series */
	struct series *series; /* newest first; a scrape walks here under the lock */
	size_t count;
	struct series *other; /* of label sets beyond METRIC_SERIES_MAX */
	unsigned labels;      /* of each series */
};

struct metrics {
	struct metrics *next;
	struct family families[METRICS];
};

extern const struct metric_row metric_rows[METRICS];
extern pthread_mutex_t metrics_lock;
extern struct metrics *metrics_threads;

/* Of a histogram. */
const struct buckets *metric_buckets(enum metric_kind kind);

static inline bool metric_is_histogram(enum metric_kind kind)
{
	return kind == KIND_HISTOGRAM || kind == KIND_HISTOGRAM_COUNT;
}
