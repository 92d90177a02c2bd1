/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a node for the feed, and what its answer is read as. */
#include "router/feed/feed_question.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct stripes stripes;
static struct feed feed;
static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	feed_init(&feed, &stripes);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static bool read_line(const char *row, struct feed_answer *answer, int64_t *shape)
{
	return feed_question_read(&feed, (struct text){ row, strlen(row) }, &arena, answer, shape);
}

static void a_feed_that_begins_asks_for_no_rows(void **state)
{
	const char *values[FEED_QUESTION_VALUES];

	(void)state;
	feed_question_values(&feed, NULL, 0, &arena, values);
	assert_string_equal(values[0], "9223372036854775807");
	assert_string_equal(values[1], "{}");
	assert_string_equal(values[2], "{}");
	assert_string_equal(values[3], "{}");
}

static void one_that_follows_asks_beyond_its_greatest_id_and_among_its_gaps(void **state)
{
	const uint64_t relations[] = { 16384, 4294967295u };
	const char *values[FEED_QUESTION_VALUES];

	(void)state;
	feed.state = FEED_FOLLOWING;
	feed.greatest = 12;
	feed.gaps[0] = (struct feed_gap){ 3, 3 };
	feed.gaps[1] = (struct feed_gap){ 7, 9 };
	feed.gaps_count = 2;
	feed_question_values(&feed, relations, 2, &arena, values);
	assert_string_equal(values[0], "12");
	assert_string_equal(values[1], "{3,7}");
	assert_string_equal(values[2], "{3,9}");
	assert_string_equal(values[3], "{16384,4294967295}");
}

static void an_answer_is_read(void **state)
{
	struct feed_answer answer;
	int64_t shape;

	(void)state;
	feed.greatest = 10;
	assert_true(read_line("{\"line\":\"700|702|5|699|9|-77|8:16384 11:1,-2 12: 13:*\"}",
			      &answer, &shape));
	assert_int_equal(answer.xmin, 700);
	assert_int_equal(answer.xmax, 702);
	assert_int_equal(answer.floor, 5);
	assert_int_equal(answer.mark.xid, 699);
	assert_int_equal(answer.mark.id, 9);
	assert_true(shape == -77);
	assert_true(answer.whole);
	assert_int_equal(answer.rows_count, 4);
	assert_int_equal(answer.rows[0].id, 8);
	assert_int_equal(answer.rows[1].tags_count, 2);
	assert_true(answer.rows[1].tags[1] == (uint64_t)-2);
	assert_non_null(answer.rows[2].tags);
	assert_int_equal(answer.rows[2].tags_count, 0);
	assert_null(answer.rows[3].tags);
}

static void without_rows_and_marks_it_is_read_too(void **state)
{
	struct feed_answer answer;
	int64_t shape;

	(void)state;
	assert_true(read_line("{\"line\":\"700|700|0|||0\"}", &answer, &shape));
	assert_int_equal(answer.mark.id, -1);
	assert_int_equal(answer.rows_count, 0);
	assert_true(answer.whole);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"{\"line\":null}",
		"{\"line\":\"",
		"\"}",
		"{\"line\":\"\"}",
		"{\"line\":\"700|700|0\"}",
		"{\"line\":\"700|700|0|||0|x:1\"}",
		"{\"line\":\"700|700|0|||0|5:1 4:1\"}",
		"{\"line\":\"700|700|0|||0|5:1 5:1\"}",
		"{\"line\":\"700|700|0|||0|5:1,\"}",
		"{\"line\":\"99999999999999999999|700|0|||0\"}",
		"{\"line\":\"700|700|0|||0|5:1\"} ",
	};
	struct feed_answer answer;
	int64_t shape;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(read_line(lines[i], &answer, &shape));
}

static void as_many_rows_as_are_asked_for_may_not_be_all(void **state)
{
	struct feed_answer answer;
	struct buf line;
	int64_t shape;

	(void)state;
	buf_init(&line);
	buf_literal(&line, "{\"line\":\"700|700|0|||0|");
	for (int i = 1; i <= FEED_ROWS_MAX; i++) {
		buf_int(&line, i);
		buf_literal(&line, ":7");
		buf_byte(&line, i < FEED_ROWS_MAX ? ' ' : '"');
	}
	buf_byte(&line, '}');
	assert_true(feed_question_read(&feed, (struct text){ line.ptr, line.len }, &arena, &answer,
				       &shape));
	assert_int_equal(answer.rows_count, FEED_ROWS_MAX);
	assert_true(answer.gaps_whole);
	assert_false(answer.whole);
	/* One of them is a gap's. */
	feed.greatest = 1;
	assert_true(feed_question_read(&feed, (struct text){ line.ptr, line.len }, &arena, &answer,
				       &shape));
	assert_true(answer.whole);
	/* All of them are. */
	feed.greatest = FEED_ROWS_MAX;
	assert_true(feed_question_read(&feed, (struct text){ line.ptr, line.len }, &arena, &answer,
				       &shape));
	assert_false(answer.gaps_whole);
	assert_false(answer.whole);
	buf_fini(&line);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_feed_that_begins_asks_for_no_rows),
		TEST(one_that_follows_asks_beyond_its_greatest_id_and_among_its_gaps),
		TEST(an_answer_is_read),
		TEST(without_rows_and_marks_it_is_read_too),
		TEST(what_is_no_answer_is_refused),
		TEST(as_many_rows_as_are_asked_for_may_not_be_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
