/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes the load: the heaviest operations, users and callers of a loop, in bounded memory
 * (Space-Saving: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k
 * elements in data streams", 2005). A request weighs 1, and 1 more for each millisecond in the
 * database. A key with more than 1/HEAVY_HITTERS_KEYS_MAX of the weight is among them for sure.
 * What was counted halves each minute.
 *
 * A loop charges its own and publishes copies; a reader adds up the copies of all.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum heavy_hitters_kind {
	HEAVY_HITTERS_OPERATIONS,
	HEAVY_HITTERS_USERS,
	HEAVY_HITTERS_CALLERS,
	HEAVY_HITTERS_KINDS
};

struct heavy_hitters_entry {
	double requests, db_s; /* since it is counted: what it did before that is not known */
	char name[HEAVY_HITTERS_NAME_BYTES_MAX + 1];
};

/* What is looked through for each request lies close together. */
struct heavy_hitters_top {
	unsigned count;
	uint64_t hashes[HEAVY_HITTERS_KEYS_MAX]; /* of the names */
	double weights[HEAVY_HITTERS_KEYS_MAX];
	struct heavy_hitters_entry entries[HEAVY_HITTERS_KEYS_MAX];
};

/* Plain bytes: copied as a whole. */
struct heavy_hitters {
	int64_t decayed_us;
	double window_s; /* the time that requests stand for, which halves with them */
	double requests, db_s;
	struct heavy_hitters_top tops[HEAVY_HITTERS_KINDS];
};

void heavy_hitters_init(struct heavy_hitters *hitters, int64_t now_us);
/* A request has ended. Names with ptr NULL are not counted. */
void heavy_hitters_charge(struct heavy_hitters *hitters, int64_t now_us,
			  const struct text names[HEAVY_HITTERS_KINDS], int64_t db_us);
/* Lets what was counted fade, at most once in a second. */
void heavy_hitters_decay(struct heavy_hitters *hitters, int64_t now_us);

struct heavy_hitters_line {
	uint64_t hash;
	double weight;
	struct heavy_hitters_entry entry;
};

/* The sum over loops, in rates per second. */
struct heavy_hitters_sum {
	double requests, db_s;
	struct heavy_hitters_line *lines[HEAVY_HITTERS_KINDS]; /* the heaviest first */
	size_t counts[HEAVY_HITTERS_KINDS];
	double window_s; /* of the loop that has counted longest */
};

void heavy_hitters_sum_init(struct heavy_hitters_sum *sum);
void heavy_hitters_sum_add(struct heavy_hitters_sum *sum, const struct heavy_hitters *hitters);
/* After the last one: sorts. */
void heavy_hitters_sum_sort(struct heavy_hitters_sum *sum);
void heavy_hitters_sum_fini(struct heavy_hitters_sum *sum);
