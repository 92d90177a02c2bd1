/* SPDX-License-Identifier: Apache-2.0 */
/* A scrape: the series of all threads, equal label sets added up, as text format 0.0.4. */
#include "base/metrics.h"

#include "base/log.h"
#include "base/metrics_series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t cell_read(_Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

static int series_compare(const void *a, const void *b)
{
	const struct series *const *left = a, *const *right = b;

	return strcmp((*left)->shown, (*right)->shown);
}

/* All series of a family, of all threads, equal label sets side by side. The caller frees them. */
static struct series **family_collect(enum metric metric, size_t *count)
{
	struct series **all;
	size_t room = 0;

	*count = 0;
	for (struct metrics *at = metrics_threads; at; at = at->next)
		room += at->families[metric].count + 1;
	all = malloc((room + 1) * sizeof(struct series *));
	if (!all)
		log_fatal("metrics", "out of memory");
	for (struct metrics *thread = metrics_threads; thread; thread = thread->next)
		for (struct series *at = thread->families[metric].series; at; at = at->next)
			if (atomic_load_explicit(&at->set, memory_order_relaxed))
				all[(*count)++] = at;
	qsort(all, *count, sizeof(struct series *), series_compare);
	return all;
}

static void write_sample(struct buf *buf, const char *name, const char *suffix, const char *shown)
{
	buf_string(buf, name);
	buf_string(buf, suffix);
	if (*shown) {
		buf_byte(buf, '{');
		buf_string(buf, shown);
		buf_byte(buf, '}');
	}
	buf_byte(buf, ' ');
}

static double gauge_sum(struct series **same, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t bits = cell_read(&same[i]->cells[0]);
		double part;

		memcpy(&part, &bits, sizeof(part));
		sum += part;
	}
	return sum;
}

static uint64_t cell_sum(struct series **same, size_t count, unsigned cell)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += cell_read(&same[i]->cells[cell]);
	return sum;
}

static void write_bucket(struct buf *buf, const char *name, const char *shown, const char *bound,
			 uint64_t below)
{
	buf_printf(buf, "%s_bucket{%s%sle=\"%s\"} ", name, shown, *shown ? "," : "", bound);
	buf_int(buf, (int64_t)below);
	buf_byte(buf, '\n');
}

static void write_histogram(struct buf *buf, const struct metric_row *row, struct series **same,
			    size_t count)
{
	const struct buckets *buckets = metric_buckets(row->kind);
	uint64_t below = 0, sum;

	for (unsigned i = 0; i < buckets->count; i++) {
		below += cell_sum(same, count, i);
		write_bucket(buf, row->name, same[0]->shown, buckets->texts[i], below);
	}
	/* What is counted here is what the buckets show, whatever happens meanwhile. */
	below += cell_sum(same, count, buckets->count);
	write_bucket(buf, row->name, same[0]->shown, "+Inf", below);
	sum = cell_sum(same, count, buckets->count + 1);
	write_sample(buf, row->name, "_sum", same[0]->shown);
	if (row->kind == KIND_HISTOGRAM)
		buf_real(buf, (double)sum / 1e6);
	else
		buf_int(buf, (int64_t)sum);
	buf_byte(buf, '\n');
	write_sample(buf, row->name, "_count", same[0]->shown);
	buf_int(buf, (int64_t)below);
	buf_byte(buf, '\n');
}

static void write_series(struct buf *buf, const struct metric_row *row, struct series **same,
			 size_t count)
{
	if (metric_is_histogram(row->kind)) {
		write_histogram(buf, row, same, count);
		return;
	}
	write_sample(buf, row->name, "", same[0]->shown);
	if (row->kind == KIND_GAUGE)
		buf_real(buf, gauge_sum(same, count));
	else
		buf_int(buf, (int64_t)cell_sum(same, count, 0));
	buf_byte(buf, '\n');
}

static void write_family(struct buf *buf, enum metric metric)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "histogram" };
	const struct metric_row *row = &metric_rows[metric];
	size_t count, next;
	struct series **all = family_collect(metric, &count);

	if (count)
		buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
			   types[row->kind]);
	for (size_t at = 0; at < count; at = next) {
		for (next = at + 1; next < count; next++)
			if (series_compare(&all[at], &all[next]) != 0)
				break;
		write_series(buf, row, all + at, next - at);
	}
	free(all);
}

void metrics_write(struct buf *buf)
{
	pthread_mutex_lock(&metrics_lock);
	for (unsigned metric = 0; metric < METRICS; metric++)
		write_family(buf, (enum metric)metric);
	pthread_mutex_unlock(&metrics_lock);
}

double metrics_sum(enum metric metric)
{
	struct series **all;
	size_t count;
	double sum;

	assert((unsigned)metric < METRICS);
	assert(!metric_is_histogram(metric_rows[metric].kind));
	pthread_mutex_lock(&metrics_lock);
	all = family_collect(metric, &count);
	if (metric_rows[metric].kind == KIND_GAUGE)
		sum = gauge_sum(all, count);
	else
		sum = (double)cell_sum(all, count, 0);
	pthread_mutex_unlock(&metrics_lock);
	free(all);
	return sum;
}

uint64_t metrics_sum_of(enum metric metric, const char *const *values)
{
	uint64_t sum = 0;

	assert(metric_rows[metric].kind == KIND_COUNTER);
	pthread_mutex_lock(&metrics_lock);
	for (struct metrics *thread = metrics_threads; thread; thread = thread->next)
		for (struct series *at = thread->families[metric].series; at; at = at->next)
			if (series_is(at, values))
				sum += cell_read(&at->cells[0]);
	pthread_mutex_unlock(&metrics_lock);
	return sum;
}
