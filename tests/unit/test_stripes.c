/* SPDX-License-Identifier: Apache-2.0 */
/* Stripes: what they require, what is in doubt, and that loops read them while they change. */
#include "router/feed/stripes.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct stripes stripes;

static int set_up(void **state)
{
	(void)state;
	memset(&stripes, 0, sizeof(stripes));
	return 0;
}

static struct position at(uint32_t timeline, uint64_t lsn)
{
	return (struct position){ timeline, lsn };
}

static uint64_t required(struct position index, uint64_t tag)
{
	return stripes_required(&stripes, index, &tag, 1);
}

static void nothing_is_known_before_it_begins_and_after_it_is_forgotten(void **state)
{
	(void)state;
	assert_false(position_known(stripes_known(&stripes)));
	stripes_begin(&stripes, at(3, 100));
	assert_false(position_known(stripes_known(&stripes)));
	stripes_know(&stripes, 120);
	assert_int_equal(stripes_known(&stripes).lsn, 120);
	assert_int_equal(stripes_known(&stripes).timeline, 3);
	stripes_forget(&stripes);
	stripes_forget(&stripes);
	assert_false(position_known(stripes_known(&stripes)));
	assert_int_equal(required(at(3, 1), 5), 0);
}

static void what_is_required_is_where_the_tags_were_touched_last(void **state)
{
	const uint64_t both[] = { 5, 6 };

	(void)state;
	stripes_begin(&stripes, at(3, 100));
	stripes_touch(&stripes, 5, 150);
	stripes_touch(&stripes, 5, 140);
	stripes_touch(&stripes, 6, 170);
	stripes_know(&stripes, 200);
	assert_int_equal(required(at(3, 200), 5), 150);
	assert_int_equal(required(at(3, 200), 7), 100);
	assert_int_equal(stripes_required(&stripes, at(3, 190), both, 2), 170);
	/* No more than the index itself. */
	assert_int_equal(stripes_required(&stripes, at(3, 160), both, 2), 160);
	stripes_touch(&stripes, STRIPES_TAG_ALL, 180);
	assert_int_equal(required(at(3, 200), 7), 180);
}

static void an_index_beyond_what_is_known_or_of_another_timeline_is_not_met(void **state)
{
	(void)state;
	stripes_begin(&stripes, at(3, 100));
	stripes_know(&stripes, 200);
	assert_int_equal(required(at(3, 201), 5), 0);
	assert_int_equal(required(at(4, 150), 5), 0);
	assert_int_equal(required(at(2, 150), 5), 0);
}

static void a_new_beginning_forgets_positions_and_keeps_doubts(void **state)
{
	(void)state;
	stripes_begin(&stripes, at(3, 100));
	stripes_touch(&stripes, 5, 900);
	stripes_doubt(&stripes, 5);
	stripes_begin(&stripes, at(4, 300));
	stripes_know(&stripes, 310);
	assert_int_equal(required(at(4, 310), 5), 300);
	assert_true(stripes_in_doubt(&stripes, 5));
	stripes_settle(&stripes, 5, 305);
	assert_false(stripes_in_doubt(&stripes, 5));
	assert_int_equal(required(at(4, 310), 5), 305);
}

