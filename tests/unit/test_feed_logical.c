/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c fake_decoding.c logical_story.c */
/* What of a stream counts, from when on, and what gives it up. */
#include "logical_story.h"

#include "base/clock.h"
#include "fake_decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_write_raises_the_stripe_of_its_relation_only(void **state)
{
	struct story *story = *state;

	follow(story);
	writes(story, BUSY, 1100);
	shape(story, 1200, SHAPE);
	assert_int_equal(known(story), 1100);
	assert_int_equal(required(story, 1100, busy), 1100);
	assert_int_equal(required(story, 1100, quiet), 1000);
}

static void nothing_is_known_before_the_shape_was_judged(void **state)
{
	struct story *story = *state;

	fake_decoding_begin(story_stream(story), 1, 1000);
	writes(story, QUIET, 1100);
	assert_int_equal(known(story), 0);
	shape(story, 1050, SHAPE);
	assert_int_equal(known(story), 1050);
	assert_int_equal(required(story, 1050, quiet), 1050);
}

static void another_shape_touches_all(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_true(sends_keepalive(story, 1300, false));
	turn(story);
	shape(story, 1200, SHAPE + 1);
	assert_int_equal(known(story), 1200);
	assert_int_equal(required(story, 1200, busy), 1200);
	assert_int_equal(atomic_load(&story->shared.version), 0);
	assert_int_equal(story->others, 1);
}

static void a_keepalive_between_transactions_raises_what_is_known(void **state)
{
	struct story *story = *state;

	follow(story);
	shape(story, 2000, SHAPE);
	assert_int_equal(known(story), 1000);
	assert_true(sends_keepalive(story, 1500, false));
	turn(story);
	assert_int_equal(known(story), 1500);
}

static void one_within_a_transaction_does_not(void **state)
{
	struct story *story = *state;

	follow(story);
	shape(story, 2000, SHAPE);
	assert_true(sends_begin(story, 1099));
	assert_true(sends_keepalive(story, 1500, false));
	assert_true(sends_change(story, QUIET));
	turn(story);
	assert_int_equal(known(story), 1000);
	assert_true(sends_commit(story, 1100));
	turn(story);
	assert_int_equal(known(story), 1100);
	assert_int_equal(required(story, 1100, quiet), 1100);
}

static void what_is_known_never_falls(void **state)
{
	struct story *story = *state;

	follow(story);
	shape(story, 2000, SHAPE);
	assert_true(sends_keepalive(story, 1500, false));
	assert_true(sends_keepalive(story, 900, false));
	turn(story);
	assert_int_equal(known(story), 1500);
}

static void a_transaction_of_too_many_relations_has_touched_all(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_true(sends_begin(story, 1099));
	for (unsigned i = 0; i <= FEED_TRANSACTION_TAGS_MAX; i++)
		assert_true(sends_change(story, 30000 + i));
	assert_true(sends_commit(story, 1100));
	turn(story);
	shape(story, 1200, SHAPE);
	assert_int_equal(required(story, 1100, quiet), 1100);
}

static void one_of_as_many_as_there_may_be_has_not(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_true(sends_begin(story, 1099));
	for (unsigned i = 0; i < FEED_TRANSACTION_TAGS_MAX; i++)
		assert_true(sends_change(story, 30000 + i));
	for (unsigned i = 0; i < 3000; i++)
		assert_true(sends_change(story, 30000 + FEED_TRANSACTION_TAGS_MAX - 1 - i % 50));
	assert_true(sends_commit(story, 1100));
	turn(story);
	shape(story, 1200, SHAPE);
	assert_int_equal(required(story, 1100, quiet), 1000);
}

static void what_does_not_belong_there_is_refused(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_false(sends_change(story, QUIET));
	assert_false(sends_commit(story, 1100));
	assert_true(sends_begin(story, 1099));
	assert_false(sends_begin(story, 1099));
}

static void what_is_confirmed_is_what_is_known(void **state)
{
	struct story *story = *state;
	bool wants_reply;

	follow(story);
	writes(story, BUSY, 1100);
	shape(story, 1050, SHAPE);
	assert_true(sends_keepalive(story, 1900, true));
	turn(story);
	assert_int_equal(fake_decoding_status(&wants_reply), 1050);
	assert_false(wants_reply);
	story_pass(story, US_PER_S);
	assert_int_equal(fake_decoding_status(&wants_reply), 1050);
	assert_true(wants_reply);
}

static void a_stream_that_ends_takes_all_with_it(void **state)
{
	struct story *story = *state;

	follow(story);
	writes(story, QUIET, 1100);
	fake_decoding_end(story_stream(story), "the server has ended it");
	assert_int_equal(known(story), 0);
	assert_int_equal(fake_decoding_opened(), 1);
	story_pass(story, 2 * US_PER_S);
	assert_int_equal(fake_decoding_opened(), 2);
	fake_decoding_begin(story_stream(story), 1, 5000);
	shape(story, 5000, SHAPE);
	assert_int_equal(required(story, 5000, quiet), 5000);
}

static void amid_a_transaction_too(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_true(sends_begin(story, 1099));
	fake_decoding_end(story_stream(story), "the server has ended it");
	story_pass(story, 2 * US_PER_S);
	fake_decoding_begin(story_stream(story), 1, 5000);
	assert_true(sends_begin(story, 5099));
}

