/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c */
/* Health without a router: what flights hear of their node. */
#include "router/health/health.h"

#include "fake_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define START_US (1000 * US_PER_S)

enum { TICK_MS = 10 };

struct read {
	struct flight flight;
	unsigned silences, lates; /* how often it was called */
	int64_t silent_us, out_us;
	struct read *ends[2]; /* what goes when it hears of silence */
	int64_t again_us;     /* what late_us is from its first call on */
};

struct story {
	struct loop *loop;
	struct metrics *metrics;
	struct topology topology;
	struct options options;
	const struct options *newest;
	struct pool *pool;
	struct health_env env;
	struct health health;
	unsigned refreshed;
	struct read reads[3];
};

static void on_refresh(void *arg)
{
	struct story *story = arg;

	story->refreshed++;
}

static int begin(void **state)
{
	static struct story story;

	memset(&story, 0, sizeof(story));
	story.loop = loop_new("flights");
	loop_fake_clock(story.loop, START_US);
	story.metrics = metrics_new();
	story.topology.count = 1;
	story.options.lag_poll_us = 100 * US_PER_MS;
	story.newest = &story.options;
	story.pool = pool_new(story.loop, NULL, NULL, NULL);
	story.env = (struct health_env){
		.loop = story.loop,
		.metrics = story.metrics,
		.topology = &story.topology,
		.options = &story.newest,
		.refresh = on_refresh,
		.arg = &story,
	};
	health_init(&story.health, &story.env, 0, "a:1", story.pool);
	*state = &story;
	return 0;
}

static int end(void **state)
{
	struct story *story = *state;
	struct list_link *link;

	while ((link = list_first(&story->health.out)))
		health_back(container_of(link, struct flight, link));
	health_fini(&story->health);
	pool_free(story->pool);
	metrics_free(story->metrics);
	loop_free(story->loop);
	return 0;
}

static void on_silent(struct flight *flight, int64_t silent_us)
{
	struct read *read = container_of(flight, struct read, flight);

	read->silences++;
	read->silent_us = silent_us;
	for (size_t i = 0; i < sizeof(read->ends) / sizeof(read->ends[0]); i++)
		if (read->ends[i])
			health_back(&read->ends[i]->flight);
}

static void on_late(struct flight *flight, int64_t out_us)
{
	struct read *read = container_of(flight, struct read, flight);

	read->lates++;
	read->out_us = out_us;
	flight->late_us = read->again_us;
}

static void send(struct story *story, struct read *read, int64_t late_us)
{
	read->flight =
		(struct flight){ .late_us = late_us, .on_silent = on_silent, .on_late = on_late };
	health_sent(&story->health, &read->flight);
}

/* A loop that is there turns each millisecond. */
static void pass(struct story *story, int64_t ms)
{
	while (ms--) {
		loop_fake_clock(story->loop, loop_now(story->loop) + US_PER_MS);
		loop_turn(story->loop, 0);
	}
}

static void a_flight_hears_of_silence_after_a_tenth_of_a_second_and_at_each_tick(void **state)
{
	struct story *story = *state;
	struct read *read = &story->reads[0];

	send(story, read, 0);
	pass(story, 99);
	assert_int_equal(read->silences, 0);
	pass(story, 1);
	assert_int_equal(read->silences, 1);
	assert_int_equal(read->silent_us, HEALTH_SILENCE_US);
	pass(story, 2 * TICK_MS);
	assert_int_equal(read->silences, 3);
	health_back(&read->flight);
	pass(story, 2 * TICK_MS);
	assert_int_equal(read->silences, 3);
}

static void what_the_loop_or_the_monitor_hears_begins_it_anew(void **state)
{
	struct story *story = *state;
	struct read *read = &story->reads[0];

	send(story, read, 0);
	pass(story, 50);
	health_outcome(&story->health, HEALTH_ANSWERED, NULL, loop_now(story->loop));
	pass(story, 99);
	assert_int_equal(read->silences, 0);
	story->topology.nodes[0].seen_us = loop_now(story->loop);
	pass(story, 99);
	assert_int_equal(read->silences, 0);
	pass(story, TICK_MS);
	assert_int_equal(read->silences, 1);
	assert_true(health_silent_since(&story->health, loop_now(story->loop)));
	assert_true(story->refreshed > 0);
}

