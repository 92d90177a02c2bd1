/* SPDX-License-Identifier: Apache-2.0 */
/* The breaker of a command and the budget of its retries, by a clock of the test. */
#include "write/jobs/job_health.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KINDS 3
#define NOW_US (1000 * US_PER_S)

static struct job_health health;
static struct random dice;

static int begin(void **state)
{
	job_health_init(&health);
	random_init(&dice, 7);
	return 0;
}

static int end(void **state)
{
	job_health_fini(&health);
	return 0;
}

/* How many of these it takes until it opens; 0: it does not. */
static unsigned note(enum job_fault fault, unsigned times)
{
	for (unsigned i = 1; i <= times; i++) {
		enum job_breaker before = job_health_breaker(&health);

		job_health_note(&health, fault, JOB_ATTEMPT_FIRST, NOW_US);
		if (job_health_breaker(&health) != before) {
			assert_int_equal(before, JOB_BREAKER_CLOSED);
			return i;
		}
	}
	return 0;
}

static void assert_breaker(enum job_breaker breaker)
{
	assert_int_equal(job_health_breaker(&health), breaker);
}

static void fewer_than_twenty_attempts_say_nothing(void **state)
{
	assert_int_equal(note(JOB_FAULT_PASSING, JOB_HEALTH_ATTEMPTS - 1), 0);
	assert_breaker(JOB_BREAKER_CLOSED);
	assert_int_equal(note(JOB_FAULT_LOST, 1), 1);
	assert_breaker(JOB_BREAKER_TELLING);
}

static void half_of_them_is_not_enough_and_one_more_is(void **state)
{
	assert_int_equal(note(JOB_FAULT_NONE, JOB_HEALTH_ATTEMPTS), 0);
	assert_int_equal(note(JOB_FAULT_PASSING, 100), JOB_HEALTH_ATTEMPTS / 2 + 1);
}

static void it_opens_by_a_failure_only(void **state)
{
	assert_int_equal(note(JOB_FAULT_PASSING, JOB_HEALTH_ATTEMPTS - 1), 0);
	assert_int_equal(note(JOB_FAULT_NONE, 1), 0);
	assert_int_equal(note(JOB_FAULT_PASSING, 1), 1);
}

static void what_the_data_or_a_deployment_did_is_not_counted(void **state)
{
	assert_int_equal(note(JOB_FAULT_DATA, 100), 0);
	assert_int_equal(note(JOB_FAULT_DEPLOYMENT, 100), 0);
	assert_int_equal(note(JOB_FAULT_PASSING, JOB_HEALTH_ATTEMPTS - 1), 0);
	assert_breaker(JOB_BREAKER_CLOSED);
}

static void open_breaker(void)
{
	assert_int_equal(note(JOB_FAULT_PASSING, 100), JOB_HEALTH_ATTEMPTS);
	assert_true(job_health_move(&health, JOB_BREAKER_TELLING, JOB_BREAKER_OPEN));
}

static void one_that_is_open_does_not_open_again(void **state)
{
	open_breaker();
	assert_int_equal(note(JOB_FAULT_PASSING, 100), 0);
}

static void once_closed_it_has_seen_nothing(void **state)
{
	open_breaker();
	assert_true(job_health_move(&health, JOB_BREAKER_OPEN, JOB_BREAKER_CLOSED));
	assert_int_equal(note(JOB_FAULT_PASSING, 100), JOB_HEALTH_ATTEMPTS);
}

static void one_that_cannot_be_written_closes_and_begins_anew(void **state)
{
	assert_int_equal(note(JOB_FAULT_PASSING, 100), JOB_HEALTH_ATTEMPTS);
	assert_true(job_health_move(&health, JOB_BREAKER_TELLING, JOB_BREAKER_CLOSED));
	assert_int_equal(note(JOB_FAULT_PASSING, 100), JOB_HEALTH_ATTEMPTS);
	assert_breaker(JOB_BREAKER_TELLING);
}

static void where_its_row_is_gone_the_trial_that_failed_ends_too(void **state)
{
	unsigned kind;

	open_breaker();
	assert_true(job_health_move(&health, JOB_BREAKER_OPEN, JOB_BREAKER_TRIAL));
	assert_true(job_health_take_trial(&health, &kind));
	assert_true(job_health_move(&health, JOB_BREAKER_TRYING, JOB_BREAKER_FAILED));
	assert_true(job_health_move(&health, JOB_BREAKER_FAILED, JOB_BREAKER_CLOSED));
}

static void a_trial_is_one_workers(void **state)
{
	unsigned kind;

	open_breaker();
	assert_false(job_health_take_trial(&health, &kind));
	assert_true(job_health_move(&health, JOB_BREAKER_OPEN, JOB_BREAKER_TRIAL));
	assert_true(job_health_take_trial(&health, &kind));
	assert_int_equal(kind, 0);
	assert_false(job_health_take_trial(&health, &kind));
	assert_true(job_health_move(&health, JOB_BREAKER_TRYING, JOB_BREAKER_CLOSING));
}

static void a_trial_that_finds_no_job_goes_through_all_kinds_of_claims(void **state)
{
	unsigned kind;

	open_breaker();
	assert_true(job_health_move(&health, JOB_BREAKER_OPEN, JOB_BREAKER_TRIAL));
	for (unsigned i = 0; i < KINDS; i++) {
		assert_true(job_health_take_trial(&health, &kind));
		assert_int_equal(kind, i);
		job_health_pass_trial(&health, kind + 1, KINDS);
	}
	assert_breaker(JOB_BREAKER_OPEN);
}

