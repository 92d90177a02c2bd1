/* SPDX-License-Identifier: Apache-2.0 */
/* When claims go from tenant to tenant, and to whom. */
#include "write/jobs/fair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TENANT(caller, user) (((int64_t)(caller) << 32) | (user))
#define FULL 32
#define NOW_US INT64_C(1000000)

static struct job_fair fair;
static struct job_tenants tenants;

static int begin(void **state)
{
	memset(&fair, 0, sizeof(fair));
	memset(&tenants, 0, sizeof(tenants));
	return 0;
}

/* So many ordinary claims that come back full; how many of them before a fair one is due. */
static unsigned run_full(unsigned times)
{
	unsigned run = 0;

	while (run < times && !job_fair_is_due(&fair, NOW_US)) {
		job_fair_ordinary(&fair, FULL, FULL);
		run++;
	}
	return run;
}

/* A fair claim, which finds jobs of so many tenants. True: it is of callers. */
static bool run_fair(unsigned found_users, unsigned found_callers, unsigned *jobs)
{
	bool of_callers = job_fair_next(&fair, jobs);

	job_fair_begin(&fair);
	job_fair_took(&fair, of_callers, of_callers ? found_callers : found_users, false);
	return of_callers;
}

static void a_queue_that_is_short_needs_none(void **state)
{
	for (unsigned i = 0; i < 1000; i++)
		job_fair_ordinary(&fair, FULL - 1, FULL);
	assert_false(job_fair_is_due(&fair, NOW_US));
}

/* What it reads is no matter of jobs then, but of what was deleted and is kept. */
static void dear_ones_are_a_tenth_of_the_time(void **state)
{
	job_fair_ordinary_took(&fair, 20000);
	job_fair_dear(&fair, JOB_FAIR_DEAR * 20000, NOW_US);
	assert_int_equal(run_full(1000), JOB_FAIR_SELDOM);
	job_fair_dear(&fair, 500000, NOW_US);
	assert_false(job_fair_is_due(&fair, NOW_US + JOB_FAIR_RESTS * 500000 - 1));
	assert_true(job_fair_is_due(&fair, NOW_US + JOB_FAIR_RESTS * 500000));
}

static void what_takes_a_moment_is_not_dear(void **state)
{
	job_fair_ordinary_took(&fair, 10);
	job_fair_dear(&fair, 1000, NOW_US);
	assert_int_equal(run_full(1000), JOB_FAIR_SELDOM);
}

static void where_there_is_one_tenant_they_are_seldom(void **state)
{
	unsigned jobs, of_callers = 0;

	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(run_full(1000), JOB_FAIR_SELDOM);
		of_callers += run_fair(0, 0, &jobs);
	}
	assert_int_equal(of_callers, 5);
}

static void where_there_are_others_each_second_claim_is_one(void **state)
{
	unsigned jobs, of_callers = 0;

	while (!fair.contended[false]) {
		assert_int_equal(run_full(1000), JOB_FAIR_SELDOM);
		(void)run_fair(1, 0, &jobs);
	}
	for (unsigned i = 0; i < 80; i++) {
		assert_int_equal(run_full(1000), 1);
		of_callers += run_fair(1, 0, &jobs);
	}
	assert_int_equal(of_callers, 80 / JOB_FAIR_SELDOM);
}

static void one_that_has_not_left_is_due_as_before(void **state)
{
	unsigned jobs;

	assert_int_equal(run_full(1000), JOB_FAIR_SELDOM);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(job_fair_next(&fair, &jobs));
		assert_true(job_fair_is_due(&fair, NOW_US));
	}
	job_fair_begin(&fair);
	assert_false(job_fair_is_due(&fair, NOW_US));
	assert_false(job_fair_next(&fair, &jobs));
}

static void one_that_found_none_so_far_is_gone_on_with(void **state)
{
	unsigned jobs;

	assert_int_equal(run_full(1000), JOB_FAIR_SELDOM);
	job_fair_begin(&fair);
	job_fair_took(&fair, true, 0, true);
	assert_int_equal(run_full(1000), 1);
	(void)run_fair(0, 0, &jobs);
	(void)run_fair(0, 0, &jobs);
	assert_int_equal(run_full(1000), JOB_FAIR_SELDOM);
}

