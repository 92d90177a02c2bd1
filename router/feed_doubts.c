/* SPDX-License-Identifier: Apache-2.0 */
/* What is unknown settles by the first status of the primary that was asked for later. */
#include "router/feed_doubts.h"

#include <string.h>

static void doubts_on_due(struct loop_timer *timer);

static void doubts_again(struct feed_doubts *doubts)
{
	doubts->timer.on_due = doubts_on_due;
	loop_timer_set(doubts->loop, &doubts->timer, loop_now(doubts->loop) + doubts->pause_us);
}

void feed_doubts_fini(struct feed_doubts *doubts)
{
	for (unsigned i = 0; i < doubts->unknowns_count; i++)
		stripes_settle(&doubts->shared->stripes, doubts->unknowns[i].tag, 0);
	doubts->unknowns_count = 0;
	if (doubts->timer.on_due)
		loop_timer_cancel(doubts->loop, &doubts->timer);
}

void feed_doubt_begin(struct feed_doubts *doubts, struct feed_doubt *doubt, const uint64_t *tags,
		      unsigned count)
{
	if (!doubts || !doubts->shared)
		return;
	*doubt = (struct feed_doubt){ tags, count, !doubts->relations };
	doubts->blind += doubt->blind;
	for (unsigned i = 0; i < count; i++)
		stripes_doubt(&doubts->shared->stripes, tags[i]);
}

/* position: at or after its commit; POSITION_NONE: it had no effect. */
static void doubts_end(struct feed_doubts *doubts, struct feed_doubt *doubt,
		       struct position position)
{
	uint64_t lsn = stripes_lsn(&doubts->shared->stripes, position);

	for (unsigned i = 0; i < doubt->count; i++)
		stripes_settle(&doubts->shared->stripes, doubt->tags[i], lsn);
	doubts->blind -= doubt->blind;
	if (doubt->blind && doubts->relations)
		stripes_settle(&doubts->shared->stripes, STRIPES_TAG_ALL, lsn);
	*doubt = (struct feed_doubt){ 0 };
}

void feed_doubts_keep(struct feed_doubts *doubts)
{
	if (doubts->relations || !doubts->shared)
		return;
	doubts->relations = true;
	for (unsigned i = 0; i < doubts->blind; i++)
		stripes_doubt(&doubts->shared->stripes, STRIPES_TAG_ALL);
	atomic_fetch_add_explicit(&doubts->shared->keepers, 1, memory_order_acq_rel);
}

static bool doubts_holds(const struct feed_doubt *doubt)
{
	return doubt->count || doubt->blind;
}

/* --- what is unknown -------------------------------------------------------------------------- */

static void doubts_keep(struct feed_doubts *doubts, uint64_t tag, int64_t now_us)
{
	if (doubts->unknowns_count < FEED_UNKNOWNS_MAX) {
		doubts->unknowns[doubts->unknowns_count++] = (struct feed_unknown){ tag, now_us };
		return;
	}
	stripes_settle(&doubts->shared->stripes, tag, 0);
	doubts->crowded_us = now_us;
}

void feed_doubt_leave(struct feed_doubts *doubts, struct feed_doubt *doubt)
{
	int64_t now_us;

	if (!doubts_holds(doubt))
		return;
	now_us = loop_now(doubts->loop);
	if (!doubts->unknowns_count && !doubts->crowded_us)
		doubts_again(doubts);
	for (unsigned i = 0; i < doubt->count; i++)
		doubts_keep(doubts, doubt->tags[i], now_us);
	doubts->blind -= doubt->blind;
	if (doubt->blind && doubts->relations)
		doubts_keep(doubts, STRIPES_TAG_ALL, now_us);
	*doubt = (struct feed_doubt){ 0 };
}

/* With the last words of a server that goes: it does not say whether the commit was reached. */
static bool doubts_is_cut_off(const struct call *call)
{
	return strncmp(call->error.sqlstate, "57P", 3) == 0;
}

void feed_doubt_end(struct feed_doubts *doubts, struct feed_doubt *doubt, const struct call *call)
{
	if (!doubts_holds(doubt))
		return;
	switch (call->end) {
	case CALL_OK:
	case CALL_TOO_LARGE:
		doubts_end(doubts, doubt,
			   call->frame_end == FRAME_ROLLED_BACK || call->effect != EFFECT_WROTE
				   ? POSITION_NONE
				   : call->position);
		return;
	case CALL_LOST:
		feed_doubt_leave(doubts, doubt);
		return;
	case CALL_ERROR:
		if (doubts_is_cut_off(call)) {
			feed_doubt_leave(doubts, doubt);
			return;
		}
		break;
	case CALL_UNSENT:
		break;
	}
	doubts_end(doubts, doubt, POSITION_NONE);
}

/* When the position that is known of the primary was asked for; INT64_MIN: there is none. */
static int64_t doubts_asked_us(const struct feed_doubts *doubts)
{
	const struct topology *topology = doubts->topology;

	return topology->primary < 0 ? INT64_MIN : topology->nodes[topology->primary].asked_us;
}

static void doubts_settle(struct feed_doubts *doubts, int64_t asked_us, uint64_t lsn)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < doubts->unknowns_count; i++) {
		const struct feed_unknown *unknown = &doubts->unknowns[i];

		if (unknown->since_us < asked_us)
			stripes_settle(&doubts->shared->stripes, unknown->tag, lsn);
		else
			doubts->unknowns[kept++] = *unknown;
	}
	doubts->unknowns_count = kept;
	if (doubts->crowded_us && doubts->crowded_us < asked_us) {
		stripes_touch(&doubts->shared->stripes, STRIPES_TAG_ALL, lsn);
		doubts->crowded_us = 0;
	}
}

static void doubts_on_due(struct loop_timer *timer)
{
	struct feed_doubts *doubts = container_of(timer, struct feed_doubts, timer);

	doubts->refresh(doubts->arg);
	doubts_settle(doubts, doubts_asked_us(doubts),
		      stripes_lsn(&doubts->shared->stripes, doubts->topology->primary_position));
	if (doubts->unknowns_count || doubts->crowded_us)
		doubts_again(doubts);
}
