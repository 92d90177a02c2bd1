/* SPDX-License-Identifier: Apache-2.0 */
/* What a loop remembers of jobs whose transaction was rolled back. */
#include "write/jobs/verdicts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct job_verdicts verdicts;

static struct job_row row(int64_t n)
{
	return (struct job_row){ .n = n, .run_us = 100 * n };
}

static const struct job_verdict *found(int64_t n)
{
	struct job_row job = row(n);

	return job_verdicts_find(&verdicts, &job);
}

static void add(int64_t n, const char *sqlstate, const char *message)
{
	struct job_row job = row(n);
	struct pg_error error = { .message = message };

	memcpy(error.sqlstate, sqlstate, strlen(sqlstate) + 1);
	job_verdicts_add(&verdicts, &job, VERDICT_LOST, &error);
}

static int start(void **state)
{
	verdicts = (struct job_verdicts){ 0 };
	return 0;
}

static void what_the_server_said_is_kept(void **state)
{
	char message[] = "terminating connection";

	add(7, "57P01", message);
	memset(message, '-', sizeof(message) - 1);
	assert_string_equal(found(7)->error.sqlstate, "57P01");
	assert_string_equal(found(7)->error.message, "terminating connection");
	assert_null(found(8));
}

static void one_that_the_server_said_nothing_of_has_no_words(void **state)
{
	add(7, "", "of our own");
	assert_string_equal(found(7)->error.sqlstate, "");
	assert_null(found(7)->error.message);
}

static void the_last_one_of_a_job_counts(void **state)
{
	add(7, "57P01", "first");
	add(7, "57P02", "second");
	assert_string_equal(found(7)->error.sqlstate, "57P02");
	job_verdicts_drop(&verdicts, 7);
	assert_null(found(7));
}

static void the_oldest_one_is_forgotten(void **state)
{
	for (int64_t n = 1; n <= VERDICTS_MAX + 1; n++)
		add(n, "57P01", "");
	assert_null(found(1));
	assert_non_null(found(2));
	assert_non_null(found(VERDICTS_MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_the_server_said_is_kept, start),
		cmocka_unit_test_setup(one_that_the_server_said_nothing_of_has_no_words, start),
		cmocka_unit_test_setup(the_last_one_of_a_job_counts, start),
		cmocka_unit_test_setup(the_oldest_one_is_forgotten, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
