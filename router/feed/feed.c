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

/* Where the id is among the gaps, or would be. */
static unsigned feed_gap_place(const struct feed *feed, int64_t id)
{
	unsigned from = 0, to = feed->gaps_count;

	while (from < to) {
		unsigned middle = from + (to - from) / 2;

		if (feed->gaps[middle] < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* False: it was none. */
static bool feed_close_gap(struct feed *feed, int64_t id)
{
	unsigned at = feed_gap_place(feed, id);

	if (at == feed->gaps_count || feed->gaps[at] != id)
		return false;
	memmove(feed->gaps + at, feed->gaps + at + 1,
		(feed->gaps_count - at - 1) * sizeof(feed->gaps[0]));
	feed->gaps_count--;
	return true;
}

/* The ids between the greatest and that one. False: they are too many. */
static bool feed_open_gaps(struct feed *feed, int64_t id)
{
	if (id - feed->greatest - 1 > FEED_GAPS_MAX - (int64_t)feed->gaps_count)
		return false;
	for (int64_t gap = feed->greatest + 1; gap < id; gap++)
		feed->gaps[feed->gaps_count++] = gap;
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
	if (row->id <= feed->greatest) {
		if (!feed_close_gap(feed, row->id))
			return true;
		feed->closed_by_row++;
	} else {
		if (!feed_open_gaps(feed, row->id))
			return false;
		feed->greatest = row->id;
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

	memmove(feed->gaps, feed->gaps + closed,
		(feed->gaps_count - closed) * sizeof(feed->gaps[0]));
	feed->gaps_count -= closed;
	feed->closed_by_mark += closed;
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
	static int64_t ids[FEED_GAPS_MAX];
	static unsigned count;
	unsigned kept = 0, known;

	for (unsigned i = 0; i < feed->gaps_count; i++) {
		for (known = 0; known < count && ids[known] != feed->gaps[i]; known++) {}
		if (known == count && count < FEED_GAPS_MAX) {
			ids[count] = feed->gaps[i];
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
	feed->state = FEED_FOLLOWING;
	feed->timeline = answer->upper.timeline;
	feed->greatest = decided;
	feed->gaps_count = 0;
	stripes_begin(feed->stripes, answer->upper);
	return FEED_NEXT_MORE;
}

/* Were rows deleted that it had not seen? */
static bool feed_is_below_floor(const struct feed *feed, int64_t floor)
{
	return feed->greatest < floor || (feed->gaps_count && feed->gaps[0] <= floor);
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
	if (CONTROL_FEED_MARKS)
		feed_close_by_mark(feed, answer);
	else
		feed_close_by_xmax(feed, answer);
	if (answer->whole)
		stripes_know(feed->stripes, answer->lower.lsn);
	return FEED_KEPT;
}

enum feed_next feed_take(struct feed *feed, const struct feed_answer *answer, enum feed_loss *loss)
{
	assert(answer->lower.timeline == answer->upper.timeline);
	*loss = FEED_KEPT;
	if (feed->state == FEED_NEW)
		return feed_begin(feed, answer);
	*loss = feed_take_rows(feed, answer);
	if (*loss != FEED_KEPT) {
		feed_forget(feed);
		return FEED_NEXT_MORE;
	}
	return answer->whole ? FEED_NEXT_WAIT : FEED_NEXT_MORE;
}
