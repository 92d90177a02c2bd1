/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What base/metrics.c counts into and base/metrics_write.c shows; for these two only. A series is
 * the cells of one label set in one thread. Only its thread writes them; they are atomic because a
 * scrape reads them meanwhile. What a scrape walks changes only under metrics_lock.
 */
#pragma once

#include "base/metric_rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct family;

struct series {
	struct series *next; /* of its family */
	const struct family *family;
	uint64_t hash;
	char *shown;                    /* name="value",…: escaped as the text format wants it */
	char *values;                   /* as given, each with its NUL */
	size_t lens[METRIC_LABELS_MAX]; /* of these, with it */
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

#define METRICS_LATELY_BITS 6

struct metrics {
	struct metrics *next;
	/* By where the label values lay: who counts does so with the same constants again. */
	struct series *lately[1 << METRICS_LATELY_BITS];
	struct family families[METRICS];
};

/* Is it the series of these label values? */
bool series_is(const struct series *series, const char *const *values);

extern pthread_mutex_t metrics_lock;
extern struct metrics *metrics_threads; /* of every thread that counts */
