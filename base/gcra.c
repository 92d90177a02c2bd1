/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each change of a place raises its TAT: a key's own request adds to it, and a place changes hands
 * only when its TAT is over, for one that is not. Hence
 *
 *  - a place that shows the same TAT before and after its key was read has not changed in between;
 *  - two threads never give one key two places. Both try the place with the least TAT (of equal
 *    ones the first). Say one took m, then the other n. At m the other read a TAT no greater than
 *    what the first one replaced, or it would have found the key there; at n the first one read a
 *    TAT no greater than what the other replaced. Each preferred its own: m <= n and n <= m, so
 *    they were equal, and the same place.
 */
#include "base/gcra.h"

#include "base/log.h"

#include <assert.h>
#include <ck_pr.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef CK_F_PR_CAS_64_2
#error "no compare-and-swap of 16 bytes on this machine"
#endif

struct gcra_slot {
	_Alignas(16) _Atomic uint64_t key; /* 0: free */
	_Atomic int64_t tat_ns;
};

static_assert(sizeof(struct gcra_slot) == 16, "a key takes 16 bytes");

struct gcra_table {
	struct gcra_slot *slots;
	size_t bytes;
	uint64_t mask; /* of groups of GCRA_WAYS slots */
};

struct gcra_table *gcra_table_new(size_t slots)
{
	struct gcra_table *table = calloc(1, sizeof(*table));
	size_t groups = 1;

	while (groups * GCRA_WAYS < slots)
		groups *= 2;
	if (!table)
		log_fatal("gcra", "out of memory");
	table->bytes = groups * GCRA_WAYS * sizeof(table->slots[0]);
	table->mask = groups - 1;
	table->slots = mmap(NULL, table->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	if (table->slots == MAP_FAILED)
		log_fatal("gcra", "no memory for %zu keys", slots);
	return table;
}

void gcra_table_free(struct gcra_table *table)
{
	munmap(table->slots, table->bytes);
	free(table);
}

/* What a slot held at one moment. */
struct gcra_seen {
	uint64_t key;
	int64_t tat_ns;
};

static struct gcra_seen gcra_read(const struct gcra_slot *slot)
{
	struct gcra_seen seen;

	do {
		seen.tat_ns = atomic_load_explicit(&slot->tat_ns, memory_order_acquire);
		seen.key = atomic_load_explicit(&slot->key, memory_order_acquire);
	} while (atomic_load_explicit(&slot->tat_ns, memory_order_relaxed) != seen.tat_ns);
	return seen;
}

/* The key's own slot, or else the one with the least TAT. */
static struct gcra_slot *gcra_find(const struct gcra_table *table, uint64_t key,
				   struct gcra_seen *seen)
{
	struct gcra_slot *group = &table->slots[(key & table->mask) * GCRA_WAYS];
	struct gcra_slot *least = NULL;

	for (unsigned i = 0; i < GCRA_WAYS; i++) {
		struct gcra_seen one = gcra_read(&group[i]);

		if (one.key != key && least && one.tat_ns >= seen->tat_ns)
			continue;
		least = &group[i];
		*seen = one;
		if (one.key == key)
			break;
	}
	return least;
}

static struct gcra_answer gcra_judge(const struct gcra_seen *seen, uint64_t key, int64_t now_ns,
				     int64_t cost_ns, int64_t burst_ns)
{
	struct gcra_answer answer = { GCRA_ALLOWED, seen->tat_ns };

	if (seen->key != key && seen->tat_ns >= now_ns)
		answer = (struct gcra_answer){ GCRA_UNKNOWN, now_ns };
	else if (seen->key != key)
		answer.tat_ns = 0;
	else if (gcra_next(seen->tat_ns, now_ns, cost_ns) - now_ns > burst_ns)
		answer.verdict = GCRA_DENIED;
	return answer;
}

static uint64_t gcra_key(uint64_t key)
{
	return key ? key : 1;
}

struct gcra_answer gcra_peek(const struct gcra_table *table, uint64_t key, int64_t now_ns,
			     int64_t cost_ns, int64_t burst_ns)
{
	struct gcra_seen seen;

	key = gcra_key(key);
	(void)gcra_find(table, key, &seen);
	return gcra_judge(&seen, key, now_ns, cost_ns, burst_ns);
}

static bool gcra_replace(struct gcra_slot *slot, const struct gcra_seen *seen, uint64_t key,
			 int64_t tat_ns)
{
	uint64_t old[2] = { seen->key, (uint64_t)seen->tat_ns };
	uint64_t new[2] = { key, (uint64_t)tat_ns };

	assert(tat_ns > seen->tat_ns);
	return ck_pr_cas_64_2((uint64_t *)(void *)slot, old, new);
}

struct gcra_answer gcra_take(struct gcra_table *table, uint64_t key, int64_t now_ns,
			     int64_t cost_ns, int64_t burst_ns)
{
	struct gcra_answer answer;
	struct gcra_slot *slot;
	struct gcra_seen seen;
	int64_t tat_ns;

	assert(cost_ns > 0);
	assert(cost_ns <= burst_ns);
	key = gcra_key(key);
	/* A failure means that another thread got through. */
	do {
		slot = gcra_find(table, key, &seen);
		answer = gcra_judge(&seen, key, now_ns, cost_ns, burst_ns);
		if (answer.verdict != GCRA_ALLOWED)
			return answer;
		tat_ns = gcra_next(answer.tat_ns, now_ns, cost_ns);
	} while (!gcra_replace(slot, &seen, key, tat_ns));
	answer.tat_ns = tat_ns;
	return answer;
}

int64_t gcra_wait_ns(int64_t tat_ns, int64_t now_ns, int64_t cost_ns, int64_t burst_ns)
{
	int64_t wait_ns = gcra_next(tat_ns, now_ns, cost_ns) - now_ns - burst_ns;

	return wait_ns > 0 ? wait_ns : 0;
}

int64_t gcra_left(struct gcra_rate rate, int64_t tat_ns, int64_t now_ns, int64_t *next_ns)
{
	int64_t left_ns = rate.burst_ns - (tat_ns > now_ns ? tat_ns - now_ns : 0);
	int64_t left;

	/* A thread whose clock is behind sees a TAT that is too far ahead. */
	left = left_ns > 0 ? left_ns / rate.unit_ns : 0;
	*next_ns = left_ns >= rate.burst_ns ? 0 : (left + 1) * rate.unit_ns - left_ns;
	return left;
}
