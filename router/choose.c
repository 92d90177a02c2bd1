/* SPDX-License-Identifier: Apache-2.0 */
/* Which node a query goes to; no state, no clock, no chance but the random bits in the needs. */
#include "router/choose.h"

#include "base/clock.h"
#include "base/hash.h"

#include <assert.h>
#include <stddef.h>

/* Everything a choice is made from. */
struct choosing {
	const struct topology *topology;
	const struct node_use *uses;
	const struct query_needs *needs;
	int64_t now_us;
};

enum { CHOOSE_NONE = -1 };

/* A forecast beyond this is as good as none. */
#define FORECAST_US_MAX (60 * US_PER_S)

static struct choice choose_place(unsigned node, enum reason reason, bool must_prove)
{
	return (struct choice){
		.kind = CHOICE_PLACE,
		.node = node,
		.reason = reason,
		.must_prove = must_prove,
		.outcome = OUTCOME_OK,
	};
}

static struct choice choose_refuse(enum outcome outcome, int64_t retry_after_us)
{
	return (struct choice){
		.kind = CHOICE_REFUSE,
		.outcome = outcome,
		.retry_after_us = retry_after_us == CLOCK_NEVER ? 0 : retry_after_us,
	};
}

/* Is there a primary that this query may still ask? */
static bool choose_primary_answers(const struct choosing *c)
{
	int primary = c->topology->primary;

	return primary >= 0 && node_is_up(&c->topology->nodes[primary]) &&
	       !c->uses[primary].avoid && !c->uses[primary].broken_us;
}

/* How long the primary's breaker, and nothing else, keeps it from answering; 0: it does not. */
static int64_t choose_primary_broken_us(const struct choosing *c)
{
	int primary = c->topology->primary;

	if (primary < 0 || !node_is_up(&c->topology->nodes[primary]) || c->uses[primary].avoid)
		return 0;
	return c->uses[primary].broken_us;
}

static struct choice choose_primary(const struct choosing *c, enum reason reason)
{
	if (choose_primary_broken_us(c))
		return choose_refuse(OUTCOME_BREAKER_OPEN, choose_primary_broken_us(c));
	if (!choose_primary_answers(c))
		return choose_refuse(OUTCOME_NO_PRIMARY, 0);
	return choose_place((unsigned)c->topology->primary, reason, false);
}

static bool choose_in_rotation(const struct choosing *c, unsigned i)
{
	const struct node_view *node = &c->topology->nodes[i];

	return node->role == NODE_REPLICA && node->in_rotation && !c->uses[i].avoid;
}

static bool choose_recent(const struct choosing *c, unsigned i)
{
	int64_t seen_us = c->topology->nodes[i].lag_seen_us;

	return c->needs->staleness_us_max < 0 ||
	       (seen_us && c->now_us - seen_us <= c->needs->staleness_us_max);
}

static uint64_t choose_replayed(const struct choosing *c, unsigned i)
{
	uint64_t looked = c->topology->nodes[i].position.lsn;

	return c->uses[i].replayed > looked ? c->uses[i].replayed : looked;
}

/* 0: it is there. A required position of another timeline is never known to be reached. */
static int64_t choose_forecast(const struct choosing *c, unsigned i)
{
	const struct node_view *node = &c->topology->nodes[i];
	struct position required = c->needs->required;

	if (c->needs->required_unknown)
		return CLOCK_NEVER;
	if (!position_known(required))
		return 0;
	if (node->position.timeline != required.timeline)
		return CLOCK_NEVER;
	return forecast_us(node, choose_replayed(c, i), required.lsn, c->now_us);
}

static bool choose_reached(const struct choosing *c, unsigned i)
{
	struct position required = c->needs->required;

	if (c->needs->required_unknown)
		return false;
	return !position_known(required) ||
	       (c->topology->nodes[i].position.timeline == required.timeline &&
		choose_replayed(c, i) >= required.lsn);
}

bool choose_is_reached(const struct topology *topology, const struct node_use *uses,
		       const struct query_needs *needs)
{
	const struct choosing c = { .topology = topology, .uses = uses, .needs = needs };

	for (unsigned i = 0; i < topology->count; i++)
		if (choose_in_rotation(&c, i) && !uses[i].broken_us && choose_reached(&c, i))
			return true;
	return false;
}

int64_t forecast_us(const struct node_view *node, uint64_t replayed, uint64_t lsn, int64_t now_us)
{
	double left_us;

	if (replayed >= lsn)
		return 0;
	if (!node_is_up(node) || node->paused)
		return CLOCK_NEVER;
	if (node->replay_rate <= 0)
		return 0;
	left_us = (double)(lsn - replayed) / node->replay_rate;
	/* What was replayed since the last status is not known, but likely; a newer proof says it
	 * all. */
	if (replayed <= node->position.lsn && now_us > node->seen_us)
		left_us -= (double)(now_us - node->seen_us);
	if (left_us <= 0)
		return 0;
	return left_us < (double)FORECAST_US_MAX ? (int64_t)left_us + 1 : CLOCK_NEVER;
}

