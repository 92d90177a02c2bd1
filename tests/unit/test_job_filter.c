/* SPDX-License-Identifier: Apache-2.0 */
/* Which jobs an operator means, from words to the values of statements. */
#include "write/jobs/job_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t key[SIGN_KEY_BYTES] = { 1, 2, 3 };

static struct story {
	struct job_filter filter;
	struct job_ids *ids;
	char error[JOB_FILTER_ERROR_BYTES];
} story;

static int begin(void **state)
{
	(void)state;
	job_filter_init(&story.filter);
	story.ids = job_ids_new(key);
	return 0;
}

static int end(void **state)
{
	(void)state;
	job_ids_free(story.ids);
	job_filter_fini(&story.filter);
	return 0;
}

static void add(const char *name, const char *value)
{
	if (!job_filter_add(&story.filter, text_of(name), text_of(value), story.ids, story.error))
		fail_msg("%s", story.error);
}

static void refuse(const char *name, const char *value, const char *error)
{
	assert_false(job_filter_add(&story.filter, text_of(name), text_of(value), story.ids,
				    story.error));
	assert_string_equal(story.error, error);
}

static void nothing_given_means_all(void **state)
{
	job_filter_end(&story.filter);
	for (unsigned i = 0; i < JOB_FILTER_AFTER; i++)
		assert_null(story.filter.values[i]);
	assert_string_equal(story.filter.values[JOB_FILTER_AFTER], "0");
	assert_true(job_filter_is_open(&story.filter));
	assert_string_equal(job_filter_json(&story.filter), "[]");
}

static void criteria_become_values(void **state)
{
	add("state", "dead,queued");
	add("command", "a.b");
	add("command", "c");
	add("user", "zo\"e");
	add("older_than", "2h");
	add("newer-than", "90d");
	add("limit", "500");
	job_filter_end(&story.filter);
	assert_string_equal(story.filter.values[JOB_FILTER_STATES], "{\"dead\",\"queued\"}");
	assert_string_equal(story.filter.values[JOB_FILTER_COMMANDS], "{\"a.b\",\"c\"}");
	assert_string_equal(story.filter.values[JOB_FILTER_USER], "zo\"e");
	assert_string_equal(story.filter.values[JOB_FILTER_OLDER_S], "7200");
	assert_string_equal(story.filter.values[JOB_FILTER_NEWER_S], "7776000");
	assert_int_equal(story.filter.limit, 500);
	assert_false(job_filter_is_open(&story.filter));
	assert_string_equal(
		job_filter_json(&story.filter),
		"[[\"state\",\"dead,queued\"],[\"command\",\"a.b\"],[\"command\",\"c\"],"
		"[\"user\",\"zo\\\"e\"],[\"older-than\",\"2h\"],"
		"[\"newer-than\",\"90d\"],[\"limit\",\"500\"]]");
}

static void a_limit_alone_means_all(void **state)
{
	add("limit", "5");
	job_filter_end(&story.filter);
	assert_true(job_filter_is_open(&story.filter));
}

static void ids_are_read_by_their_key(void **state)
{
	struct job_number number = { .n = 7, .mark = -3 };
	char id[JOB_ID_CHARS + 1];

	job_id_write(story.ids, number, id);
	add("id", id);
	add("after", id);
	job_filter_end(&story.filter);
	assert_string_equal(story.filter.values[JOB_FILTER_N], "{7}");
	assert_string_equal(story.filter.values[JOB_FILTER_MARK], "{-3}");
	assert_string_equal(story.filter.values[JOB_FILTER_AFTER], "7");
	assert_int_equal(story.filter.ids_count, 1);
	assert_true(job_filter_takes_ids(TEXT("id")));
	assert_true(job_filter_takes_ids(TEXT("after")));
	assert_false(job_filter_takes_ids(TEXT("user")));
}

static void what_cannot_be_meant_is_refused(void **state)
{
	assert_true(job_filter_knows(TEXT("older_than")));
	assert_false(job_filter_knows(TEXT("older")));
	assert_false(job_filter_knows(TEXT("older-than-that")));
	refuse("state", "ded", "state: \"ded\" is no state of a job; did you mean \"dead\"?");
	refuse("state", "dead,,queued", "state: \",queued\" lacks a name");
	refuse("command", "a'b", "command: \"a'b\" is no name of a command");
	refuse("id", "x", "id: \"x\" is no id of a job");
	refuse("user", "", "user: \"\" is empty");
	refuse("older-than", "5",
	       "older-than: \"5\" is no duration: a whole number and s, m, h or d");
	refuse("limit", "0", "limit: \"0\" is no whole number from 1");
	refuse("limit", "-1", "limit: \"-1\" is no whole number of jobs");
	refuse("limit", "1000000000", "limit: \"1000000000\" is no whole number of jobs");
	add("user", "ann");
	refuse("user", "bob", "user: \"bob\" is the second one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_given_means_all, begin, end),
		cmocka_unit_test_setup_teardown(criteria_become_values, begin, end),
		cmocka_unit_test_setup_teardown(a_limit_alone_means_all, begin, end),
		cmocka_unit_test_setup_teardown(ids_are_read_by_their_key, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_meant_is_refused, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
