/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a position, by switch points; a history file's lines. */
#include "router/cluster/history.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* Where, at the latest, the way to the present left that timeline or the branch it grew from. */
static uint64_t history_bound(const struct history *history, uint32_t timeline, bool *listed)
{
	uint64_t bound = UINT64_MAX;

	*listed = false;
	for (unsigned i = history->count; i-- > 0;) {
		const struct history_switch *point = &history->switches[i];

		if (point->lsn < bound)
			bound = point->lsn;
		if (point->timeline <= timeline) {
			*listed = point->timeline == timeline;
			break;
		}
	}
	return bound;
}

enum fate history_fate(const struct history *history, struct position position)
{
	uint64_t bound;
	bool listed;

	if (!history->timeline || !position.timeline)
		return FATE_UNKNOWN;
	if (position.timeline == history->timeline)
		return FATE_CURRENT;
	if (position.timeline > history->timeline)
		return FATE_NEWER;
	bound = history_bound(history, position.timeline, &listed);
	if (position.lsn > bound)
		return FATE_LOST;
	/* Before the bound, but on a branch whose beginning is not known. */
	return listed ? FATE_SURVIVED : FATE_UNKNOWN;
}

struct position history_translate(const struct history *history, struct position position)
{
	enum fate fate = history_fate(history, position);

	assert(fate == FATE_CURRENT || fate == FATE_SURVIVED);
	return (struct position){ history->timeline, position.lsn };
}

bool history_agrees(const struct history *a, const struct history *b)
{
	unsigned x = a->count, y = b->count;

	if (a->timeline != b->timeline)
		return false;
	/* One may reach further back than the other. */
	while (x > 0 && y > 0) {
		x--;
		y--;
		if (a->switches[x].timeline != b->switches[y].timeline ||
		    a->switches[x].lsn != b->switches[y].lsn)
			return false;
	}
	return !(x > 0 && b->complete) && !(y > 0 && a->complete);
}

static struct text history_word(struct text *line)
{
	struct text word;
	size_t at = 0;

	while (line->len > 0 && isspace((unsigned char)*line->ptr)) {
		line->ptr++;
		line->len--;
	}
	while (at < line->len && !isspace((unsigned char)line->ptr[at]))
		at++;
	word = (struct text){ line->ptr, at };
	line->ptr += at;
	line->len -= at;
	return word;
}

static bool history_timeline(struct text word, uint32_t *timeline)
{
	uint64_t number = 0;

	if (word.len == 0 || word.len > 10)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (!isdigit((unsigned char)word.ptr[i]))
			return false;
		number = number * 10 + (uint64_t)(word.ptr[i] - '0');
	}
	*timeline = (uint32_t)number;
	return number > 0 && number <= UINT32_MAX;
}

static void history_add(struct history *history, struct history_switch point)
{
	if (history->count == HISTORY_SWITCHES_MAX) {
		memmove(&history->switches[0], &history->switches[1],
			(HISTORY_SWITCHES_MAX - 1) * sizeof(point));
		history->count--;
		history->complete = false;
	}
	history->switches[history->count++] = point;
}

static bool history_line(struct history *history, struct text line)
{
	struct history_switch point;
	struct text word = history_word(&line);
	uint32_t last = history->count ? history->switches[history->count - 1].timeline : 0;

	if (word.len == 0 || word.ptr[0] == '#')
		return true;
	if (!history_timeline(word, &point.timeline) || !lsn_parse(history_word(&line), &point.lsn))
		return false;
	if (point.timeline <= last || point.timeline >= history->timeline || !point.lsn)
		return false;
	history_add(history, point);
	return true;
}

bool history_read(struct history *history, uint32_t timeline, struct text file)
{
	*history = (struct history){ .timeline = timeline, .complete = true };
	while (file.len > 0) {
		const char *end = memchr(file.ptr, '\n', file.len);
		size_t len = end ? (size_t)(end - file.ptr) : file.len;

		if (!history_line(history, (struct text){ file.ptr, len }))
			return false;
		file.ptr += end ? len + 1 : len;
		file.len -= end ? len + 1 : len;
	}
	return timeline == 1 ? history->count == 0 : history->count > 0;
}