static void tenants_share_a_claim(void **state)
{
	unsigned jobs;

	for (unsigned i = 0; i < 3; i++)
		(void)run_fair(4, 4, &jobs);
	assert_int_equal(jobs, FULL / 4);
	for (unsigned i = 0; i < 3; i++)
		(void)run_fair(100, 100, &jobs);
	assert_int_equal(jobs, 1);
}

/* --- whose jobs ------------------------------------------------------------------------------- */

static bool parts_have(bool of_callers, int64_t tenant)
{
	struct job_tenants_part parts[JOB_TENANTS_PARTS];
	unsigned count = job_tenants_parts(&tenants, of_callers, parts), found = 0;

	for (unsigned i = 0; i < count; i++)
		found += tenant > parts[i].after && tenant <= parts[i].until;
	assert_in_range(found, 0, 1);
	return found;
}

static void at_first_all_are_asked_for(void **state)
{
	struct job_tenants_part parts[JOB_TENANTS_PARTS];

	for (unsigned of_callers = 0; of_callers < 2; of_callers++) {
		assert_int_equal(job_tenants_parts(&tenants, of_callers, parts), 1);
		assert_true(parts_have(of_callers, 0));
		assert_true(parts_have(of_callers, TENANT(1, 2)));
		assert_true(parts_have(of_callers, INT64_MAX));
	}
}

static void those_behind_the_last_one_come_first_and_all_in_the_end(void **state)
{
	struct job_tenants_part parts[JOB_TENANTS_PARTS];

	tenants.at[false] = tenants.at[true] = TENANT(5, 5);
	assert_int_equal(job_tenants_parts(&tenants, false, parts), 2);
	assert_true(parts[0].after == TENANT(5, 5));
	assert_int_equal(job_tenants_parts(&tenants, true, parts), 2);
	assert_true(parts[0].after == TENANT(5, 0xffffffff));
	for (unsigned caller = 4; caller < 7; caller++)
		for (unsigned user = 4; user < 7; user++)
			for (unsigned of_callers = 0; of_callers < 2; of_callers++)
				assert_true(parts_have(of_callers, TENANT(caller, user)));
}

static void who_has_most_of_the_queue_is_left_out(void **state)
{
	const int64_t seen[] = { TENANT(5, 5), TENANT(5, 6), TENANT(5, 5), TENANT(5, 5) };

	job_tenants_saw(&tenants, seen, 4);
	assert_false(parts_have(false, TENANT(5, 5)));
	assert_true(parts_have(false, TENANT(5, 6)));
	assert_false(parts_have(true, TENANT(5, 6)));
	assert_true(parts_have(true, TENANT(6, 5)));
	assert_true(parts_have(true, TENANT(4, 5)));
	tenants.at[false] = TENANT(5, 5);
	tenants.at[true] = TENANT(3, 5);
	assert_false(parts_have(false, TENANT(5, 5)));
	assert_true(parts_have(false, TENANT(5, 4)));
	assert_false(parts_have(true, TENANT(5, 5)));
	assert_true(parts_have(true, TENANT(2, 5)));
}

static void where_none_has_most_of_it_none_is(void **state)
{
	const int64_t seen[] = { TENANT(1, 1), TENANT(2, 1), TENANT(1, 1), TENANT(2, 1) };

	job_tenants_saw(&tenants, seen, 4);
	assert_true(parts_have(false, TENANT(1, 1)));
	assert_true(parts_have(true, TENANT(2, 1)));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		STORY(a_queue_that_is_short_needs_none),
		STORY(dear_ones_are_a_tenth_of_the_time),
		STORY(what_takes_a_moment_is_not_dear),
		STORY(where_there_is_one_tenant_they_are_seldom),
		STORY(where_there_are_others_each_second_claim_is_one),
		STORY(one_that_has_not_left_is_due_as_before),
		STORY(one_that_found_none_so_far_is_gone_on_with),
		STORY(tenants_share_a_claim),
		STORY(at_first_all_are_asked_for),
		STORY(those_behind_the_last_one_come_first_and_all_in_the_end),
		STORY(who_has_most_of_the_queue_is_left_out),
		STORY(where_none_has_most_of_it_none_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
