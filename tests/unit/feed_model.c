/* SPDX-License-Identifier: Apache-2.0 */
/* Everything is worked out from the transactions when it is asked. */
#include "feed_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	model->lsn = 1000;
	model->next_xid = 700;
	model->timeline = 1;
}

struct model_transaction *model_begin(struct model *model, uint64_t tag)
{
	struct model_transaction *transaction = &model->transactions[model->count++];

	assert(model->count <= MODEL_TRANSACTIONS_MAX);
	*transaction = (struct model_transaction){
		.xid = model->next_xid++,
		.tag = tag,
		.mark_id = -1,
		.began = ++model->lsn,
	};
	return transaction;
}

void model_take_id(struct model *model, struct model_transaction *transaction)
{
	transaction->id = ++model->last_id;
}

void model_end(struct model *model, struct model_transaction *transaction, bool commits)
{
	transaction->ended = ++model->lsn;
	transaction->committed = commits;
}

struct model_transaction *model_mark(struct model *model, bool commits)
{
	int64_t last = model->last_id;
	struct model_transaction *mark = model_begin(model, 0);

	mark->mark_id = last;
	if (commits)
		model_end(model, mark, true);
	return mark;
}

/* --- snapshots -------------------------------------------------------------------------------- */

static bool model_has_ended(const struct model_transaction *transaction, uint64_t at)
{
	return transaction->ended && transaction->ended <= at;
}

static void model_snapshot(const struct model *model, uint64_t at, uint64_t *xmin, uint64_t *xmax)
{
	*xmax = 700;
	for (unsigned i = 0; i < model->count; i++)
		if (model_has_ended(&model->transactions[i], at) &&
		    model->transactions[i].xid >= *xmax)
			*xmax = model->transactions[i].xid + 1;
	*xmin = *xmax;
	for (unsigned i = 0; i < model->count; i++) {
		const struct model_transaction *transaction = &model->transactions[i];

		if (transaction->began <= at && !model_has_ended(transaction, at) &&
		    transaction->xid < *xmin)
			*xmin = transaction->xid;
	}
}

static bool model_is_visible(const struct model_transaction *transaction, uint64_t at)
{
	return transaction->id && transaction->committed && model_has_ended(transaction, at) &&
	       (!transaction->deleted || transaction->deleted > at);
}

static struct feed_mark model_newest_mark(const struct model *model, uint64_t at, uint64_t xmin)
{
	struct feed_mark newest = { .id = -1 };

	for (unsigned i = 0; i < model->count; i++) {
		const struct model_transaction *mark = &model->transactions[i];

		if (mark->mark_id >= 0 && mark->committed && model_has_ended(mark, at) &&
		    mark->xid < xmin && (newest.id < 0 || mark->xid > newest.xid))
			newest = (struct feed_mark){ mark->xid, mark->mark_id };
	}
	return newest;
}

uint64_t model_swept_at(const struct model *model)
{
	return model->sweeps_count ? model->sweeps[model->sweeps_count - 1].at : 0;
}

static int64_t model_floor(const struct model *model, uint64_t at)
{
	int64_t floor = 0;

	for (unsigned i = 0; i < model->sweeps_count && model->sweeps[i].at <= at; i++)
		floor = model->sweeps[i].floor;
	return floor;
}

void model_sweep(struct model *model)
{
	uint64_t xmin, xmax, at = model->lsn;
	struct feed_mark mark;

	model_snapshot(model, at, &xmin, &xmax);
	mark = model_newest_mark(model, at, xmin);
	if (mark.id <= model_floor(model, at))
		return;
	model->lsn++;
	for (unsigned i = 0; i < model->count; i++) {
		struct model_transaction *transaction = &model->transactions[i];

		if (transaction->id <= mark.id && model_is_visible(transaction, at))
			transaction->deleted = model->lsn;
	}
	model->sweeps[model->sweeps_count++] = (struct model_sweep){ model->lsn, mark.id };
}

void model_promote(struct model *model, uint64_t fork)
{
	unsigned kept = 0;

	assert(fork >= model_swept_at(model));
	model->last_id = model_floor(model, fork);
	for (unsigned i = 0; i < model->count; i++) {
		struct model_transaction transaction = model->transactions[i];

		if (transaction.began > fork)
			continue;
		if (!model_has_ended(&transaction, fork)) {
			transaction.ended = fork + 1;
			transaction.committed = false;
			transaction.id = 0;
		}
		if (transaction.id > model->last_id)
			model->last_id = transaction.id;
		/* What a mark has read of the sequence is in the log before it. */
		if (transaction.mark_id > model->last_id)
			model->last_id = transaction.mark_id;
		model->next_xid = transaction.xid + 1;
		model->transactions[kept++] = transaction;
	}
	model->count = kept;
	model->lsn = fork + 1;
	model->timeline++;
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct feed_row model_rows[MODEL_TRANSACTIONS_MAX];

static int model_compare(const void *a, const void *b)
{
	const struct feed_row *first = a, *second = b;

	return first->id < second->id ? -1 : first->id > second->id;
}

static bool model_is_gap(const struct feed *feed, int64_t id)
{
	for (unsigned i = 0; i < feed->gaps_count; i++)
		if (feed->gaps[i].first <= id && id <= feed->gaps[i].last)
			return true;
	return false;
}

static size_t model_find_rows(const struct model *model, const struct feed *feed, uint64_t at,
			      bool beyond)
{
	size_t count = 0;

	for (unsigned i = 0; i < model->count; i++) {
		const struct model_transaction *transaction = &model->transactions[i];

		if (model_is_visible(transaction, at) &&
		    (beyond ? transaction->id > feed->greatest
			    : model_is_gap(feed, transaction->id)))
			model_rows[count++] =
				(struct feed_row){ transaction->id, &transaction->tag, 1 };
	}
	qsort(model_rows, count, sizeof(model_rows[0]), model_compare);
	return count;
}

void model_answer(const struct model *model, const struct feed *feed, uint64_t lower, uint64_t at,
		  uint64_t upper, unsigned rows_max, struct feed_answer *answer)
{
	struct feed_row beyond[MODEL_TRANSACTIONS_MAX];
	size_t count = 0, gaps;

	*answer = (struct feed_answer){
		.lower = { model->timeline, lower },
		.upper = { model->timeline, upper },
		.floor = model_floor(model, at),
		.gaps_whole = true,
		.whole = true,
		.rows = model_rows,
	};
	model_snapshot(model, at, &answer->xmin, &answer->xmax);
	answer->mark = model_newest_mark(model, at, answer->xmin);
	if (feed->state == FEED_NEW)
		return;
	count = model_find_rows(model, feed, at, true);
	if (count > rows_max) {
		count = rows_max;
		answer->whole = false;
	}
	memcpy(beyond, model_rows, count * sizeof(beyond[0]));
	gaps = model_find_rows(model, feed, at, false);
	if (gaps > rows_max) {
		gaps = rows_max;
		answer->gaps_whole = answer->whole = false;
	}
	memcpy(model_rows + gaps, beyond, count * sizeof(beyond[0]));
	answer->rows_count = gaps + count;
}

const struct model_transaction *model_missed(const struct model *model,
					     const struct stripes *stripes)
{
	struct position known = stripes_known(stripes);

	for (unsigned i = 0; position_known(known) && i < model->count; i++) {
		const struct model_transaction *transaction = &model->transactions[i];

		if (transaction->id && transaction->committed && transaction->ended <= known.lsn &&
		    known.timeline == model->timeline &&
		    stripes_required(stripes, known, &transaction->tag, 1) < transaction->ended)
			return transaction;
	}
	return NULL;
}
