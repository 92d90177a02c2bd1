/* SPDX-License-Identifier: Apache-2.0 */
/* A newcomer takes the place of the lightest, and its weight with it: an upper bound. */
#include "router/heavy_hitters.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEAVY_HITTERS_HALF_LIFE_S 60.0
#define HEAVY_HITTERS_DECAY_EVERY_US US_PER_S
#define HEAVY_HITTERS_NOTHING 1e-3 /* requests that are none any more */

void heavy_hitters_init(struct heavy_hitters *hitters, int64_t now_us)
{
	memset(hitters, 0, sizeof(*hitters));
	hitters->decayed_us = now_us;
}

/* Its index; the count: it is not there. */
static unsigned heavy_hitters_find(const struct heavy_hitters_top *top, uint64_t hash,
				   struct text name)
{
	unsigned at = 0;

	while (at < top->count &&
	       (top->hashes[at] != hash || !text_is(name, top->entries[at].name)))
		at++;
	return at;
}

static unsigned heavy_hitters_lightest(const struct heavy_hitters_top *top)
{
	unsigned lightest = 0;

	for (unsigned i = 1; i < top->count; i++)
		if (top->weights[i] < top->weights[lightest])
			lightest = i;
	return lightest;
}

static unsigned heavy_hitters_enter(struct heavy_hitters_top *top, uint64_t hash, struct text name)
{
	struct heavy_hitters_entry *entry;
	unsigned at;

	assert(name.len <= HEAVY_HITTERS_NAME_BYTES_MAX);
	if (top->count < HEAVY_HITTERS_KEYS_MAX) {
		at = top->count++;
		top->weights[at] = 0;
	} else {
		at = heavy_hitters_lightest(top);
	}
	entry = &top->entries[at];
	top->hashes[at] = hash;
	entry->requests = entry->db_s = 0;
	memcpy(entry->name, name.ptr, name.len);
	entry->name[name.len] = '\0';
	return at;
}

static void heavy_hitters_charge_one(struct heavy_hitters_top *top, struct text name, double db_s)
{
	uint64_t hash = hash_bytes(name.ptr, name.len, 0);
	unsigned at = heavy_hitters_find(top, hash, name);

	if (at == top->count)
		at = heavy_hitters_enter(top, hash, name);
	top->weights[at] += 1 + db_s * 1000;
	top->entries[at].requests += 1;
	top->entries[at].db_s += db_s;
}

void heavy_hitters_charge(struct heavy_hitters *hitters, int64_t now_us,
			  const struct text names[HEAVY_HITTERS_KINDS], int64_t db_us)
{
	double db_s = (double)db_us / (double)US_PER_S;

	heavy_hitters_decay(hitters, now_us);
	hitters->requests += 1;
	hitters->db_s += db_s;
	for (unsigned kind = 0; kind < HEAVY_HITTERS_KINDS; kind++)
		if (names[kind].ptr)
			heavy_hitters_charge_one(&hitters->tops[kind], names[kind], db_s);
}

static void heavy_hitters_fade(struct heavy_hitters_top *top, double factor)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < top->count; i++) {
		if (top->weights[i] * factor < HEAVY_HITTERS_NOTHING)
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

void heavy_hitters_decay(struct heavy_hitters *hitters, int64_t now_us)
{
	double passed_s = (double)(now_us - hitters->decayed_us) / (double)US_PER_S, factor;

	if (now_us - hitters->decayed_us < HEAVY_HITTERS_DECAY_EVERY_US)
		return;
	factor = exp2(-passed_s / HEAVY_HITTERS_HALF_LIFE_S);
	hitters->decayed_us = now_us;
	/* Time fades like what was counted in it. */
	hitters->window_s =
		hitters->window_s * factor + (1 - factor) * HEAVY_HITTERS_HALF_LIFE_S / M_LN2;
	hitters->requests *= factor;
	hitters->db_s *= factor;
	for (unsigned kind = 0; kind < HEAVY_HITTERS_KINDS; kind++)
		heavy_hitters_fade(&hitters->tops[kind], factor);
}

/* --- the sum over loops ---------------------------------------------------------------------- */

void heavy_hitters_sum_init(struct heavy_hitters_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
}

void heavy_hitters_sum_fini(struct heavy_hitters_sum *sum)
{
	for (unsigned kind = 0; kind < HEAVY_HITTERS_KINDS; kind++)
		free(sum->lines[kind]);
}

static struct heavy_hitters_line *heavy_hitters_sum_line(struct heavy_hitters_sum *sum,
							 enum heavy_hitters_kind kind,
							 uint64_t hash, const char *name)
{
	struct heavy_hitters_line *line = sum->lines[kind];

	for (size_t i = 0; i < sum->counts[kind]; i++, line++)
		if (line->hash == hash && strcmp(line->entry.name, name) == 0)
			return line;
	*line = (struct heavy_hitters_line){ .hash = hash };
	memcpy(line->entry.name, name, strlen(name) + 1);
	sum->counts[kind]++;
	return line;
}

static void heavy_hitters_sum_top(struct heavy_hitters_sum *sum, enum heavy_hitters_kind kind,
				  const struct heavy_hitters_top *top, double window_s)
{
	sum->lines[kind] = realloc(sum->lines[kind], (sum->counts[kind] + top->count + 1) *
							     sizeof(struct heavy_hitters_line));
	if (!sum->lines[kind])
		log_fatal("hot", "out of memory");
	for (unsigned i = 0; i < top->count; i++) {
		const struct heavy_hitters_entry *from = &top->entries[i];
		struct heavy_hitters_line *to =
			heavy_hitters_sum_line(sum, kind, top->hashes[i], from->name);

		to->weight += top->weights[i] / window_s;
		to->entry.requests += from->requests / window_s;
		to->entry.db_s += from->db_s / window_s;
	}
}

void heavy_hitters_sum_add(struct heavy_hitters_sum *sum, const struct heavy_hitters *hitters)
{
	if (hitters->window_s <= 0)
		return;
	if (hitters->window_s > sum->window_s)
		sum->window_s = hitters->window_s;
	sum->requests += hitters->requests / hitters->window_s;
	sum->db_s += hitters->db_s / hitters->window_s;
	for (unsigned kind = 0; kind < HEAVY_HITTERS_KINDS; kind++)
		heavy_hitters_sum_top(sum, (enum heavy_hitters_kind)kind, &hitters->tops[kind],
				      hitters->window_s);
}

static int heavy_hitters_compare(const void *a, const void *b)
{
	const struct heavy_hitters_line *left = a, *right = b;

	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	return strcmp(left->entry.name, right->entry.name);
}

void heavy_hitters_sum_sort(struct heavy_hitters_sum *sum)
{
	for (unsigned kind = 0; kind < HEAVY_HITTERS_KINDS; kind++)
		if (sum->counts[kind])
			qsort(sum->lines[kind], sum->counts[kind],
			      sizeof(struct heavy_hitters_line), heavy_hitters_compare);
}