static void a_tag_is_in_doubt_until_each_command_has_settled(void **state)
{
	(void)state;
	stripes_doubt(&stripes, 5);
	stripes_doubt(&stripes, 5);
	stripes_settle(&stripes, 5, 0);
	assert_true(stripes_in_doubt(&stripes, 5));
	assert_false(stripes_in_doubt(&stripes, 6));
	stripes_settle(&stripes, 5, 0);
	assert_false(stripes_in_doubt(&stripes, 5));
	stripes_doubt(&stripes, STRIPES_TAG_ALL);
	assert_true(stripes_in_doubt(&stripes, 6));
	stripes_settle(&stripes, STRIPES_TAG_ALL, 0);
	assert_false(stripes_in_doubt(&stripes, 6));
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { ROUNDS = 20000, ERAS = 40, READERS = 3 };

static _Atomic bool over;

/* Tag 5 is touched at each position that is known then: whoever knows of one requires it. */
static void *write_much(void *arg)
{
	(void)arg;
	for (uint32_t era = 1; era <= ERAS; era++) {
		uint64_t lsn = 1000 * era;

		stripes_begin(&stripes, at(era, lsn));
		for (unsigned i = 0; i < ROUNDS / ERAS; i++) {
			stripes_touch(&stripes, 5, ++lsn);
			stripes_know(&stripes, lsn);
		}
	}
	atomic_store(&over, true);
	return NULL;
}

static void *read_much(void *arg)
{
	uint64_t *wrong = arg;

	while (!atomic_load(&over)) {
		struct position known = stripes_known(&stripes);
		uint64_t lsn = position_known(known) ? required(known, 5) : 0;

		/* Unknown by now, or as far as it was known. */
		if (lsn && lsn != known.lsn)
			++*wrong;
		if (position_known(known) && known.lsn / 1000 != known.timeline)
			++*wrong;
	}
	return NULL;
}

static void what_is_read_beside_a_writer_was_true_of_one_moment(void **state)
{
	pthread_t writer, readers[READERS];
	uint64_t wrong[READERS] = { 0 };

	(void)state;
	atomic_store(&over, false);
	assert_int_equal(pthread_create(&writer, NULL, write_much, NULL), 0);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_much, &wrong[i]), 0);
	pthread_join(writer, NULL);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(readers[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

static void the_state_of_tags_is_that_of_all_of_them(void **state)
{
	const uint64_t both[] = { 5, 6 };

	(void)state;
	assert_int_equal(stripes_state(&stripes, both, 2).timeline, 0);
	stripes_begin(&stripes, at(3, 100));
	assert_int_equal(stripes_state(&stripes, both, 2).timeline, 3);
	assert_int_equal(stripes_state(&stripes, both, 2).touched, 100);
	stripes_touch(&stripes, 6, 170);
	assert_int_equal(stripes_state(&stripes, both, 2).touched, 170);
	assert_int_equal(stripes_state(&stripes, both, 1).touched, 100);
	assert_false(stripes_state(&stripes, both, 2).in_doubt);
	stripes_doubt(&stripes, 6);
	assert_true(stripes_state(&stripes, both, 2).in_doubt);
	assert_false(stripes_state(&stripes, both, 1).in_doubt);
	stripes_settle(&stripes, 6, 0);
	stripes_doubt(&stripes, STRIPES_TAG_ALL);
	assert_true(stripes_state(&stripes, NULL, 0).in_doubt);
	stripes_settle(&stripes, STRIPES_TAG_ALL, 190);
	assert_int_equal(stripes_state(&stripes, NULL, 0).touched, 190);
}

/* A replica may be behind what commands of this process have committed. */
static void what_has_settled_lies_below_what_begins_again(void **state)
{
	const uint64_t tag = 5;

	(void)state;
	stripes_begin(&stripes, at(3, 100));
	stripes_doubt(&stripes, tag);
	stripes_settle(&stripes, tag, 150);
	stripes_begin(&stripes, at(3, 120));
	assert_int_equal(stripes_state(&stripes, &tag, 1).touched, 150);
	stripes_begin(&stripes, at(3, 170));
	assert_int_equal(stripes_state(&stripes, &tag, 1).touched, 170);
	/* Of another timeline it says nothing. */
	stripes_begin(&stripes, at(4, 130));
	assert_int_equal(stripes_state(&stripes, &tag, 1).touched, 130);
}

static void what_was_missed_lies_below_what_begins(void **state)
{
	(void)state;
	stripes_miss(&stripes, at(3, 150));
	stripes_miss(&stripes, at(3, 140));
	stripes_begin(&stripes, at(3, 100));
	assert_int_equal(stripes_state(&stripes, NULL, 0).touched, 150);
	/* It had begun meanwhile. */
	stripes_miss(&stripes, at(3, 160));
	assert_int_equal(stripes_state(&stripes, NULL, 0).touched, 160);
	/* Of another timeline: nothing to what began, but to what begins there. */
	stripes_miss(&stripes, at(4, 200));
	assert_int_equal(stripes_state(&stripes, NULL, 0).touched, 160);
	stripes_begin(&stripes, at(4, 180));
	assert_int_equal(stripes_state(&stripes, NULL, 0).touched, 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(the_state_of_tags_is_that_of_all_of_them),
		TEST(what_was_missed_lies_below_what_begins),
		TEST(what_has_settled_lies_below_what_begins_again),
		TEST(nothing_is_known_before_it_begins_and_after_it_is_forgotten),
		TEST(what_is_required_is_where_the_tags_were_touched_last),
		TEST(an_index_beyond_what_is_known_or_of_another_timeline_is_not_met),
		TEST(a_new_beginning_forgets_positions_and_keeps_doubts),
		TEST(a_tag_is_in_doubt_until_each_command_has_settled),
		TEST(what_is_read_beside_a_writer_was_true_of_one_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
