/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache without its answers: would they have been found, had it been so large? It has the queues
 * and the ghost of the store, and is asked for a sample of the keys, with as much less room
 * (Waldspurger, Saemundsson, Ahmad, Park: Cache modeling and optimization using miniature
 * simulations, USENIX ATC 2017). One thread at a time.
 */
#pragma once

#include "base/check.h"
#include "read/cache/ghost.h"
#include "read/cache/s3_fifo.h"

#include <stdbool.h>
#include <stdint.h>

struct miniature {
	struct s3_fifo fifo;
	struct ghost ghost;
	struct miniature_entry *entries; /* count of them and an unused one */
	uint32_t *buckets;               /* as many: numbers of entries */
	uint32_t count;
	uint32_t fresh; /* this entry and all behind it were never used */
	uint32_t free;  /* the first of those that were given back */
	double room;    /* in blocks */
};

/* At most count entries. Ends the process where there is no memory. */
void miniature_init(struct miniature *miniature, uint32_t count);
void miniature_fini(struct miniature *miniature);
/* Evicts at once what is too much. */
void miniature_set_room(struct miniature *miniature, double blocks);
/* An answer of that many blocks is asked for, and kept from now on. True: it was there. */
bool miniature_ask(struct miniature *miniature, uint64_t hash, uint32_t blocks) must_check;
/* There is no entry left for another answer, though there may be room: it wants fewer keys. */
bool miniature_is_full(const struct miniature *miniature) must_check;
/* Forgets those that are not among the keys any more. */
void miniature_thin(struct miniature *miniature, bool (*keep)(void *arg, uint64_t hash), void *arg);
