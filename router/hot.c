/* SPDX-License-Identifier: Apache-2.0 */
/* A newcomer takes the place of the lightest, and its weight with it: an upper bound. */
#include "router/hot.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOT_HALF_LIFE_S 60.0
#define HOT_DECAY_EVERY_US US_PER_S
#define HOT_NOTHING 1e-3 /* requests that are none any more */

void hot_init(struct hot *hot, int64_t now_us)
{
	memset(hot, 0, sizeof(*hot));
	hot->decayed_us = now_us;
}

/* Its index; the count: it is not there. */
static unsigned hot_find(const struct hot_top *top, uint64_t hash, struct text name)
{
	unsigned at = 0;

	while (at < top->count &&
	       (top->hashes[at] != hash || !text_is(name, top->entries[at].name)))
		at++;
	return at;
}

static unsigned hot_lightest(const struct hot_top *top)
{
	unsigned lightest = 0;

	for (unsigned i = 1; i < top->count; i++)
		if (top->weights[i] < top->weights[lightest])
			lightest = i;
	return lightest;
}

static unsigned hot_enter(struct hot_top *top, uint64_t hash, struct text name)
{
	struct hot_entry *entry;
	unsigned at;

	assert(name.len <= HOT_NAME_BYTES_MAX);
	if (top->count < HOT_KEYS_MAX) {
		at = top->count++;
		top->weights[at] = 0;
	} else {
		at = hot_lightest(top);
	}
	entry = &top->entries[at];
	top->hashes[at] = hash;
	entry->requests = entry->db_s = 0;
	memcpy(entry->name, name.ptr, name.len);
	entry->name[name.len] = '\0';
	return at;
}

static void hot_charge_one(struct hot_top *top, struct text name, double db_s)
{
	uint64_t hash = hash_bytes(name.ptr, name.len, 0);
	unsigned at = hot_find(top, hash, name);

	if (at == top->count)
		at = hot_enter(top, hash, name);
	top->weights[at] += 1 + db_s * 1000;
	top->entries[at].requests += 1;
	top->entries[at].db_s += db_s;
}

void hot_charge(struct hot *hot, int64_t now_us, const struct text names[HOT_KINDS], int64_t db_us)
{
	double db_s = (double)db_us / (double)US_PER_S;

	hot_decay(hot, now_us);
	hot->requests += 1;
	hot->db_s += db_s;
	for (unsigned kind = 0; kind < HOT_KINDS; kind++)
		if (names[kind].ptr)
			hot_charge_one(&hot->tops[kind], names[kind], db_s);
}

static void hot_fade(struct hot_top *top, double factor)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < top->count; i++) {
		if (top->weights[i] * factor < HOT_NOTHING)
			continue;
		if (kept != i)
			top->entries[kept] = top->entries[i];
		top->hashes[kept] = top->hashes[i];
		top->weights[kept] = top->weights[i] * factor;
		top->entries[kept].requests *= factor;
		top->entries[kept].db_s *= factor;
		kept++;
	}
	top->count = kept;
}

void hot_decay(struct hot *hot, int64_t now_us)
{
	double passed_s = (double)(now_us - hot->decayed_us) / (double)US_PER_S, factor;

	if (now_us - hot->decayed_us < HOT_DECAY_EVERY_US)
		return;
	factor = exp2(-passed_s / HOT_HALF_LIFE_S);
	hot->decayed_us = now_us;
	/* Time fades like what was counted in it. */
	hot->window_s = hot->window_s * factor + (1 - factor) * HOT_HALF_LIFE_S / M_LN2;
	hot->requests *= factor;
	hot->db_s *= factor;
	for (unsigned kind = 0; kind < HOT_KINDS; kind++)
		hot_fade(&hot->tops[kind], factor);
}

/* --- the sum over loops ---------------------------------------------------------------------- */

void hot_sum_init(struct hot_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
}

void hot_sum_fini(struct hot_sum *sum)
{
	for (unsigned kind = 0; kind < HOT_KINDS; kind++)
		free(sum->lines[kind]);
}

static struct hot_line *hot_sum_line(struct hot_sum *sum, enum hot_kind kind, uint64_t hash,
				     const char *name)
{
	struct hot_line *line = sum->lines[kind];

	for (size_t i = 0; i < sum->counts[kind]; i++, line++)
		if (line->hash == hash && strcmp(line->entry.name, name) == 0)
			return line;
	*line = (struct hot_line){ .hash = hash };
	memcpy(line->entry.name, name, strlen(name) + 1);
	sum->counts[kind]++;
	return line;
}

static void hot_sum_top(struct hot_sum *sum, enum hot_kind kind, const struct hot_top *top,
			double window_s)
{
	sum->lines[kind] = realloc(sum->lines[kind],
				   (sum->counts[kind] + top->count + 1) * sizeof(struct hot_line));
	if (!sum->lines[kind])
		log_fatal("hot", "out of memory");
	for (unsigned i = 0; i < top->count; i++) {
		const struct hot_entry *from = &top->entries[i];
		struct hot_line *to = hot_sum_line(sum, kind, top->hashes[i], from->name);

		to->weight += top->weights[i] / window_s;
		to->entry.requests += from->requests / window_s;
		to->entry.db_s += from->db_s / window_s;
	}
}

void hot_sum_add(struct hot_sum *sum, const struct hot *hot)
{
	if (hot->window_s <= 0)
		return;
	if (hot->window_s > sum->window_s)
		sum->window_s = hot->window_s;
	sum->requests += hot->requests / hot->window_s;
	sum->db_s += hot->db_s / hot->window_s;
	for (unsigned kind = 0; kind < HOT_KINDS; kind++)
		hot_sum_top(sum, (enum hot_kind)kind, &hot->tops[kind], hot->window_s);
}

static int hot_compare(const void *a, const void *b)
{
	const struct hot_line *left = a, *right = b;

	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	return strcmp(left->entry.name, right->entry.name);
}

void hot_sum_sort(struct hot_sum *sum)
{
	for (unsigned kind = 0; kind < HOT_KINDS; kind++)
		if (sum->counts[kind])
			qsort(sum->lines[kind], sum->counts[kind], sizeof(struct hot_line),
			      hot_compare);
}
