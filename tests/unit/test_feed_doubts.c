/* SPDX-License-Identifier: Apache-2.0 */
/* Tags that commands of this instance make stale, until it is known what became of them. */
#include "router/feed_doubts.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LINE 3
#define OTHER_LINE 4
#define START_US INT64_C(1000000000)

static struct feed_shared shared;
static struct topology topology;
static struct feed_doubts doubts;
static struct feed_doubt doubt;
static const uint64_t tags[] = { 77, 78 };
static unsigned refreshed;

static void refresh(void *arg)
{
	(void)arg;
	refreshed++;
}

static struct position at(uint32_t timeline, uint64_t lsn)
{
	return (struct position){ timeline, lsn };
}

static uint64_t required(uint64_t tag)
{
	return stripes_required(&shared.stripes, at(LINE, 5000), &tag, 1);
}

static int set_up(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	memset(&topology, 0, sizeof(topology));
	topology.count = 1;
	topology.primary_position = at(LINE, 900);
	doubt = (struct feed_doubt){ 0 };
	doubts = (struct feed_doubts){
		.loop = loop_new("doubts"),
		.shared = &shared,
		.topology = &topology,
		.pause_us = 10 * US_PER_MS,
		.refresh = refresh,
	};
	loop_fake_clock(doubts.loop, START_US);
	stripes_begin(&shared.stripes, at(LINE, 100));
	stripes_know(&shared.stripes, 5000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_doubts_fini(&doubts);
	assert_false(stripes_in_doubt(&shared.stripes, 77));
	loop_free(doubts.loop);
	return 0;
}

static void begin(void)
{
	feed_doubt_begin(&doubts, &doubt, tags, 2);
	assert_true(stripes_in_doubt(&shared.stripes, 77));
	assert_true(stripes_in_doubt(&shared.stripes, 78));
}

static void end_as(struct call call)
{
	feed_doubt_end(&doubts, &doubt, &call);
}

static void a_commit_raises_what_was_in_doubt(void **state)
{
	begin();
	end_as((struct call){ .end = CALL_OK, .effect = EFFECT_WROTE, .position = at(LINE, 1000) });
	assert_false(stripes_in_doubt(&shared.stripes, 77));
	assert_int_equal(required(77), 1000);
	assert_int_equal(required(78), 1000);
	assert_int_equal(required(79), 100);
}

static void what_had_no_effect_raises_nothing(void **state)
{
	const struct call ends[] = {
		{ .end = CALL_OK, .position = at(LINE, 1000) },
		{ .end = CALL_OK, .effect = EFFECT_WROTE, .frame_end = FRAME_ROLLED_BACK },
		{ .end = CALL_ERROR, .error.sqlstate = "23505" },
		{ .end = CALL_UNSENT },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		begin();
		end_as(ends[i]);
		assert_false(stripes_in_doubt(&shared.stripes, 77));
		assert_int_equal(required(77), 100);
	}
}

static void a_position_of_another_timeline_raises_nothing(void **state)
{
	begin();
	end_as((struct call){
		.end = CALL_OK, .effect = EFFECT_WROTE, .position = at(OTHER_LINE, 1000) });
	assert_false(stripes_in_doubt(&shared.stripes, 77));
	assert_int_equal(required(77), 100);
}

/* The pause is over. */
static void pass(void)
{
	loop_fake_clock(doubts.loop, loop_now(doubts.loop) + doubts.pause_us);
	loop_turn(doubts.loop, 0);
}

static void check_unknown(struct call call)
{
	begin();
	end_as(call);
	topology.nodes[0].asked_us = START_US; /* it may have been on its way then */
	pass();
	assert_true(stripes_in_doubt(&shared.stripes, 77));
	topology.nodes[0].asked_us = START_US + 1;
	pass();
	assert_false(stripes_in_doubt(&shared.stripes, 77));
	assert_int_equal(required(77), 900);
	assert_true(refreshed > 0);
}

static void what_is_lost_is_in_doubt_until_a_position_was_asked_for(void **state)
{
	check_unknown((struct call){ .end = CALL_LOST });
}

static void what_the_server_has_cut_off_is_unknown(void **state)
{
	check_unknown((struct call){ .end = CALL_ERROR, .error.sqlstate = "57P01" });
}

static void without_a_primary_it_stays_in_doubt(void **state)
{
	begin();
	topology.primary = -1;
	feed_doubt_leave(&doubts, &doubt);
	pass();
	assert_true(stripes_in_doubt(&shared.stripes, 77));
	topology.primary = 0;
	topology.nodes[0].asked_us = START_US + 1;
	pass();
	assert_false(stripes_in_doubt(&shared.stripes, 77));
}

static void beyond_so_many_unknowns_all_rises(void **state)
{
	for (unsigned i = 0; i < FEED_UNKNOWNS_MAX / 2 + 1; i++) {
		feed_doubt_begin(&doubts, &doubt, tags, 2);
		feed_doubt_leave(&doubts, &doubt);
	}
	topology.nodes[0].asked_us = START_US + 1;
	assert_int_equal(required(79), 100);
	pass();
	assert_false(stripes_in_doubt(&shared.stripes, 77));
	assert_int_equal(required(79), 900);
}

static void whatever_there_is_may_be_in_doubt(void **state)
{
	static const uint64_t all[] = { STRIPES_TAG_ALL };

	feed_doubt_begin(&doubts, &doubt, all, 1);
	assert_true(stripes_in_doubt(&shared.stripes, 5));
	end_as((struct call){ .end = CALL_OK, .effect = EFFECT_WROTE, .position = at(LINE, 1000) });
	assert_false(stripes_in_doubt(&shared.stripes, 5));
	assert_int_equal(required(79), 1000);
}

static void without_a_feed_nothing_is_kept(void **state)
{
	struct feed_doubts none = { 0 };

	feed_doubt_begin(NULL, &doubt, tags, 2);
	assert_int_equal(doubt.count, 0);
	feed_doubt_begin(&none, &doubt, tags, 2);
	assert_int_equal(doubt.count, 0);
	end_as((struct call){ .end = CALL_OK });
	feed_doubt_leave(&none, &doubt);
	feed_doubts_fini(&none);
}

/* They touch more than they had said, since relations did not count when they began. */
static void what_was_on_its_way_when_relations_begin_to_count_touches_all(void **state)
{
	struct feed_doubt other = { 0 };
	const struct call wrote = { .end = CALL_OK,
				    .effect = EFFECT_WROTE,
				    .position = at(LINE, 1000) };
	const uint64_t some = 5;

	feed_doubt_begin(&doubts, &other, NULL, 0);
	begin();
	assert_false(stripes_state(&shared.stripes, &some, 1).in_doubt);
	feed_doubts_keep(&doubts);
	feed_doubts_keep(&doubts);
	assert_int_equal(atomic_load(&shared.keepers), 1);
	assert_true(stripes_state(&shared.stripes, &some, 1).in_doubt);
	end_as(wrote);
	assert_true(stripes_state(&shared.stripes, &some, 1).in_doubt);
	assert_int_equal(stripes_state(&shared.stripes, &some, 1).touched, 1000);
	feed_doubt_end(&doubts, &other, &wrote);
	assert_false(stripes_state(&shared.stripes, &some, 1).in_doubt);
	/* Those that begin now say what they touch. */
	feed_doubt_begin(&doubts, &other, NULL, 0);
	assert_false(stripes_state(&shared.stripes, &some, 1).in_doubt);
	feed_doubt_end(&doubts, &other, &wrote);
}

static void what_is_settled_while_nothing_is_known_is_not_forgotten(void **state)
{
	stripes_forget(&shared.stripes);
	begin();
	end_as((struct call){ .end = CALL_OK, .effect = EFFECT_WROTE, .position = at(LINE, 1000) });
	stripes_begin(&shared.stripes, at(LINE, 900));
	assert_int_equal(stripes_state(&shared.stripes, tags, 2).touched, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_on_its_way_when_relations_begin_to_count_touches_all),
		TEST(what_is_settled_while_nothing_is_known_is_not_forgotten),
		TEST(a_commit_raises_what_was_in_doubt),
		TEST(what_had_no_effect_raises_nothing),
		TEST(a_position_of_another_timeline_raises_nothing),
		TEST(what_is_lost_is_in_doubt_until_a_position_was_asked_for),
		TEST(what_the_server_has_cut_off_is_unknown),
		TEST(without_a_primary_it_stays_in_doubt),
		TEST(beyond_so_many_unknowns_all_rises),
		TEST(whatever_there_is_may_be_in_doubt),
		TEST(without_a_feed_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
