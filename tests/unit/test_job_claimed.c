/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a job that was claimed, by what is known of an earlier run of it. */
#include "write/jobs/claimed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct job_row fresh = { .n = 7, .run_us = 100, .attempts_max = 3 };
static const struct job_row begun = {
	.n = 7, .run_us = 100, .attempts_max = 3, .begun = 1, .begun_us = 200, .begun_by = "here:1"
};

static enum claimed_action action_of(struct job_row row)
{
	return claimed_action_of(&row, NULL, "here:1");
}

static struct job_row as_lost(struct job_row row)
{
	row.lost = true;
	return row;
}

/* What the loop that saw its transaction rolled back makes of the row. */
static enum claimed_action action_after(struct job_row seen, enum verdict_kind kind,
					struct job_row now)
{
	static struct job_verdicts verdicts;

	verdicts = (struct job_verdicts){ 0 };
	job_verdicts_add(&verdicts, &seen, kind, NULL);
	return claimed_action_of(&now, job_verdicts_find(&verdicts, &now), "here:1");
}

static void one_that_nothing_is_known_of_runs(void **state)
{
	assert_int_equal(action_of(fresh), CLAIMED_RUN);
}

static void one_whose_company_was_lost_is_begun_before_it_runs(void **state)
{
	assert_int_equal(action_of(as_lost(fresh)), CLAIMED_BEGIN);
	assert_int_equal(action_after(fresh, VERDICT_LOST, fresh), CLAIMED_BEGIN);
	assert_int_equal(action_after(fresh, VERDICT_ROLLED, fresh), CLAIMED_BEGIN);
}

static void one_that_was_begun_runs_where_it_was(void **state)
{
	struct job_row elsewhere = begun;

	elsewhere.begun_by = "there:1";
	assert_int_equal(action_of(begun), CLAIMED_RUN);
	assert_int_equal(action_of(elsewhere), CLAIMED_BEGIN);
}

static void one_that_was_lost_alone_has_had_an_attempt(void **state)
{
	struct job_row elsewhere = as_lost(begun);

	elsewhere.begun_by = "there:1";
	assert_int_equal(action_of(as_lost(begun)), CLAIMED_ENDED);
	assert_int_equal(action_of(elsewhere), CLAIMED_ENDED);
	assert_int_equal(action_after(begun, VERDICT_LOST, begun), CLAIMED_ENDED);
}

static void one_that_failed_by_itself_has_had_an_attempt(void **state)
{
	assert_int_equal(action_after(fresh, VERDICT_ERROR, as_lost(fresh)), CLAIMED_ENDED);
}

static void the_next_attempt_is_begun_as_well(void **state)
{
	struct job_row next = begun;

	next.attempts_ended = 1;
	next.begun = 2;
	next.begun_us = 0;
	next.begun_by = NULL;
	assert_int_equal(action_of(next), CLAIMED_BEGIN);
}

static void an_attempt_that_has_ended_is_no_longer_begun(void **state)
{
	struct job_row next = begun;

	next.attempts_ended = 1;
	assert_int_equal(action_of(next), CLAIMED_RUN);
	assert_int_equal(action_of(as_lost(next)), CLAIMED_BEGIN);
}

static void what_others_did_since_is_not_charged_again(void **state)
{
	struct job_row next = begun, later = fresh;

	next.attempts_ended = 1;
	later.run_us = 300;
	assert_int_equal(action_after(fresh, VERDICT_ERROR, begun), CLAIMED_RUN);
	assert_int_equal(action_after(begun, VERDICT_LOST, next), CLAIMED_RUN);
	assert_int_equal(action_after(fresh, VERDICT_ERROR, later), CLAIMED_RUN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_nothing_is_known_of_runs),
		cmocka_unit_test(one_whose_company_was_lost_is_begun_before_it_runs),
		cmocka_unit_test(one_that_was_begun_runs_where_it_was),
		cmocka_unit_test(one_that_was_lost_alone_has_had_an_attempt),
		cmocka_unit_test(one_that_failed_by_itself_has_had_an_attempt),
		cmocka_unit_test(the_next_attempt_is_begun_as_well),
		cmocka_unit_test(an_attempt_that_has_ended_is_no_longer_begun),
		cmocka_unit_test(what_others_did_since_is_not_charged_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
