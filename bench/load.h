/* SPDX-License-Identifier: Apache-2.0 */
/* A run of load: connections, the plan, and what came of it. One thread, one epoll. */
#pragma once

#include "base/check.h"
#include "bench/histogram.h"
#include "bench/load_options.h"
#include "bench/tally.h"

#include <stdint.h>

/* What came of the requests of a class: of its command and, for pairs, of its read. */
struct load_result {
	struct tally outcomes; /* "2xx"; the code of a problem or "status-NNN"; "connect", "lost",
				       "timeout", "late" (never sent), "bad-reply" */
	struct tally served;   /* "role/reason" of the Consistency header */
	struct histogram answered;   /* 2xx; 504 and what never got an answer, as waits in vain */
	struct histogram refused;    /* other answers */
	struct histogram waited;     /* for replicas, by the Consistency header */
	uint64_t planned, ok, stale; /* stale: an own write was not in the answer */
	uint64_t good;               /* of ok: in time */
	int64_t body_bytes;
};

struct load_results {
	struct load_result classes[MIX_CLASSES_MAX], reads[MIX_CLASSES_MAX];
	int64_t measured_us;        /* how long the part that counts took */
	int64_t user_us, system_us; /* CPU of this process, from the first request on */
	uint64_t clients_open;      /* connections at the end */
};

struct load;

/* Empty results; free() ends them. */
struct load_results *load_results_new(void);
/* NULL: error holds why, such as too few descriptors. The options are borrowed. */
struct load *load_new(const struct load_options *options, char *error, size_t error_room);
void load_free(struct load *load);
/* Connects, runs, fills the results. False: not one connection came about. */
bool load_run(struct load *load, struct load_results *results, char *error,
	      size_t error_room) must_check;
