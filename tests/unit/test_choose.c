/* SPDX-License-Identifier: Apache-2.0 */
/* The whole behaviour of choose_node, as a table: a world, a wish, an answer. */
#include "router/choose.h"

#include "base/clock.h"
#include "choose_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

/* clang-format off */
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
