/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c fake_decoding.c logical_story.c */
/* Rows of the feed, as they come with what is decoded. */
#include "logical_story.h"

#include "base/clock.h"
#include "fake_decoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ROWS 20009

/* Of a transaction that ends at 1100. */
static void writes_row(struct story *story, uint64_t relation, const char *tags)
{
	assert_true(sends_begin(story, 1099));
	assert_true(sends_row(story, relation, tags));
	assert_true(sends_commit(story, 1100));
	turn(story);
	shape(story, 1200, SHAPE);
	assert_int_equal(known(story), 1100);
}

static void a_row_raises_the_stripes_of_its_tags(void **state)
{
	static const uint64_t name[] = { (uint64_t)-42 };
	struct story *story = *state;

	follow(story);
	assert_true(sends_relation(story, ROWS, "invalidation"));
	writes_row(story, ROWS, "{20002,-42}");
	assert_int_equal(required(story, 1100, busy), 1100);
	assert_int_equal(required(story, 1100, name), 1100);
	assert_int_equal(required(story, 1100, quiet), 1000);
}

static void a_row_without_tags_or_with_strange_ones_touches_all(void **state)
{
	static const char *const strange[] = { NULL,       "",      "{", "{1",  "{1,}",
					       "{1,NULL}", "{1,0}", "1", "{x}", "{1}{2}" };
	struct story *story = *state;

	for (unsigned i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		follow(story);
		assert_true(sends_relation(story, ROWS, "invalidation"));
		writes_row(story, ROWS, strange[i]);
		assert_int_equal(required(story, 1100, quiet), 1100);
		fake_decoding_end(story_stream(story), "the server has ended it");
		story_pass(story, 40 * US_PER_S);
	}
}

static void a_row_of_no_tags_touches_nothing(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_true(sends_relation(story, ROWS, "invalidation"));
	writes_row(story, ROWS, "{}");
	assert_int_equal(required(story, 1100, quiet), 1000);
}

static void rows_are_those_of_one_table_only(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_true(sends_relation(story, ROWS, "invalidation"));
	assert_true(sends_relation(story, ROWS + 1, "feed_mark"));
	writes_row(story, ROWS + 1, "{20001}");
	assert_int_equal(required(story, 1100, quiet), 1000);
}

/* Its number is another table's now. */
static void a_number_means_what_was_last_said_of_it(void **state)
{
	struct story *story = *state;

	follow(story);
	assert_true(sends_relation(story, ROWS, "invalidation"));
	assert_true(sends_relation(story, ROWS, "feed_mark"));
	writes_row(story, ROWS, "{20001}");
	assert_int_equal(required(story, 1100, quiet), 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)
	const struct CMUnitTest tests[] = {
		TEST(a_row_raises_the_stripes_of_its_tags),
		TEST(a_row_without_tags_or_with_strange_ones_touches_all),
		TEST(a_row_of_no_tags_touches_nothing),
		TEST(rows_are_those_of_one_table_only),
		TEST(a_number_means_what_was_last_said_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