static void another_primary_is_followed_from_its_beginning(void **state)
{
	struct story *story = *state;

	follow(story);
	story->topology.primary = 1;
	story->topology.primary_position = (struct position){ 2, 1200 };
	story->topology.nodes[1].role = NODE_PRIMARY;
	story->topology.nodes[2].position.timeline = 2;
	story_pass(story, US_PER_S);
	assert_int_equal(known(story), 0);
	assert_int_equal(story_stream(story)->state, DECODING_CLOSED);
	story_pass(story, 3 * US_PER_S);
	assert_int_equal(fake_decoding_opened(), 2);
	assert_int_equal(story->reader.logical.node, 1);
}

/* A transaction that is open may have written to what is published now. */
static void a_change_of_the_publication_wants_another_slot(void **state)
{
	struct story *story = *state;

	follow(story);
	story->publication = 8;
	shape(story, 1200, SHAPE);
	assert_int_equal(known(story), 0);
	assert_int_equal(story_stream(story)->state, DECODING_CLOSED);
	story_pass(story, 2 * US_PER_S);
	assert_int_equal(fake_decoding_opened(), 2);
	story_stream(story)->checked = 8;
	fake_decoding_begin(story_stream(story), 1, 1500);
	shape(story, 1600, SHAPE);
	assert_int_equal(known(story), 1500);
}

static void what_a_replica_shows_that_has_not_come_to_the_slot_says_nothing(void **state)
{
	struct story *story = *state;

	story_stream(story)->checked = 8;
	fake_decoding_begin(story_stream(story), 1, 1500);
	shape(story, 1499, SHAPE);
	assert_int_equal(story_stream(story)->state, DECODING_STREAMING);
	assert_int_equal(known(story), 0);
	story->publication = 8;
	shape(story, 1500, SHAPE);
	assert_int_equal(known(story), 1500);
}

/* The server was started again, behind the same address. */
static void another_life_of_the_primary_is_another_stream(void **state)
{
	struct story *story = *state;

	follow(story);
	story->topology.nodes[0].life++;
	shape(story, 1100, SHAPE);
	assert_int_equal(known(story), 0);
	assert_int_equal(story_stream(story)->state, DECODING_CLOSED);
}

static void of_another_timeline_than_the_shape_it_counts_for_nothing(void **state)
{
	struct story *story = *state;

	fake_decoding_begin(story_stream(story), 2, 1000);
	shape(story, 1100, SHAPE);
	assert_int_equal(known(story), 0);
}

/* The log is kept for it: no replica answers, or the server has stopped to decode. */
static void one_that_is_too_far_behind_is_given_up(void **state)
{
	struct story *story = *state;

	follow(story);
	story->topology.primary_position.lsn = 1000 + FEED_BEHIND_MAX;
	story_pass(story, US_PER_S);
	assert_int_equal(story_stream(story)->state, DECODING_STREAMING);
	story->topology.primary_position.lsn++;
	story_pass(story, US_PER_S);
	assert_int_equal(story_stream(story)->state, DECODING_CLOSED);
	assert_int_equal(known(story), 0);
}

static void one_whose_slot_is_not_made_for_so_long_is_given_up(void **state)
{
	struct story *story = *state;

	assert_int_equal(story_stream(story)->state, DECODING_DIALING);
	story->topology.primary_position.lsn += FEED_BEHIND_MAX + 1;
	story_pass(story, US_PER_S);
	assert_int_equal(story_stream(story)->state, DECODING_CLOSED);
}

static void what_cannot_be_had_is_tried_again_ever_more_seldom(void **state)
{
	struct story *story = *state;

	for (unsigned second = 0; second < 600; second++) {
		if (story_stream(story)->state != DECODING_CLOSED)
			fake_decoding_end(story_stream(story), "wal_level is replica, not logical");
		story_pass(story, US_PER_S);
	}
	assert_in_range(fake_decoding_opened(), 15, 40);
}

static void without_use_of_it_it_ends(void **state)
{
	struct story *story = *state;

	follow(story);
	feed_reader_stop(&story->reader);
	assert_int_equal(story_stream(story)->state, DECODING_CLOSED);
	assert_int_equal(known(story), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)
	const struct CMUnitTest tests[] = {
		TEST(a_write_raises_the_stripe_of_its_relation_only),
		TEST(nothing_is_known_before_the_shape_was_judged),
		TEST(another_shape_touches_all),
		TEST(a_keepalive_between_transactions_raises_what_is_known),
		TEST(one_within_a_transaction_does_not),
		TEST(what_is_known_never_falls),
		TEST(a_transaction_of_too_many_relations_has_touched_all),
		TEST(one_of_as_many_as_there_may_be_has_not),
		TEST(what_does_not_belong_there_is_refused),
		TEST(what_is_confirmed_is_what_is_known),
		TEST(a_stream_that_ends_takes_all_with_it),
		TEST(amid_a_transaction_too),
		TEST(another_primary_is_followed_from_its_beginning),
		TEST(a_change_of_the_publication_wants_another_slot),
		TEST(what_a_replica_shows_that_has_not_come_to_the_slot_says_nothing),
		TEST(another_life_of_the_primary_is_another_stream),
		TEST(of_another_timeline_than_the_shape_it_counts_for_nothing),
		TEST(one_that_is_too_far_behind_is_given_up),
		TEST(one_whose_slot_is_not_made_for_so_long_is_given_up),
		TEST(what_cannot_be_had_is_tried_again_ever_more_seldom),
		TEST(without_use_of_it_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