/* Those that have just returned sit out some of the picks, as long as another one can be picked. */
static uint32_t choose_started_of(const struct choosing *c, uint32_t set)
{
	uint32_t started = set;

	for (unsigned i = 0; i < c->topology->count; i++)
		if (set & 1u << i && hash_mix(c->needs->random, i + 1) % 100 < c->uses[i].held_back)
			started &= ~(1u << i);
	return started ? started : set;
}

/*
 * The less loaded of the two that rendezvous hashing (Thaler and Ravishankar) ranks first among the
 * nodes of the set, a bit each; the first when both are equal.
 */
static int choose_of_two(const struct choosing *c, uint32_t set)
{
	uint64_t key = c->needs->user_hash ? c->needs->user_hash : c->needs->random;
	uint64_t best_rank = 0, next_rank = 0;
	int best = CHOOSE_NONE, next = CHOOSE_NONE;

	set = choose_started_of(c, set);
	for (unsigned i = 0; i < c->topology->count; i++) {
		uint64_t rank = hash_mix(key, i + 1);

		if (!(set & 1u << i))
			continue;
		if (best == CHOOSE_NONE || rank > best_rank) {
			next = best;
			next_rank = best_rank;
			best = (int)i;
			best_rank = rank;
		} else if (next == CHOOSE_NONE || rank > next_rank) {
			next = (int)i;
			next_rank = rank;
		}
	}
	return next != CHOOSE_NONE && c->uses[next].load < c->uses[best].load ? next : best;
}

/* Those that may answer: all of the candidates that are recent enough. */
static uint32_t choose_recent_of(const struct choosing *c, uint32_t set)
{
	for (unsigned i = 0; i < c->topology->count; i++)
		if (set & 1u << i && !choose_recent(c, i))
			set &= ~(1u << i);
	return set;
}

/* Those with the best forecast, and that forecast. */
static uint32_t choose_soonest_of(const struct choosing *c, uint32_t set, int64_t *soonest_us)
{
	uint32_t soonest = 0;

	*soonest_us = CLOCK_NEVER;
	for (unsigned i = 0; i < c->topology->count; i++) {
		int64_t us = set & 1u << i ? choose_forecast(c, i) : CLOCK_NEVER;

		if (us == CLOCK_NEVER || us > *soonest_us)
			continue;
		soonest = us < *soonest_us ? 1u << i : soonest | 1u << i;
		*soonest_us = us;
	}
	return soonest;
}

/* A replica of the set that is fresh, or will be in time. False: there is none. */
static bool choose_fresh(const struct choosing *c, uint32_t set, struct choice *choice)
{
	bool proof = position_known(c->needs->required);
	uint32_t reached = 0, soonest;
	int64_t soonest_us;

	set = choose_recent_of(c, set);
	for (unsigned i = 0; i < c->topology->count; i++)
		if (set & 1u << i && choose_reached(c, i))
			reached |= 1u << i;
	if (reached) {
		*choice = choose_place(
			(unsigned)choose_of_two(c, reached),
			c->needs->level == LEVEL_EVENTUAL ? REASON_ANY : REASON_FRESH, proof);
		return true;
	}
	soonest = choose_soonest_of(c, set, &soonest_us);
	if (!soonest || c->needs->wait_us_left <= 0 || soonest_us > c->needs->wait_us_left)
		return false;
	*choice = choose_place((unsigned)choose_of_two(c, soonest), REASON_VERIFIED_LATE, proof);
	return true;
}

/* The one furthest ahead of those recent enough for a stale answer. */
static int choose_stale(const struct choosing *c, uint32_t set)
{
	int best = CHOOSE_NONE;

	set = choose_recent_of(c, set);
	for (unsigned i = 0; i < c->topology->count; i++) {
		struct position here = c->topology->nodes[i].position, there;

		if (!(set & 1u << i))
			continue;
		here.lsn = choose_replayed(c, i);
		if (best != CHOOSE_NONE) {
			there = c->topology->nodes[best].position;
			there.lsn = choose_replayed(c, (unsigned)best);
		}
		if (best == CHOOSE_NONE || position_compare(here, there) > 0)
			best = (int)i;
	}
	return best;
}

/* The replicas in rotation, a bit each. */
struct replicas {
	uint32_t set;       /* that may be asked */
	uint32_t full;      /* those that had no room: not of the set */
	uint32_t connected; /* of these, those with a conn */
	uint32_t early;     /* and those where the query came too early */
	uint32_t broken;    /* that are left alone: not of the set */
};

static unsigned choose_count(uint32_t set)
{
	return (unsigned)__builtin_popcount(set);
}

static struct replicas choose_replicas(const struct choosing *c)
{
	struct replicas replicas = { 0 };

