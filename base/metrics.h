/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters per thread, summed on scrape. A row of base/metrics.def is a metric. Each thread writes
 * its own struct metrics without a lock; a scrape on another thread reads them all. Prometheus text
 * format 0.0.4; names carry the prefix cqrsd_. Label values are copied; a family holds at most
 * METRIC_SERIES_MAX label sets per thread, the rest is counted under the label value "other".
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/metric_rows.h"

#include <stdint.h>

#define METRIC_SERIES_MAX 16384

struct metrics;

/* Registered for scrapes until metrics_free. Written by one thread. */
struct metrics *metrics_new(void) must_check;
void metrics_free(struct metrics *metrics);

/* Counter: adds. values: as many label values as the row names, NULL when none. */
void metric_add(struct metrics *metrics, enum metric metric, const char *const *values, uint64_t n);
/* Gauge: sets this thread's part; a scrape shows the sum over the threads. */
void metric_set(struct metrics *metrics, enum metric metric, const char *const *values,
		double value);
/* Gauge: forgets this thread's part of every series of the family (a node changed its role). */
void metric_forget(struct metrics *metrics, enum metric metric);
/* HISTOGRAM: a duration in microseconds. HISTOGRAM_COUNT: a number. */
void metric_observe(struct metrics *metrics, enum metric metric, const char *const *values,
		    int64_t n);

#define METRIC_LABELS(...) ((const char *const[]){ __VA_ARGS__ })

/*
 * Any thread: everything registered, as text with HELP and TYPE; families without series are left
 * out.
 */
void metrics_write(struct buf *buf);
/* For tests and the banner: the sum of a counter or gauge over threads and label sets. */
double metrics_sum(enum metric metric);
/* Of one label set of a counter. */
uint64_t metrics_sum_of(enum metric metric, const char *const *values);
