/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A primary and its standbys, as far as the feed sees them: transactions with xids and ids that end
 * out of order, marks, deletions, and what a snapshot at any position of the log shows. A position
 * is the number of an event.
 */
#pragma once

#include "feed_build.h"

#include <stdbool.h>
#include <stdint.h>

#define MODEL_TRANSACTIONS_MAX 4000

struct model_transaction {
	uint64_t xid;
	int64_t id; /* 0: none yet */
	uint64_t tag;
	int64_t mark_id;       /* -1: it is none */
	uint64_t began, ended; /* 0: it runs */
	uint64_t deleted;      /* where its row was; 0: never */
	bool committed;
};

struct model {
	struct model_transaction transactions[MODEL_TRANSACTIONS_MAX];
	unsigned count;
	uint64_t lsn, next_xid;
	int64_t last_id;
	uint32_t timeline;
	struct model_sweep {
		uint64_t at;
		int64_t floor; /* that it wrote */
	} sweeps[MODEL_TRANSACTIONS_MAX];
	unsigned sweeps_count;
};

void model_init(struct model *model);
/* It has an xid from then on. */
struct model_transaction *model_begin(struct model *model, uint64_t tag);
void model_take_id(struct model *model, struct model_transaction *transaction);
void model_end(struct model *model, struct model_transaction *transaction, bool commits);
/* Reads the last id, takes an xid, and commits if it is to. */
struct model_transaction *model_mark(struct model *model, bool commits);
/* Deletes what is at or below the newest mark that is decided by now. */
void model_sweep(struct model *model);
uint64_t model_swept_at(const struct model *model);
/* What comes behind fork is lost; who was running there is rolled back. */
void model_promote(struct model *model, uint64_t fork);
/*
 * What a node answers that has replayed lower and shows the snapshot of at; rows_max: so many rows
 * among the gaps at most, and beyond the greatest id. Its rows live until the next call.
 */
void model_answer(const struct model *model, const struct feed *feed, uint64_t lower, uint64_t at,
		  uint64_t upper, unsigned rows_max, struct feed_answer *answer);
/*
 * What is known must hold: of each row that was committed at or below A the stripe is no less than
 * its commit. NULL: it holds, else the row.
 */
const struct model_transaction *model_missed(const struct model *model,
					     const struct stripes *stripes);