static void a_flight_may_end_itself_and_the_next_one_when_it_hears_of_silence(void **state)
{
	struct story *story = *state;
	struct read *first = &story->reads[0], *second = first + 1, *third = first + 2;

	for (unsigned both = 0; both < 2; both++) {
		memset(story->reads, 0, sizeof(story->reads));
		first->ends[0] = first;
		first->ends[1] = both ? second : NULL;
		send(story, first, 0);
		send(story, second, 0);
		send(story, third, 0);

		pass(story, 100);

		assert_int_equal(first->silences, 1);
		assert_int_equal(second->silences, both ? 0 : 1);
		assert_int_equal(third->silences, 1);
		health_back(&second->flight);
		health_back(&third->flight);
	}
}

static void a_flight_that_is_late_hears_it_within_a_millisecond(void **state)
{
	struct story *story = *state;
	struct read *read = &story->reads[0], *other = &story->reads[1];

	send(story, other, 0);
	pass(story, 3);
	send(story, read, 5 * US_PER_MS);
	pass(story, 4);
	assert_int_equal(read->lates, 0);
	pass(story, 2);
	assert_int_equal(read->lates, 1);
	assert_in_range(read->out_us, 5 * US_PER_MS, 6 * US_PER_MS);
	pass(story, 20);
	assert_int_equal(read->lates, 1);
	assert_int_equal(other->lates, 0);
}

static void it_hears_it_again_as_long_as_it_wants_to(void **state)
{
	struct story *story = *state;
	struct read *read = &story->reads[0];

	read->again_us = 8 * US_PER_MS;
	send(story, read, 5 * US_PER_MS);
	pass(story, 7);
	assert_int_equal(read->lates, 1);
	pass(story, 3);
	assert_in_range(read->lates, 2, 4);
	read->again_us = 0;
	pass(story, 10);
	assert_in_range(read->lates, 3, 5);
}

static void only_what_is_the_nodes_fault_opens_its_breaker(void **state)
{
	static const struct {
		enum health_class class;
		bool opens, trouble;
	} rows[] = {
		{ HEALTH_ANSWERED, false, false }, { HEALTH_TIMED_OUT, false, false },
		{ HEALTH_ELSEWHERE, false, true }, { HEALTH_REFUSED, true, true },
		{ HEALTH_LOST, true, true },       { HEALTH_UNREACHED, true, false },
		{ HEALTH_NOTHING, false, false },
	};
	struct story *story = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t now_us;

		health_renew(&story->health, false);
		pass(story, 1100);
		health_outcome(&story->health, HEALTH_ANSWERED, NULL, loop_now(story->loop));
		for (unsigned times = 0; times < BREAKER_ROW_MAX; times++) {
			pass(story, 1);
			now_us = loop_now(story->loop);
			health_outcome(&story->health, rows[i].class, "it went", now_us);
		}
		assert_int_equal(story->health.breaker.state == BREAKER_OPEN, rows[i].opens);
		assert_int_equal(health_is_in_trouble(&story->health, now_us), rows[i].trouble);
	}
}

static void a_node_that_was_never_heard_is_only_being_connected_to(void **state)
{
	struct story *story = *state;

	for (unsigned times = 0; times < 2 * BREAKER_ROW_MAX; times++) {
		pass(story, 1);
		health_outcome(&story->health, HEALTH_UNREACHED, NULL, loop_now(story->loop));
	}
	assert_int_equal(story->health.breaker.state, BREAKER_CLOSED);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_flight_hears_of_silence_after_a_tenth_of_a_second_and_at_each_tick),
		STORY(what_the_loop_or_the_monitor_hears_begins_it_anew),
		STORY(a_flight_may_end_itself_and_the_next_one_when_it_hears_of_silence),
		STORY(a_flight_that_is_late_hears_it_within_a_millisecond),
		STORY(it_hears_it_again_as_long_as_it_wants_to),
		STORY(only_what_is_the_nodes_fault_opens_its_breaker),
		STORY(a_node_that_was_never_heard_is_only_being_connected_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
