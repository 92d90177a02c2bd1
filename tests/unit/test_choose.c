/* SPDX-License-Identifier: Apache-2.0 */
/* The whole behaviour of choose_node, as a table: a world, a wish, an answer. */
#include "router/choose.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

/* Nodes in the order of the configuration. */
struct a_node {
	enum { ABSENT, PRIMARY, REPLICA, OUT, DOWN_PRIMARY } is;
	uint64_t lsn;      /* of the last look */
	uint64_t replayed; /* proven by this loop; 0: as looked */
	uint32_t timeline; /* 0: 1 */
	double rate;
	unsigned load;
	int stale_ms; /* how far behind it is; 0: 10 ms; -1: unknown */
	bool paused, unconnected, avoid, early, no_room;
	int broken_ms; /* its breaker is open that long; 0: closed */
	unsigned held_back;
};

struct some_needs {
	enum level level;
	uint64_t required;
	uint32_t timeline; /* of required; 0: 1 */
	int staleness_ms;  /* 0: no limit */
	int wait_ms;       /* 0: not at all */
	bool full;         /* the spill budget is used up */
	bool stale_allowed, on_lag_fail;
};

struct an_answer {
	unsigned node;
	enum reason reason;
	bool must_prove;
	enum outcome refused; /* OUTCOME_OK: placed */
	int retry_after_ms;
};

struct a_case {
	const char *name;
	struct a_node nodes[4];
	struct some_needs needs;
	struct an_answer answer;
};

/* A row is a case. */
/* clang-format off */
#define P { .is = PRIMARY, .lsn = 1000 }
#define R(...) { .is = REPLICA, __VA_ARGS__ }
#define SESSION(...) { .level = LEVEL_SESSION, .wait_ms = 30, __VA_ARGS__ }
#define EVENTUAL(...) { .level = LEVEL_EVENTUAL, .wait_ms = 30, __VA_ARGS__ }
#define STRONG { .level = LEVEL_STRONG, .wait_ms = 30 }
#define ON(n, why) { .node = n, .reason = why }
#define PROVEN(n, why) { .node = n, .reason = why, .must_prove = true }
#define REFUSED(why, ms) { .refused = why, .retry_after_ms = ms }

