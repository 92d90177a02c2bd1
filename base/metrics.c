/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting: find the series by its label values, add to a cell. The lock is taken when a series or
 * a thread comes or goes: never to count.
 */
#include "base/metrics.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/metrics_series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct series *metric_series(struct metrics *metrics, enum metric metric,
				    const char *const *values);

static unsigned labels_count(const char *labels)
{
	unsigned count = *labels != '\0';

	for (; *labels; labels++)
		count += *labels == ',';
	return count;
}

/* --- threads --------------------------------------------------------------------------------- */

struct metrics *metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		log_fatal("metrics", "out of memory");
	for (unsigned i = 0; i < METRICS; i++) {
		metrics->families[i].labels = labels_count(metric_rows[i].labels);
		assert(metrics->families[i].labels <= METRIC_LABELS_MAX);
	}
	pthread_mutex_lock(&metrics_lock);
	metrics->next = metrics_threads;
	metrics_threads = metrics;
	pthread_mutex_unlock(&metrics_lock);
	return metrics;
}

static void series_free(struct series *series)
{
	if (!series)
		return;
	free(series->shown);
	free(series->values);
	free(series);
}

void metrics_free(struct metrics *metrics)
{
	pthread_mutex_lock(&metrics_lock);
	for (struct metrics **at = &metrics_threads; *at; at = &(*at)->next) {
		if (*at == metrics) {
			*at = metrics->next;
			break;
		}
	}
	pthread_mutex_unlock(&metrics_lock);
	for (unsigned i = 0; i < METRICS; i++) {
		struct family *family = &metrics->families[i];

		while (family->series) {
			struct series *series = family->series;

			family->series = series->next;
			series_free(series);
		}
		free(family->slots);
	}
	free(metrics);
}

/* --- counting -------------------------------------------------------------------------------- */

