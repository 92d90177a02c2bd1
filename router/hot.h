/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes the load: the heaviest operations, users and callers of a loop, in bounded memory
 * (Space-Saving: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k
 * elements in data streams", 2005). A request weighs 1, and 1 more for each millisecond in the
 * database. Whoever has more than 1/HOT_KEYS_MAX of the weight is among them for sure. What was
 * counted halves each minute.
 *
 * A loop charges its own and publishes copies; whoever wants to know adds up the copies of all.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum hot_kind { HOT_OPERATIONS, HOT_USERS, HOT_CALLERS, HOT_KINDS };

struct hot_entry {
	double requests, db_s; /* since it is counted: what it did before that is not known */
	char name[HOT_NAME_BYTES_MAX + 1];
};

/* What is looked through for each request lies close together. */
struct hot_top {
	unsigned count;
	uint64_t hashes[HOT_KEYS_MAX]; /* of the names */
	double weights[HOT_KEYS_MAX];
	struct hot_entry entries[HOT_KEYS_MAX];
};

/* Plain bytes: copied as a whole. */
struct hot {
	int64_t decayed_us;
	double window_s; /* the time that requests stand for, which halves with them */
	double requests, db_s;
	struct hot_top tops[HOT_KINDS];
};

void hot_init(struct hot *hot, int64_t now_us);
/* A request has ended. Names with ptr NULL are not counted. */
void hot_charge(struct hot *hot, int64_t now_us, const struct text names[HOT_KINDS], int64_t db_us);
/* Lets what was counted fade, at most once in a second. */
void hot_decay(struct hot *hot, int64_t now_us);

struct hot_line {
	uint64_t hash;
	double weight;
	struct hot_entry entry;
};

/* The sum over loops, in rates per second. */
struct hot_sum {
	double requests, db_s;
	struct hot_line *lines[HOT_KINDS]; /* the heaviest first */
	size_t counts[HOT_KINDS];
	double window_s; /* of the loop that has counted longest */
};

void hot_sum_init(struct hot_sum *sum);
void hot_sum_add(struct hot_sum *sum, const struct hot *hot);
/* After the last one: sorts. */
void hot_sum_sort(struct hot_sum *sum);
void hot_sum_fini(struct hot_sum *sum);