static void what_a_trial_goes_through_is_bounded_each_time(void **state)
{
	open_breaker();
	for (unsigned i = 0; i < 2; i++) {
		unsigned kind, parts = 1;

		assert_true(job_health_move(&health, JOB_BREAKER_OPEN, JOB_BREAKER_TRIAL));
		assert_true(job_health_take_trial(&health, &kind));
		while (job_health_pass_part(&health))
			parts++;
		assert_int_equal(parts, JOB_TRIAL_PARTS);
		job_health_pass_trial(&health, KINDS, KINDS);
		assert_breaker(JOB_BREAKER_OPEN);
	}
}

/* How many retries may begin: together, which then run and fail. */
static unsigned retry(unsigned times, int64_t now_us)
{
	unsigned begun = 0;

	for (unsigned i = 0; i < times; i++)
		begun += job_health_retry_us(&health, &dice, now_us) == 0;
	for (unsigned i = 0; i < begun; i++) {
		job_health_note(&health, JOB_FAULT_DATA, JOB_ATTEMPT_RETRY, now_us);
		job_health_retried(&health);
	}
	return begun;
}

static void retries_are_a_share_of_first_attempts_and_a_reserve(void **state)
{
	assert_int_equal(retry(1000, NOW_US), JOB_RETRY_RESERVE);
	assert_int_equal(note(JOB_FAULT_DATA, 500), 0);
	assert_int_equal(retry(1000, NOW_US), 500 * JOB_RETRY_PERCENT / 100);
	assert_int_equal(retry(1000, NOW_US + WINDOW_S * US_PER_S), JOB_RETRY_RESERVE);
}

static void a_retry_that_goes_well_pays_for_the_next(void **state)
{
	for (unsigned i = 0; i < 10 * JOB_RETRY_RESERVE; i++) {
		assert_int_equal(job_health_retry_us(&health, &dice, NOW_US), 0);
		job_health_note(&health, JOB_FAULT_NONE, JOB_ATTEMPT_RETRY, NOW_US);
		job_health_retried(&health);
	}
	assert_int_equal(retry(1000, NOW_US), JOB_RETRY_RESERVE);
}

static void a_retry_that_does_not_run_costs_nothing(void **state)
{
	for (unsigned i = 0; i < 10 * JOB_RETRY_RESERVE; i++) {
		assert_int_equal(job_health_retry_us(&health, &dice, NOW_US), 0);
		job_health_retried(&health);
	}
	assert_int_equal(retry(1000, NOW_US), JOB_RETRY_RESERVE);
}

static void one_that_runs_alone_is_paid_for_once_when_it_is_begun(void **state)
{
	for (unsigned i = 0; i < JOB_RETRY_RESERVE / 2; i++) {
		assert_int_equal(job_health_retry_us(&health, &dice, NOW_US), 0);
		job_health_begin_retry(&health, NOW_US);
		job_health_retried(&health);
	}
	/* These have not run yet. */
	assert_int_equal(retry(1000, NOW_US), JOB_RETRY_RESERVE / 2);
	assert_int_equal(note(JOB_FAULT_DATA, 100), 0);
	for (unsigned i = 0; i < JOB_RETRY_RESERVE / 2; i++)
		job_health_note(&health, JOB_FAULT_DATA, JOB_ATTEMPT_BEGUN_RETRY, NOW_US);
	assert_int_equal(retry(1000, NOW_US), 100 * JOB_RETRY_PERCENT / 100);
}

static void those_that_have_not_ended_are_within_the_reserve(void **state)
{
	for (unsigned i = 0; i < JOB_RETRY_RESERVE; i++)
		assert_int_equal(job_health_retry_us(&health, &dice, NOW_US), 0);
	assert_true(job_health_retry_us(&health, &dice, NOW_US) > 0);
	job_health_retried(&health);
	assert_int_equal(job_health_retry_us(&health, &dice, NOW_US), 0);
}

static void those_put_off_come_one_after_another_within_a_bound(void **state)
{
	int64_t last_us = 0;
	unsigned apart = 0;

	assert_int_equal(retry(JOB_RETRY_RESERVE, NOW_US), JOB_RETRY_RESERVE);
	for (unsigned i = 0; i < 10000; i++) {
		int64_t wait_us = job_health_retry_us(&health, &dice, NOW_US);

		assert_in_range(wait_us, US_PER_S, JOB_RETRY_WAIT_US);
		apart += wait_us > last_us;
		last_us = wait_us;
	}
	/* As many as the reserve pays for in that time. */
	assert_true(apart > JOB_RETRY_WAIT_US / US_PER_S * JOB_RETRY_RESERVE / WINDOW_S * 9 / 10);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		STORY(fewer_than_twenty_attempts_say_nothing),
		STORY(half_of_them_is_not_enough_and_one_more_is),
		STORY(it_opens_by_a_failure_only),
		STORY(what_the_data_or_a_deployment_did_is_not_counted),
		STORY(one_that_is_open_does_not_open_again),
		STORY(once_closed_it_has_seen_nothing),
		STORY(one_that_cannot_be_written_closes_and_begins_anew),
		STORY(where_its_row_is_gone_the_trial_that_failed_ends_too),
		STORY(a_trial_is_one_workers),
		STORY(a_trial_that_finds_no_job_goes_through_all_kinds_of_claims),
		STORY(what_a_trial_goes_through_is_bounded_each_time),
		STORY(retries_are_a_share_of_first_attempts_and_a_reserve),
		STORY(a_retry_that_goes_well_pays_for_the_next),
		STORY(a_retry_that_does_not_run_costs_nothing),
		STORY(one_that_runs_alone_is_paid_for_once_when_it_is_begun),
		STORY(those_that_have_not_ended_are_within_the_reserve),
		STORY(those_put_off_come_one_after_another_within_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