static const struct a_case cases[] = {
	/* strong */
	{ "strong goes to the primary", { P, R(.lsn = 1000) }, STRONG, ON(0, REASON_STRONG) },
	{ "strong is no spill: the budget is not asked",
	  { P, R(.lsn = 1000) },
	  { .level = LEVEL_STRONG, .full = true },
	  ON(0, REASON_STRONG) },
	{ "strong without a primary is refused",
	  { { .is = DOWN_PRIMARY }, R(.lsn = 1000) },
	  STRONG,
	  REFUSED(OUTCOME_NO_PRIMARY, 0) },
	{ "strong follows the primary wherever it is",
	  { R(.lsn = 1000), P },
	  STRONG,
	  ON(1, REASON_STRONG) },
	{ "strong does not ask the primary again after it failed there",
	  { { .is = PRIMARY, .avoid = true }, R(.lsn = 1000) },
	  STRONG,
	  REFUSED(OUTCOME_NO_PRIMARY, 0) },

	/* eventual */
	{ "eventual takes any replica", { P, R(.lsn = 10) }, EVENTUAL(), ON(1, REASON_ANY) },
	{ "eventual with a token proves it",
	  { P, R(.lsn = 900) },
	  EVENTUAL(.required = 800),
	  PROVEN(1, REASON_ANY) },
	{ "eventual with a token that is not reached spills",
	  { P, R(.lsn = 700, .paused = true) },
	  EVENTUAL(.required = 800),
	  ON(0, REASON_SPILL_LAG) },
	{ "eventual is served without a primary",
	  { { .is = DOWN_PRIMARY }, R(.lsn = 10, .stale_ms = -1) },
	  EVENTUAL(),
	  ON(1, REASON_ANY) },
	{ "eventual takes the less loaded of two",
	  { P, R(.lsn = 10, .load = 5), R(.lsn = 10, .load = 4) },
	  EVENTUAL(),
	  ON(2, REASON_ANY) },

	/* session, fresh */
	{ "nothing required is fresh anywhere",
	  { P, R(.lsn = 10) },
	  SESSION(),
	  ON(1, REASON_FRESH) },
	{ "a replica at the required position is fresh",
	  { P, R(.lsn = 800) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_FRESH) },
	{ "one byte short is not fresh",
	  { P, R(.lsn = 799, .paused = true) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_LAG) },
	{ "what this loop has proven counts",
	  { P, R(.lsn = 10, .replayed = 800) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_FRESH) },
	{ "a fresh replica is preferred to a less loaded one that is not",
	  { P, R(.lsn = 900, .load = 50), R(.lsn = 700) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_FRESH) },
	{ "the less loaded of two fresh ones",
	  { P, R(.lsn = 900, .load = 3), R(.lsn = 900, .load = 2) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_FRESH) },
	{ "a paused replica that got there is fresh",
	  { P, R(.lsn = 900, .paused = true) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_FRESH) },
	{ "a position of another timeline is not reached",
	  { P, R(.lsn = 900, .timeline = 2) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_LAG) },
	{ "nor is one of a later timeline",
	  { P, R(.lsn = 900) },
	  SESSION(.required = 800, .timeline = 2),
	  ON(0, REASON_SPILL_LAG) },

	/* breakers */
	{ "a replica whose breaker is open gets nothing while another one can answer",
	  { P, R(.lsn = 900, .broken_ms = 800), R(.lsn = 900, .load = 90) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_FRESH) },
	{ "nor while one can answer a moment later",
	  { P, R(.lsn = 900, .broken_ms = 800), R(.lsn = 700, .rate = 1) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_VERIFIED_LATE) },
	{ "no breaker closed: the primary, whose answer is sure",
	  { P, R(.lsn = 900, .broken_ms = 800), R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_NO_REPLICA) },
	{ "and beyond the spill budget a replica, rather than a refusal",
	  { P, R(.lsn = 700, .broken_ms = 800, .paused = true), R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800, .full = true),
	  PROVEN(2, REASON_FRESH) },
	{ "one that never burdens the primary asks a replica as well",
	  { P, R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800, .on_lag_fail = true),
	  PROVEN(1, REASON_FRESH) },
	{ "panic: one closed of four is not given the load of all",
	  { R(.lsn = 900, .load = 9), R(.lsn = 900, .broken_ms = 800),
	    R(.lsn = 900, .broken_ms = 800), R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_FRESH) },
	{ "half of them closed is no panic",
	  { R(.lsn = 900, .load = 9), R(.lsn = 900, .load = 9),
	    R(.lsn = 900, .broken_ms = 800), R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800),
	  PROVEN(0, REASON_FRESH) },
	{ "replicas out of rotation do not count for it",
	  { P, { .is = OUT, .lsn = 900 }, R(.lsn = 900, .broken_ms = 800),
	    R(.lsn = 900, .load = 9) },
	  SESSION(.required = 800),
	  PROVEN(3, REASON_FRESH) },
	/* room */
	{ "a replica without room is passed over",
	  { P, R(.lsn = 900, .no_room = true), R(.lsn = 900, .load = 9) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_FRESH) },
	{ "where none has room, the primary does not take their place",
	  { P, R(.lsn = 900, .no_room = true), R(.lsn = 900, .no_room = true) },
	  SESSION(.required = 800),
	  REFUSED(OUTCOME_SPILL_LIMIT, 0) },
	{ "but it does that of one out of rotation",
	  { P, R(.lsn = 900, .no_room = true), { .is = OUT, .lsn = 900 } },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_NO_REPLICA) },
	{ "and that of one that is left alone",
	  { P, R(.lsn = 900, .no_room = true), R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_NO_REPLICA) },
	{ "and that of one that is back only a moment ago",
	  { P, R(.lsn = 900, .no_room = true), R(.lsn = 700, .held_back = 50, .paused = true) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_LAG) },
	{ "on the budget",
	  { P, R(.lsn = 900, .no_room = true), { .is = OUT, .lsn = 900 } },
	  SESSION(.required = 800, .full = true),
	  REFUSED(OUTCOME_SPILL_LIMIT, 0) },
	{ "one that is left alone does not get what others have no room for",
	  { P, R(.lsn = 900, .no_room = true), R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800, .full = true),
	  REFUSED(OUTCOME_SPILL_LIMIT, 0) },
	{ "one without room is not one less whose breaker is closed",
	  { R(.lsn = 900, .no_room = true), R(.lsn = 900, .load = 9),
	    R(.lsn = 900, .broken_ms = 800), R(.lsn = 900, .broken_ms = 800) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_FRESH) },
	{ "that a fresh one has no room is no reason for a stale answer",
	  { P, R(.lsn = 900, .no_room = true), R(.lsn = 700, .paused = true) },
	  SESSION(.required = 800, .stale_allowed = true),
	  REFUSED(OUTCOME_CONSISTENCY_TIMEOUT, 0) },
	{ "strong waits for the primary's breaker",
	  { { .is = PRIMARY, .broken_ms = 750 }, R(.lsn = 1000) },
	  STRONG,
	  REFUSED(OUTCOME_BREAKER_OPEN, 750) },
	{ "nobody spills to a primary whose breaker is open",
	  { { .is = PRIMARY, .broken_ms = 750 }, R(.lsn = 700, .paused = true) },
	  SESSION(.required = 800),
	  REFUSED(OUTCOME_CONSISTENCY_TIMEOUT, 0) },
	{ "without a replica that is told as the breaker's doing",
	  { { .is = PRIMARY, .broken_ms = 750 }, { .is = OUT, .lsn = 900 } },
	  SESSION(.required = 800),
	  REFUSED(OUTCOME_BREAKER_OPEN, 750) },
	{ "also where the primary is all there is",
	  { { .is = PRIMARY, .broken_ms = 750 } },
	  EVENTUAL(),
	  REFUSED(OUTCOME_BREAKER_OPEN, 750) },
	{ "one that has just returned sits out",
	  { P, R(.lsn = 900, .held_back = 100), R(.lsn = 900, .load = 9) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_FRESH) },
	{ "but nobody spills because of that",
	  { P, R(.lsn = 900, .held_back = 100) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_FRESH) },

	/* who may answer */
	{ "out of rotation gets nothing",
	  { P, { .is = OUT, .lsn = 900 } },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_NO_REPLICA) },
	{ "a replica that failed this query is passed over",
	  { P, R(.lsn = 900, .avoid = true), R(.lsn = 900, .load = 9) },
	  SESSION(),
	  ON(2, REASON_FRESH) },
	{ "all replicas failed this query: the primary",
	  { P, R(.lsn = 900, .avoid = true) },
	  SESSION(),
	  ON(0, REASON_SPILL_NO_REPLICA) },

	{ "a replica without a conn is passed over",
	  { P, R(.lsn = 900, .unconnected = true), R(.lsn = 900, .load = 9) },
	  SESSION(),
	  ON(2, REASON_FRESH) },
	{ "no replica has a conn: the primary",
	  { P, R(.lsn = 900, .unconnected = true) },
	  SESSION(),
	  ON(0, REASON_SPILL_LAG) },
	{ "no replica has a conn and there is no primary: one may come in time",
	  { { .is = DOWN_PRIMARY }, R(.lsn = 900, .unconnected = true) },
	  SESSION(.required = 9),
	  PROVEN(1, REASON_FRESH) },

	/* max-staleness */
	{ "recent enough",
	  { P, R(.lsn = 10, .stale_ms = 50) },
	  EVENTUAL(.staleness_ms = 50),
	  ON(1, REASON_ANY) },
	{ "not recent enough",
	  { P, R(.lsn = 10, .stale_ms = 51) },
	  EVENTUAL(.staleness_ms = 50),
	  ON(0, REASON_SPILL_LAG) },
	{ "unknown is never fresh",
	  { P, R(.lsn = 10, .stale_ms = -1) },
	  EVENTUAL(.staleness_ms = 50),
	  ON(0, REASON_SPILL_LAG) },
	{ "the recent one of two",
	  { P, R(.lsn = 10, .stale_ms = 51), R(.lsn = 10, .stale_ms = 50, .load = 9) },
	  EVENTUAL(.staleness_ms = 50),
	  ON(2, REASON_ANY) },

	/* forecast */
	{ "it will be there in time",
	  { P, R(.lsn = 700, .rate = 0.01) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_VERIFIED_LATE) },
	{ "it will not be there in time",
	  { P, R(.lsn = 700, .rate = 0.003) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_LAG) },
	{ "the soonest of two",
	  { P, R(.lsn = 700, .rate = 0.01), R(.lsn = 750, .rate = 0.01) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_VERIFIED_LATE) },
	{ "a replica at rest is taken to be there at once",
	  { P, R(.lsn = 700) },
	  SESSION(.required = 800),
	  PROVEN(1, REASON_VERIFIED_LATE) },
	{ "of two at rest the less loaded",
	  { P, R(.lsn = 700, .load = 1), R(.lsn = 690) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_VERIFIED_LATE) },
	{ "a paused replica gives no hope",
	  { P, R(.lsn = 700, .paused = true), R(.lsn = 10) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_VERIFIED_LATE) },
	{ "no time left to wait",
	  { P, R(.lsn = 700) },
	  { .level = LEVEL_SESSION, .required = 800 },
	  ON(0, REASON_SPILL_LAG) },
	{ "another timeline gives no hope",
	  { P, R(.lsn = 700, .timeline = 2) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_LAG) },
	{ "in time but not recent enough",
	  { P, R(.lsn = 700, .stale_ms = 51) },
	  SESSION(.required = 800, .staleness_ms = 50),
	  ON(0, REASON_SPILL_LAG) },

	{ "rows came too early there: not on a mere forecast again",
	  { P, R(.lsn = 700, .early = true), R(.lsn = 600) },
	  SESSION(.required = 800),
	  PROVEN(2, REASON_VERIFIED_LATE) },
	{ "early everywhere is lag",
	  { P, R(.lsn = 700, .early = true) },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_LAG) },

	/* spill */
	{ "the budget is used up: wait for the forecast",
	  { P, R(.lsn = 700, .rate = 0.001) },
	  SESSION(.required = 800, .full = true),
	  REFUSED(OUTCOME_SPILL_LIMIT, 100) },
	{ "the budget is used up and there is no forecast",
	  { P, R(.lsn = 700, .paused = true) },
	  SESSION(.required = 800, .full = true),
	  REFUSED(OUTCOME_SPILL_LIMIT, 0) },
	{ "a forecast of hours is none",
	  { P, R(.lsn = 700, .rate = 1e-9) },
	  SESSION(.required = 800, .full = true),
	  REFUSED(OUTCOME_SPILL_LIMIT, 0) },
	{ "no replica in rotation and the budget is used up",
	  { P, { .is = OUT, .lsn = 900 } },
	  EVENTUAL(.full = true),
	  REFUSED(OUTCOME_SPILL_LIMIT, 0) },
	{ "no primary to spill to",
	  { { .is = DOWN_PRIMARY }, R(.lsn = 700, .paused = true) },
	  SESSION(.required = 800),
	  REFUSED(OUTCOME_CONSISTENCY_TIMEOUT, 0) },
	{ "the primary failed this query",
	  { { .is = PRIMARY, .avoid = true }, R(.lsn = 700, .paused = true) },
	  SESSION(.required = 800),
	  REFUSED(OUTCOME_CONSISTENCY_TIMEOUT, 0) },
	{ "nobody at all",
	  { { .is = DOWN_PRIMARY }, { .is = OUT } },
	  EVENTUAL(),
	  REFUSED(OUTCOME_NO_REPLICA, 0) },

	/* @on-lag */
	{ "on-lag fail: no spill",
	  { P, R(.lsn = 700, .rate = 0.001) },
	  SESSION(.required = 800, .on_lag_fail = true),
	  REFUSED(OUTCOME_CONSISTENCY_TIMEOUT, 100) },
	{ "on-lag fail: no replica in rotation",
	  { P, { .is = OUT } },
	  SESSION(.on_lag_fail = true),
	  REFUSED(OUTCOME_NO_REPLICA, 0) },
	{ "on-lag stale: the one furthest ahead",
	  { { .is = DOWN_PRIMARY },
	    R(.lsn = 600, .paused = true),
	    R(.lsn = 700, .paused = true, .load = 9) },
	  SESSION(.required = 800, .stale_allowed = true),
	  ON(2, REASON_STALE) },
	{ "on-lag stale: early is good enough for a stale answer",
	  { { .is = DOWN_PRIMARY }, R(.lsn = 600, .early = true) },
	  SESSION(.required = 800, .stale_allowed = true),
	  ON(1, REASON_STALE) },
	{ "on-lag stale: a later timeline is further ahead",
	  { { .is = DOWN_PRIMARY },
	    R(.lsn = 600, .timeline = 2, .paused = true),
	    R(.lsn = 700, .paused = true) },
	  SESSION(.required = 800, .stale_allowed = true),
	  ON(1, REASON_STALE) },
	{ "on-lag stale: no need for the primary",
	  { P, R(.lsn = 600, .paused = true) },
	  SESSION(.required = 800, .stale_allowed = true),
	  ON(1, REASON_STALE) },
	{ "on-lag stale: without a replica there is nothing stale to have",
	  { P, { .is = OUT, .lsn = 600 } },
	  SESSION(.required = 800, .stale_allowed = true),
	  ON(0, REASON_SPILL_NO_REPLICA) },
	{ "on-lag stale: and the budget counts there too",
	  { P, { .is = OUT, .lsn = 600 } },
	  SESSION(.required = 800, .stale_allowed = true, .full = true),
	  REFUSED(OUTCOME_SPILL_LIMIT, 0) },
	{ "on-lag stale: max-staleness still holds",
	  { { .is = DOWN_PRIMARY }, R(.lsn = 600, .paused = true, .stale_ms = 51) },
	  SESSION(.required = 800, .stale_allowed = true, .staleness_ms = 50),
	  REFUSED(OUTCOME_CONSISTENCY_TIMEOUT, 0) },

	/* without a replica in the configuration */
	{ "the primary serves all",
	  { P },
	  SESSION(.required = 800),
	  ON(0, REASON_SPILL_NO_REPLICA) },
	{ "the primary serves eventual", { P }, EVENTUAL(), ON(0, REASON_SPILL_NO_REPLICA) },
	{ "the budget protects nobody there",
	  { P },
	  SESSION(.full = true, .on_lag_fail = true),
	  ON(0, REASON_SPILL_NO_REPLICA) },
	{ "and when it is gone there is no primary",
	  { { .is = DOWN_PRIMARY } },
	  EVENTUAL(),
	  REFUSED(OUTCOME_NO_PRIMARY, 0) },
	{ "the only node is a replica",
	  { R(.lsn = 900) },
	  SESSION(.required = 800),
	  PROVEN(0, REASON_FRESH) },
};