	for (unsigned i = 0; i < c->topology->count; i++) {
		if (!choose_in_rotation(c, i))
			continue;
		replicas.set |= 1u << i;
		if (c->uses[i].connected)
			replicas.connected |= 1u << i;
		if (c->uses[i].early)
			replicas.early |= 1u << i;
		if (c->uses[i].broken_us)
			replicas.broken |= 1u << i;
		if (c->uses[i].full)
			replicas.full |= 1u << i;
	}
	/* Panic: the few that are left are not given the load of all. */
	if (replicas.broken != replicas.set &&
	    2 * choose_count(replicas.set & ~replicas.broken) < choose_count(replicas.set))
		replicas.broken = 0;
	replicas.set &= ~replicas.broken & ~replicas.full;
	replicas.connected &= ~replicas.broken & ~replicas.full;
	return replicas;
}

/* Until the first of the breakers in the way lets a probe through; 0: there is none. */
static int64_t choose_broken_us(const struct choosing *c, uint32_t broken)
{
	int64_t soonest_us = choose_primary_broken_us(c);

	for (unsigned i = 0; i < c->topology->count; i++)
		if (broken & 1u << i && (!soonest_us || c->uses[i].broken_us < soonest_us))
			soonest_us = c->uses[i].broken_us;
	return soonest_us;
}

static struct choice choose_refusal(const struct choosing *c, const struct replicas *replicas,
				    bool may_spill)
{
	int64_t soonest_us, broken_us = choose_broken_us(c, replicas->broken);

	choose_soonest_of(c, replicas->set, &soonest_us);
	if (may_spill)
		return choose_refuse(OUTCOME_SPILL_LIMIT, soonest_us);
	if (replicas->set)
		return choose_refuse(OUTCOME_CONSISTENCY_TIMEOUT, soonest_us);
	if (broken_us)
		return choose_refuse(OUTCOME_BREAKER_OPEN, broken_us);
	return choose_refuse(OUTCOME_NO_REPLICA, soonest_us);
}

/* One that would have been asked, or as often as another. */
static bool choose_misses_one(const struct choosing *c)
{
	for (unsigned i = 0; i < c->topology->count; i++)
		if ((int)i != c->topology->primary &&
		    (!c->topology->nodes[i].in_rotation || c->uses[i].broken_us ||
		     c->uses[i].held_back))
			return true;
	return false;
}

static bool choose_may_spill(const struct choosing *c, const struct replicas *replicas)
{
	return c->needs->spill_allowed && (!replicas->full || choose_misses_one(c));
}

/* No replica is fresh in time: the primary, one that is left alone, a stale answer, or none. */
static struct choice choose_otherwise(const struct choosing *c, const struct replicas *replicas)
{
	uint32_t set = replicas->set, connected = replicas->connected, early = replicas->early;
	/* A query that takes stale answers has nothing to take when no replica is there. */
	bool wants = c->needs->primary_allowed || (c->needs->stale_allowed && !set);
	bool may_spill = wants && choose_primary_answers(c);
	struct choice choice;
	int stale = CHOOSE_NONE;

	if (may_spill && choose_may_spill(c, replicas))
		return choose_primary(c, set ? REASON_SPILL_LAG : REASON_SPILL_NO_REPLICA);
	/* A replica without a conn may get one while the call waits: better than no answer. */
	if (choose_fresh(c, set & ~connected & ~early, &choice))
		return choice;
	if (replicas->full)
		return choose_refusal(c, replicas, may_spill);
	if (choose_fresh(c, replicas->broken & ~early, &choice))
		return choice;
	if (c->needs->stale_allowed) {
		stale = choose_stale(c, connected);
		if (stale == CHOOSE_NONE)
			stale = choose_stale(c, set | replicas->broken);
	}
	if (stale != CHOOSE_NONE)
		return choose_place((unsigned)stale, REASON_STALE, false);
	return choose_refusal(c, replicas, may_spill);
}

struct choice choose_node(const struct topology *topology, const struct node_use *uses,
			  const struct query_needs *needs, int64_t now_us)
{
	const struct choosing c = { topology, uses, needs, now_us };
	struct replicas replicas;
	struct choice choice;

	static_assert(NODES_MAX <= 32, "a set of nodes is a word");
	assert(needs->level != LEVEL_DEFAULT);
	assert(topology->count > 0 && topology->count <= NODES_MAX);
	if (needs->level == LEVEL_STRONG)
		return choose_primary(&c, REASON_STRONG);
	if (topology->count == 1 && topology->nodes[0].role != NODE_REPLICA)
		return choose_primary(&c, REASON_SPILL_NO_REPLICA);
	replicas = choose_replicas(&c);
	if (choose_fresh(&c, replicas.connected & ~replicas.early, &choice))
		return choice;
	return choose_otherwise(&c, &replicas);
}
