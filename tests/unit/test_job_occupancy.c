/* SPDX-License-Identifier: Apache-2.0 */
/* How many batches of a command run at once, over all threads. */
#include "write/jobs/occupancy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS 20000
#define MAX 2

static void no_more_than_the_command_allows(void **state)
{
	struct job_occupancy occupancy = JOB_OCCUPANCY_INIT;
	struct job_slots *slots = job_slots_of(&occupancy, "later");

	assert_true(job_slots_take(slots, MAX));
	assert_true(job_slots_take(slots, MAX));
	assert_false(job_slots_take(slots, MAX));
	job_slots_give(slots);
	assert_true(job_slots_take(slots, MAX));
	for (unsigned i = 0; i < MAX; i++)
		job_slots_give(slots);
	job_occupancy_fini(&occupancy);
}

static void without_a_bound_there_is_always_room(void **state)
{
	struct job_occupancy occupancy = JOB_OCCUPANCY_INIT;
	struct job_slots *slots = job_slots_of(&occupancy, "later");

	for (unsigned i = 0; i < 100; i++)
		assert_true(job_slots_take(slots, 0));
	assert_int_equal(job_slots_taken(slots), 100);
	for (unsigned i = 0; i < 100; i++)
		job_slots_give(slots);
	job_occupancy_fini(&occupancy);
}

static void a_command_has_the_same_ones_after_a_reload(void **state)
{
	struct job_occupancy occupancy = JOB_OCCUPANCY_INIT;
	struct job_slots *slots = job_slots_of(&occupancy, "later");

	assert_ptr_not_equal(slots, job_slots_of(&occupancy, "late"));
	assert_ptr_equal(slots, job_slots_of(&occupancy, "later"));
	job_occupancy_fini(&occupancy);
}

static void *race_for_slots(void *arg)
{
	struct job_slots *slots = job_slots_of(arg, "later");
	uintptr_t most = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uintptr_t taken;

		if (!job_slots_take(slots, MAX))
			continue;
		taken = job_slots_taken(slots);
		most = taken > most ? taken : most;
		job_slots_give(slots);
	}
	return (void *)most;
}

static void threads_never_pass_the_bound_together(void **state)
{
	struct job_occupancy occupancy = JOB_OCCUPANCY_INIT;
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race_for_slots, &occupancy), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *most;

		pthread_join(threads[i], &most);
		assert_true((uintptr_t)most <= MAX);
	}
	assert_int_equal(job_slots_taken(job_slots_of(&occupancy, "later")), 0);
	job_occupancy_fini(&occupancy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_the_command_allows),
		cmocka_unit_test(without_a_bound_there_is_always_room),
		cmocka_unit_test(a_command_has_the_same_ones_after_a_reload),
		cmocka_unit_test(threads_never_pass_the_bound_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