static const struct a_case equals = {
	.name = "four equal replicas",
	.nodes = { R(.lsn = 9), R(.lsn = 9), R(.lsn = 9), R(.lsn = 9) },
	.needs = EVENTUAL(),
};
/* clang-format on */

static int64_t ms(int64_t n)
{
	return n * US_PER_MS;
}

static const enum node_role node_roles[] = {
	[PRIMARY] = NODE_PRIMARY,
	[REPLICA] = NODE_REPLICA,
	[OUT] = NODE_REPLICA,
	[DOWN_PRIMARY] = NODE_UNKNOWN,
};

static void world(const struct a_case *c, struct topology *topology, struct node_use *uses)
{
	*topology = (struct topology){ .primary = -1 };
	for (unsigned i = 0; i < 4 && c->nodes[i].is != ABSENT; i++) {
		const struct a_node *is = &c->nodes[i];
		bool primary = is->is == PRIMARY, replica = is->is == REPLICA;
		int stale_ms = is->stale_ms ? is->stale_ms : 10;

		topology->count++;
		if (primary)
			topology->primary = (int)i;
		topology->nodes[i] = (struct node_view){
			.role = node_roles[is->is],
			.contact = is->is != DOWN_PRIMARY ? NODE_REACHED : NODE_LOST,
			.in_rotation = primary || replica,
			.position = { is->timeline ? is->timeline : 1, is->lsn },
			.paused = is->paused,
			.lag_us = stale_ms > 0 ? ms(stale_ms) : -1,
			.lag_seen_us = stale_ms > 0 ? ms(NOW_MS - stale_ms) : 0,
			.replay_rate = is->rate,
			.seen_us = ms(NOW_MS),
		};
		uses[i] = (struct node_use){
			.replayed = is->replayed ? is->replayed : is->lsn,
			.load = is->load,
			.connected = !is->unconnected,
			.avoid = is->avoid,
			.full = is->no_room,
			.early = is->early,
			.broken_us = ms(is->broken_ms),
			.held_back = is->held_back,
		};
	}
}

