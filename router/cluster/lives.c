/* SPDX-License-Identifier: Apache-2.0 */
/* Words of one text; a life's place among others. */
#include "router/cluster/lives.h"

#include "base/position.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIVES_ASKED "33" /* one more than is kept shows that an older one is missing */

static_assert(LIVES_MAX == 32, "as many are asked for, and one more");

const char lives_query[] =
	"SELECT coalesce(string_agg(concat_ws(' ', mark, timeline, started, began), ';'"
	" ORDER BY number), '') AS lives FROM (SELECT * FROM cqrsd.log_life"
	" ORDER BY number DESC LIMIT " LIVES_ASKED ") AS newest";

/*
 * Recovery ends behind the last record that was replayed. A server that began without recovery was
 * stopped cleanly: its log ended with the record of its last checkpoint, of 120 bytes, and the
 * header of a page amid them of 40 at most.
 */
const char lives_begin_command[] =
	"WITH here AS MATERIALIZED (SELECT set_config('synchronous_commit', 'local', true))"
	" INSERT INTO cqrsd.log_life (mark, timeline, started, began) SELECT"
	" greatest(1, ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 8))"
	"::bit(32)::bigint),"
	" ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::bigint,"
	" (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"
	" coalesce(pg_last_wal_replay_lsn(),"
	" (SELECT checkpoint_lsn + 160 FROM pg_control_checkpoint())) FROM here"
	" ON CONFLICT DO NOTHING";

/* Digits up to the stop, and the stop, are taken off the front. */
static bool lives_number(struct text *text, char stop, uint64_t max, uint64_t *number)
{
	size_t digits = 0;

	*number = 0;
	for (; digits < text->len && text->ptr[digits] != stop; digits++) {
		char digit = text->ptr[digits];

		if (digit < '0' || digit > '9' || digits == 19)
			return false;
		*number = *number * 10 + (uint64_t)(digit - '0');
	}
	if (digits == 0 || digits == text->len || *number > max)
		return false;
	text->ptr += digits + 1;
	text->len -= digits + 1;
	return true;
}

static bool lives_read_one(struct life *life, struct text item)
{
	uint64_t mark, timeline, started;

	if (!lives_number(&item, ' ', UINT32_MAX, &mark) || !mark ||
	    !lives_number(&item, ' ', UINT32_MAX, &timeline) ||
	    !lives_number(&item, ' ', INT64_MAX, &started))
		return false;
	*life = (struct life){ .mark = (uint32_t)mark,
			       .timeline = (uint32_t)timeline,
			       .started_us = (int64_t)started };
	return lsn_parse(item, &life->began);
}

static void lives_add(struct lives *lives, struct life life)
{
	if (lives->count == LIVES_MAX) {
		memmove(&lives->items[0], &lives->items[1], (LIVES_MAX - 1) * sizeof(life));
		lives->count--;
		lives->whole = false;
	}
	lives->items[lives->count++] = life;
}

bool lives_read(struct lives *lives, struct text row)
{
	static const char before[] = "{\"lives\":\"", after[] = "\"}";
	const size_t around = sizeof(before) - 1 + sizeof(after) - 1;
	struct text rest;

	*lives = (struct lives){ .whole = true };
	if (row.len < around || memcmp(row.ptr, before, sizeof(before) - 1) != 0 ||
	    memcmp(row.ptr + row.len - (sizeof(after) - 1), after, sizeof(after) - 1) != 0)
		return false;
	rest = (struct text){ row.ptr + sizeof(before) - 1, row.len - around };
	while (rest.len) {
		const char *end = memchr(rest.ptr, ';', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
		struct life life;

		if (!lives_read_one(&life, (struct text){ rest.ptr, len }) ||
		    (end && len + 1 == rest.len))
			return false;
		lives_add(lives, life);
		rest.ptr += end ? len + 1 : len;
		rest.len -= end ? len + 1 : len;
	}
	return true;
}

int lives_find(const struct lives *lives, uint32_t mark)
{
	for (unsigned i = lives->count; i-- > 0;)
		if (lives->items[i].mark == mark)
			return (int)i;
	return -1;
}

bool lives_end_with(const struct lives *lives, uint32_t timeline, int64_t started_us)
{
	const struct life *last = lives_last(lives);

	return last && last->timeline == timeline && last->started_us == started_us;
}

uint32_t lives_mark(const struct lives *lives, uint64_t lsn)
{
	for (unsigned i = lives->count; i-- > 0;)
		if (lsn > lives->items[i].began)
			return lives->items[i].mark;
	return 0;
}

/* Where the life after that one began; UINT64_MAX: there is none. */
static uint64_t lives_end(const struct lives *lives, unsigned index)
{
	return index + 1 < lives->count ? lives->items[index + 1].began : UINT64_MAX;
}

enum fate lives_fate(const struct lives *lives, uint32_t mark, uint64_t lsn)
{
	int index = lives_find(lives, mark);

	if (index < 0)
		return FATE_UNKNOWN;
	return lsn > lives_end(lives, (unsigned)index) ? FATE_LOST : FATE_SURVIVED;
}

bool lives_should_have(const struct lives *lives, uint32_t mark, uint64_t lsn)
{
	return mark && lives->count && (lives->whole || lsn > lives->items[0].began);
}

bool lives_are_gone(const struct lives_gone *gone, uint32_t mark)
{
	for (unsigned i = 0; i < LIVES_GONE_MAX; i++)
		if (mark && gone->marks[i] == mark)
			return true;
	return false;
}

void lives_follow(struct lives_gone *gone, const struct lives *before, const struct lives *after)
{
	for (unsigned i = 0; i < LIVES_GONE_MAX; i++)
		if (lives_find(after, gone->marks[i]) >= 0)
			gone->marks[i] = 0;
	for (unsigned i = 0; i < before->count; i++) {
		uint32_t mark = before->items[i].mark;

		if (lives_should_have(after, mark, before->items[i].began) &&
		    lives_find(after, mark) < 0 && !lives_are_gone(gone, mark))
			gone->marks[gone->count++ % LIVES_GONE_MAX] = mark;
	}
}

bool lives_parting_lacks(const struct lives_parting *parting, uint64_t known, uint64_t whole)
{
	return parting->lsn < (parting->went_on ? known : whole);
}

bool lives_part(const struct lives *first, const struct lives *second,
		struct lives_parting *parting)
{
	for (unsigned i = first->count; i-- > 0;) {
		int found = lives_find(second, first->items[i].mark);
		unsigned at = (unsigned)found;
		uint64_t one, other;

		if (found < 0)
			continue;
		one = lives_end(first, i);
		other = lives_end(second, at);
		*parting = (struct lives_parting){
			.lsn = one < other ? one : other,
			.went_on = i + 1 < first->count,
			.timeline = at + 1 < second->count ? second->items[at + 1].timeline : 0,
		};
		return true;
	}
	return false;
}