/* Only this thread writes: no locked instruction. */
static inline void cell_add(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

void metric_add(struct metrics *metrics, enum metric metric, const char *const *values, uint64_t n)
{
	assert(metric_rows[metric].kind == KIND_COUNTER);
	cell_add(&metric_series(metrics, metric, values)->cells[0], n);
}

void metric_set(struct metrics *metrics, enum metric metric, const char *const *values,
		double value)
{
	struct series *series = metric_series(metrics, metric, values);
	uint64_t bits;

	assert(metric_rows[metric].kind == KIND_GAUGE);
	assert(value == value); /* no NaN: a sum over threads would be none either */
	memcpy(&bits, &value, sizeof(bits));
	atomic_store_explicit(&series->cells[0], bits, memory_order_relaxed);
	atomic_store_explicit(&series->set, true, memory_order_relaxed);
}

void metric_forget(struct metrics *metrics, enum metric metric)
{
	assert(metric_rows[metric].kind == KIND_GAUGE);
	for (struct series *at = metrics->families[metric].series; at; at = at->next)
		atomic_store_explicit(&at->set, false, memory_order_relaxed);
}

void metric_observe(struct metrics *metrics, enum metric metric, const char *const *values,
		    int64_t n)
{
	const struct buckets *buckets = metric_buckets(metric_rows[metric].kind);
	struct series *series = metric_series(metrics, metric, values);
	unsigned at = 0;

	assert(metric_is_histogram(metric_rows[metric].kind));
	if (n < 0)
		n = 0;
	while (at < buckets->count && n > buckets->bounds[at])
		at++;
	cell_add(&series->cells[at], 1);
	cell_add(&series->cells[buckets->count + 1], (uint64_t)n);
}

/* --- series ---------------------------------------------------------------------------------- */

/* A label value may not break its line nor its quotes. */
static void buf_label_value(struct buf *buf, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n') {
			buf_literal(buf, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			buf_byte(buf, '\\');
		buf_byte(buf, *value);
	}
}

/* As the label set is shown: kind="query",name="x". */
static char *series_shown(const char *labels, const char *const *values)
{
	struct buf buf;

	buf_init(&buf);
	for (unsigned i = 0; *labels; i++) {
		size_t len = strcspn(labels, ",");

		if (i)
			buf_byte(&buf, ',');
		buf_add(&buf, labels, len);
		buf_literal(&buf, "=\"");
		buf_label_value(&buf, values[i]);
		buf_byte(&buf, '"');
		labels += len + (labels[len] == ',');
	}
	buf_byte(&buf, '\0');
	return buf.ptr;
}

static struct series *series_new(const struct metric_row *row, const char *const *values,
				 uint64_t hash)
{
	unsigned cells = metric_is_histogram(row->kind) ? metric_buckets(row->kind)->count + 2 : 1;
	struct series *series = calloc(1, sizeof(*series) + cells * sizeof(series->cells[0]));
	struct buf buf;

	if (!series)
		log_fatal("metrics", "out of memory");
	buf_init(&buf);
	for (unsigned i = 0; i < labels_count(row->labels); i++) {
		series->lens[i] = strlen(values[i]) + 1;
		buf_add(&buf, values[i], series->lens[i]);
	}
	series->values = buf.ptr;
	series->shown = series_shown(row->labels, values);
	series->hash = hash;
	series->set = row->kind != KIND_GAUGE;
	return series;
}

static void family_publish(struct family *family, struct series *series)
{
	pthread_mutex_lock(&metrics_lock);
	series->family = family;
	series->next = family->series;
	family->series = series;
	family->count++;
	pthread_mutex_unlock(&metrics_lock);
}

static void family_grow(struct family *family)
{
	size_t count = family->slots_count ? family->slots_count * 2 : 8;
	struct series **slots = calloc(count, sizeof(struct series *));

	if (!slots)
		log_fatal("metrics", "out of memory");
	for (struct series *at = family->series; at; at = at->next) {
		size_t slot = at->hash & (count - 1);

		while (slots[slot])
			slot = (slot + 1) & (count - 1);
		slots[slot] = at;
	}
	free(family->slots);
	family->slots = slots;
	family->slots_count = count;
}

static struct series *family_add(struct family *family, const struct metric_row *row,
				 const char *const *values, uint64_t hash)
{
	static const char *const others[METRIC_LABELS_MAX] = { "other", "other", "other", "other" };
	struct series *series;
	size_t slot;

	if (family->count >= METRIC_SERIES_MAX) {
		if (!family->other) {
			family->other = series_new(row, others, 0);
			family_publish(family, family->other);
		}
		return family->other;
	}
	if (family->slots_count < (family->count + 1) * 2)
		family_grow(family);
	series = series_new(row, values, hash);
	slot = hash & (family->slots_count - 1);
	while (family->slots[slot])
		slot = (slot + 1) & (family->slots_count - 1);
	family->slots[slot] = series;
	family_publish(family, series);
	return series;
}

bool series_is(const struct series *series, const char *const *values)
{
	const char *at = series->values;

	/* strcmp, not memcmp: what is stored may be shorter than what is asked for. */
	for (unsigned i = 0; i < series->family->labels; at += series->lens[i++])
		if (strcmp(at, values[i]) != 0)
			return false;
	return true;
}

static struct series *family_find(struct family *family, const struct metric_row *row,
				  const char *const *values)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < family->labels; i++)
		hash = hash_bytes(values[i], strlen(values[i]) + 1, hash);
	if (!family->slots)
		return family_add(family, row, values, hash);
	for (size_t slot = hash & (family->slots_count - 1); family->slots[slot];
	     slot = (slot + 1) & (family->slots_count - 1)) {
		struct series *series = family->slots[slot];

		if (series->hash == hash && series_is(series, values))
			return series;
	}
	return family_add(family, row, values, hash);
}

/* Where the series may be found without a hash of its labels: what is there must be compared. */
static struct series **metrics_lately(struct metrics *metrics, enum metric metric,
				      const char *const *values, unsigned count)
{
	uint64_t at = (uint64_t)metric + 1;

	for (unsigned i = 0; i < count; i++)
		at = (at ^ (uintptr_t)values[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return &metrics->lately[at >> (64 - METRICS_LATELY_BITS)];
}

static struct series *metric_series(struct metrics *metrics, enum metric metric,
				    const char *const *values)
{
	struct family *family = &metrics->families[metric];
	unsigned count = family->labels;
	struct series **lately = metrics_lately(metrics, metric, values, count);

	assert((unsigned)metric < METRICS);
	if (!*lately || (*lately)->family != family || !series_is(*lately, values))
		*lately = family_find(family, &metric_rows[metric], values);
	return *lately;
}