static struct query_needs needs_of(const struct some_needs *needs)
{
	return (struct query_needs){
		.level = needs->level,
		.required = { needs->required ? (needs->timeline ? needs->timeline : 1) : 0,
			      needs->required },
		.staleness_us_max = needs->staleness_ms ? ms(needs->staleness_ms) : -1,
		.wait_us_left = ms(needs->wait_ms),
		.user_hash = 4711,
		.random = 42,
		.spill_allowed = !needs->full,
		.stale_allowed = needs->stale_allowed,
		.primary_allowed = !needs->on_lag_fail && !needs->stale_allowed,
	};
}

static bool as_expected(const struct a_case *c, const struct choice *choice)
{
	const struct an_answer *answer = &c->answer;

	if (answer->refused)
		return choice->kind == CHOICE_REFUSE && choice->outcome == answer->refused &&
		       choice->retry_after_us / US_PER_MS == answer->retry_after_ms;
	return choice->kind == CHOICE_PLACE && choice->node == answer->node &&
	       choice->reason == answer->reason && choice->must_prove == answer->must_prove;
}

static void the_table(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct a_case *c = &cases[i];
		struct query_needs needs = needs_of(&c->needs);
		struct topology topology;
		struct node_use uses[NODES_MAX];
		struct choice choice;

		world(c, &topology, uses);
		choice = choose_node(&topology, uses, &needs, ms(NOW_MS));
		if (as_expected(c, &choice))
			continue;
		print_error("%s: kind %d node %u reason %d prove %d outcome %d retry %d ms\n",
			    c->name, (int)choice.kind, choice.node, (int)choice.reason,
			    choice.must_prove, (int)choice.outcome,
			    (int)(choice.retry_after_us / US_PER_MS));
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void a_user_stays_on_one_node_and_users_spread(void **state)
{
	struct topology topology;
	struct node_use uses[NODES_MAX];
	struct query_needs needs = needs_of(&equals.needs);
	unsigned count[4] = { 0 };

	world(&equals, &topology, uses);
	for (uint64_t user = 1; user <= 4000; user++) {
		unsigned first;

		needs.user_hash = user;
		needs.random = user * 3;
		first = choose_node(&topology, uses, &needs, ms(NOW_MS)).node;
		needs.random++;
		assert_int_equal(choose_node(&topology, uses, &needs, ms(NOW_MS)).node, first);
		count[first]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(count[i], 800, 1200);
}

static void without_a_user_the_dice_spread(void **state)
{
	struct topology topology;
	struct node_use uses[NODES_MAX];
	struct query_needs needs = needs_of(&equals.needs);
	unsigned count[4] = { 0 };

	world(&equals, &topology, uses);
	needs.user_hash = 0;
	for (needs.random = 1; needs.random <= 4000; needs.random++)
		count[choose_node(&topology, uses, &needs, ms(NOW_MS)).node]++;
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(count[i], 800, 1200);
}

/* A user's two nodes: the second is taken when the first is busier, a third never. */
static void a_user_moves_only_between_two_nodes(void **state)
{
	struct topology topology;
	struct node_use uses[NODES_MAX];
	struct query_needs needs = needs_of(&equals.needs);

	world(&equals, &topology, uses);
	for (needs.user_hash = 1; needs.user_hash <= 200; needs.user_hash++) {
		unsigned first, second;

		first = choose_node(&topology, uses, &needs, ms(NOW_MS)).node;
		uses[first].load = 10;
		second = choose_node(&topology, uses, &needs, ms(NOW_MS)).node;
		assert_int_not_equal(first, second);
		uses[second].load = 11;
		assert_int_equal(choose_node(&topology, uses, &needs, ms(NOW_MS)).node, first);
		uses[first].load = uses[second].load = 0;
	}
}

static void who_has_just_returned_gets_its_share_of_the_picks(void **state)
{
	struct topology topology;
	struct node_use uses[NODES_MAX];
	struct query_needs needs = needs_of(&equals.needs);
	unsigned count[4] = { 0 };

	world(&equals, &topology, uses);
	needs.user_hash = 0;
	uses[2].held_back = 80;
	for (needs.random = 1; needs.random <= 4000; needs.random++)
		count[choose_node(&topology, uses, &needs, ms(NOW_MS)).node]++;
	/* A fifth of the thousand it will get. */
	assert_in_range(count[2], 150, 250);
}

static void a_forecast_counts_what_was_likely_replayed_since_the_look(void **state)
{
	struct node_view node = {
		.contact = NODE_REACHED,
		.position = { 1, 1000 },
		.replay_rate = 1,
		.seen_us = 5000,
	};

	assert_int_equal(forecast_us(&node, 1000, 1000, 5000), 0);
	assert_in_range(forecast_us(&node, 1000, 1500, 5000), 500, 501);
	assert_in_range(forecast_us(&node, 1000, 1500, 5400), 100, 101);
	assert_int_equal(forecast_us(&node, 1000, 1500, 6000), 0);
	/* Proven since then: there is nothing to guess. */
	assert_in_range(forecast_us(&node, 1100, 1500, 6000), 400, 401);
	node.paused = true;
	assert_true(forecast_us(&node, 1000, 1500, 5000) == CLOCK_NEVER);
	node.paused = false;
	node.contact = NODE_LOST;
	assert_true(forecast_us(&node, 1000, 1500, 5000) == CLOCK_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(a_user_stays_on_one_node_and_users_spread),
		cmocka_unit_test(without_a_user_the_dice_spread),
		cmocka_unit_test(a_user_moves_only_between_two_nodes),
		cmocka_unit_test(who_has_just_returned_gets_its_share_of_the_picks),
		cmocka_unit_test(a_forecast_counts_what_was_likely_replayed_since_the_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
