/* SPDX-License-Identifier: Apache-2.0 */
/* First what an answer ends, then its rows, then its mark; what is known rises last. */
#include "router/feed/feed.h"

#include "base/control.h"

#include <assert.h>
#include <string.h>

void feed_init(struct feed *feed, struct stripes *stripes)
{
	*feed = (struct feed){ .stripes = stripes };
}

void feed_forget(struct feed *feed)
{
	feed->state = FEED_NEW;
	feed->gaps_count = 0;
	feed->undecided = 0;
	stripes_forget(feed->stripes);
}

const char *feed_loss_name(enum feed_loss loss)
{
	static const char *const names[FEED_LOSSES] = {
		[FEED_KEPT] = "kept",
		[FEED_TIMELINE] = "timeline",
		[FEED_FLOOR] = "floor",
		[FEED_GAPS] = "gaps",
	};

	assert(loss < FEED_LOSSES);
	return names[loss];
}

/* --- gaps ------------------------------------------------------------------------------------- */

/* The first gap that ends at or beyond the id. */
static unsigned feed_gap_place(const struct feed *feed, int64_t id)
{
	unsigned from = 0, to = feed->gaps_count;

	while (from < to) {
		unsigned middle = from + (to - from) / 2;

		if (feed->gaps[middle].last < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void feed_remove_gaps(struct feed *feed, unsigned at, unsigned count)
{
	memmove(feed->gaps + at, feed->gaps + at + count,
		(feed->gaps_count - at - count) * sizeof(feed->gaps[0]));
	feed->gaps_count -= count;
}

/* The id, which is neither the first nor the last of that gap. False: there are too many. */
static bool feed_split_gap(struct feed *feed, unsigned at, int64_t id)
{
	if (feed->gaps_count == FEED_GAPS_MAX)
		return false;
	memmove(feed->gaps + at + 1, feed->gaps + at,
		(feed->gaps_count - at) * sizeof(feed->gaps[0]));
	feed->gaps_count++;
	feed->gaps[at].last = id - 1;
	feed->gaps[at + 1].first = id + 1;
	return true;
}

/* The id is one of that gap. False: there are too many. */
static bool feed_close_id(struct feed *feed, unsigned at, int64_t id)
{
	struct feed_gap *gap = &feed->gaps[at];

	if (gap->first == gap->last)
		feed_remove_gaps(feed, at, 1);
	else if (id == gap->first)
		gap->first++;
	else if (id == gap->last)
		gap->last--;
	else
		return feed_split_gap(feed, at, id);
	return true;
}

/* The ids between the greatest and that one. False: there are too many. */
static bool feed_open_gap(struct feed *feed, int64_t id)
{
	if (id == feed->greatest + 1)
		return true;
	if (feed->gaps_count == FEED_GAPS_MAX)
		return false;
	feed->gaps[feed->gaps_count++] = (struct feed_gap){ feed->greatest + 1, id - 1 };
	return true;
}

/* --- rows and marks --------------------------------------------------------------------------- */

static void feed_touch(struct feed *feed, const struct feed_row *row, uint64_t lsn)
{
	if (!row->tags)
		stripes_touch(feed->stripes, STRIPES_TAG_ALL, lsn);
	for (size_t i = 0; row->tags && i < row->tags_count; i++)
		stripes_touch(feed->stripes, row->tags[i], lsn);
	feed->rows++;
}

/* False: there are too many gaps. */
static bool feed_take_row(struct feed *feed, const struct feed_row *row, uint64_t lsn)
{
	unsigned at = feed_gap_place(feed, row->id);

	if (row->id > feed->greatest) {
		if (!feed_open_gap(feed, row->id))
			return false;
		feed->greatest = row->id;
	} else if (at < feed->gaps_count && feed->gaps[at].first <= row->id) {
		if (!feed_close_id(feed, at, row->id))
			return false;
		feed->closed_by_row++;
	} else {
		return true;
	}
	feed_touch(feed, row, lsn);
	return true;
}

/* Up to which id is all that is missing rolled back? */
static int64_t feed_decided(const struct feed_answer *answer)
{
	return answer->mark.id >= 0 && answer->xmin > answer->mark.xid ? answer->mark.id : -1;
}

static void feed_close_by_mark(struct feed *feed, const struct feed_answer *answer)
{
	int64_t decided = feed_decided(answer);
	unsigned closed = feed_gap_place(feed, decided + 1);

	for (unsigned i = 0; i < closed; i++)
		feed->closed_by_mark += (uint64_t)(feed->gaps[i].last - feed->gaps[i].first + 1);
	feed_remove_gaps(feed, 0, closed);
	if (feed->gaps_count && feed->gaps[0].first <= decided) {
		feed->closed_by_mark += (uint64_t)(decided - feed->gaps[0].first + 1);
		feed->gaps[0].first = decided + 1;
	}
	if (answer->whole && feed->greatest < decided)
		feed->greatest = decided;
}

/*
 * The control: a gap counts as closed once a later snapshot's xmin has reached the xmax of the one
 * that it was found in.
 */
static void feed_close_by_xmax(struct feed *feed, const struct feed_answer *answer)
{
	static uint64_t found[FEED_GAPS_MAX];
	static int64_t firsts[FEED_GAPS_MAX];
	static unsigned count;
	unsigned kept = 0, known;

	for (unsigned i = 0; i < feed->gaps_count; i++) {
		for (known = 0; known < count && firsts[known] != feed->gaps[i].first; known++) {}
		if (known == count && count < FEED_GAPS_MAX) {
			firsts[count] = feed->gaps[i].first;
			found[count++] = answer->xmax;
		} else if (known < count && answer->xmin >= found[known]) {
			continue;
		}
		feed->gaps[kept++] = feed->gaps[i];
	}
	feed->gaps_count = kept;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* All at or below a mark that is decided is decided, and was there at the upper bound. */
static enum feed_next feed_begin(struct feed *feed, const struct feed_answer *answer)
{
	int64_t decided = feed_decided(answer);

	if (decided < answer->floor && answer->floor)
		decided = answer->floor;
	if (decided < 0 || !position_known(answer->upper))
		return FEED_NEXT_MARK;
	if (decided < feed->undecided && feed->timeline == answer->upper.timeline)
		return FEED_NEXT_MARK;
	feed->state = FEED_FOLLOWING;
	feed->timeline = answer->upper.timeline;
	feed->greatest = decided;
	feed->gaps_count = 0;
	feed->undecided = 0;
	stripes_begin(feed->stripes, answer->upper);
	return FEED_NEXT_MORE;
}

/* Were rows deleted that it had not seen? */
static bool feed_is_below_floor(const struct feed *feed, int64_t floor)
{
	return feed->greatest < floor || (feed->gaps_count && feed->gaps[0].first <= floor);
}

static enum feed_loss feed_take_rows(struct feed *feed, const struct feed_answer *answer)
{
	if (feed->timeline != answer->upper.timeline)
		return FEED_TIMELINE;
	if (CONTROL_FEED_FLOOR && feed_is_below_floor(feed, answer->floor))
		return FEED_FLOOR;
	for (size_t i = 0; i < answer->rows_count; i++)
		if (!feed_take_row(feed, &answer->rows[i], answer->upper.lsn))
			return FEED_GAPS;
	if (!CONTROL_FEED_GAPS)
		feed->gaps_count = 0;
	if (!CONTROL_FEED_MARKS)
		feed_close_by_xmax(feed, answer);
	else if (answer->gaps_whole)
		feed_close_by_mark(feed, answer);
	if (answer->whole)
		stripes_know(feed->stripes, answer->lower.lsn);
	return FEED_KEPT;
}

/* The greatest id that there is in what is known or in the answer. */
static int64_t feed_greatest(const struct feed *feed, const struct feed_answer *answer)
{
	int64_t last = answer->rows_count ? answer->rows[answer->rows_count - 1].id : 0;

	return last > feed->greatest ? last : feed->greatest;
}

enum feed_next feed_take(struct feed *feed, const struct feed_answer *answer, enum feed_loss *loss)
{
	assert(answer->lower.timeline == answer->upper.timeline);
	*loss = FEED_KEPT;
	if (feed->state == FEED_NEW)
		return feed_begin(feed, answer);
	*loss = feed_take_rows(feed, answer);
	if (*loss == FEED_KEPT)
		return answer->whole ? FEED_NEXT_WAIT : FEED_NEXT_MORE;
	feed_forget(feed);
	if (*loss != FEED_GAPS)
		return FEED_NEXT_MORE;
	feed->undecided = feed_greatest(feed, answer);
	return FEED_NEXT_MARK;
}
