/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts of one queue, by its tickets, a capacity and the time: no pool, no conn, no loop. */
#include "pg/admission/admission.h"

#include "base/clock.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US (1000 * US_PER_S)
#define WAIT_US (100 * US_PER_MS)
#define QUEUE_MAX 100
#define TICKETS 8

static struct {
	struct metrics *metrics;
	struct admission_shared shared;
	struct list queues[2];
	struct admission queries, commands;
	struct ticket tickets[TICKETS];
	unsigned tickets_count;
} desk;

static const struct capacity idle = { .ready = 1, .next_in_us = CLOCK_NEVER, .open = true };
static const struct capacity soon = { .next_in_us = WAIT_US / 2, .open = true };
static const struct capacity late = { .next_in_us = 9 * WAIT_US, .open = true };

static int desk_open(void **state)
{
	(void)state;
	memset(&desk, 0, sizeof(desk));
	desk.metrics = metrics_new();
	desk.shared = (struct admission_shared){ .metrics = desk.metrics,
						 .queue_max = QUEUE_MAX,
						 .wait_us = WAIT_US };
	for (unsigned i = 0; i < 2; i++)
		list_init(&desk.queues[i]);
	admission_init(&desk.queries, ADMISSION_ALONE, &desk.shared, &desk.queues[0], NULL);
	admission_init(&desk.commands, ADMISSION_COMMANDS, &desk.shared, &desk.queues[1], NULL);
	return 0;
}

static int desk_close(void **state)
{
	(void)state;
	admission_fini(&desk.queries);
	admission_fini(&desk.commands);
	metrics_free(desk.metrics);
	return 0;
}

static struct ticket *ticket(unsigned urgency)
{
	struct ticket *made = &desk.tickets[desk.tickets_count++];

	assert_true(desk.tickets_count <= TICKETS);
	made->priority = (struct priority){ .asked = true, .urgency = urgency };
	made->waits_since_us = NOW_US;
	return made;
}

/* It was admitted before. */
static struct ticket *waits(struct admission *admission, unsigned urgency)
{
	struct ticket *made = ticket(urgency);

	made->rank = threshold_rank(urgency, false, 0);
	admission_enqueue(admission, made);
	return made;
}

static enum verdict verdict(struct admission *admission, struct ticket *of,
			    const struct capacity *capacity, struct ticket **displaced)
{
	enum verdict screened = admission_screen(admission, of, NOW_US);

	return screened == VERDICT_DEPENDS
		       ? admission_admits(admission, of, capacity, NOW_US, displaced)
		       : screened;
}

static enum verdict simple(const struct capacity *capacity)
{
	struct ticket *displaced;

	return verdict(&desk.queries, ticket(3), capacity, &displaced);
}

/* All come and none is refused so far: of these ranks as many pass as are served. */
static void stands(struct admission *admission)
{
	admission->codel.overloaded = true;
	admission->codel.until_us = NOW_US + WAIT_US;
	admission->codel.gap_us = WAIT_US;
}

static void a_query_is_admitted_where_a_conn_is_expected_in_time(void **state)
{
	(void)state;
	assert_int_equal(simple(&idle), VERDICT_ADMITTED);
	assert_int_equal(simple(&soon), VERDICT_ADMITTED);
	assert_int_equal(simple(&late), VERDICT_FULL);
}

/* One that is about to be made says nothing of when it is there. */
static void where_no_conn_is_coming_nobody_knows_better(void **state)
{
	static const struct capacity none = { .next_in_us = CLOCK_NEVER };

	(void)state;
	assert_int_equal(simple(&none), VERDICT_ADMITTED);
}

static void commands_and_those_who_go_on_depend_on_no_capacity(void **state)
{
	struct ticket *goes_on = ticket(3);

	(void)state;
	goes_on->priority.asked = false;
	assert_int_equal(admission_screen(&desk.queries, goes_on, NOW_US), VERDICT_ADMITTED);
	assert_int_equal(admission_screen(&desk.commands, ticket(3), NOW_US), VERDICT_ADMITTED);
	assert_int_equal(admission_screen(&desk.queries, ticket(3), NOW_US), VERDICT_DEPENDS);
}

static void the_calls_of_a_sibling_go_first_unless_they_are_held(void **state)
{
	struct capacity capacity = soon;

	(void)state;
	desk.queries.sibling = &desk.commands;
	desk.commands.codel.gap_us = 2 * WAIT_US;
	waits(&desk.commands, 3);
	assert_int_equal(simple(&capacity), VERDICT_FULL);
	capacity.sibling_is_reserved = true;
	assert_int_equal(simple(&capacity), VERDICT_ADMITTED);
}

static void whoever_is_displaced_stays_in_the_queue_for_its_owner_to_take(void **state)
{
	struct ticket *displaced = NULL, *less_urgent;

	(void)state;
	stands(&desk.queries);
	waits(&desk.queries, 3);
	less_urgent = waits(&desk.queries, 5);
	assert_int_equal(verdict(&desk.queries, ticket(1), &soon, &displaced), VERDICT_DISPLACES);
	assert_ptr_equal(displaced, less_urgent);
	assert_int_equal(desk.queues[0].count, 2);
}

static void one_that_was_placed_before_is_never_displaced(void **state)
{
	struct ticket *displaced;

	(void)state;
	stands(&desk.queries);
	waits(&desk.queries, 3);
	waits(&desk.queries, 5)->placements = 1;
	assert_int_equal(verdict(&desk.queries, ticket(1), &soon, &displaced), VERDICT_FULL);
	assert_null(displaced);
}

static void beyond_the_threshold_no_capacity_is_asked_for(void **state)
{
	(void)state;
	stands(&desk.queries);
	waits(&desk.queries, 3);
	assert_int_equal(admission_screen(&desk.queries, ticket(3), NOW_US), VERDICT_DEPENDS);
	desk.queries.threshold->set = desk.queries.threshold->cuts = true;
	desk.queries.threshold->rank = threshold_rank(2, false, 0);
	assert_int_equal(admission_screen(&desk.queries, ticket(3), NOW_US), VERDICT_SHED);
	assert_int_equal(admission_screen(&desk.queries, ticket(1), NOW_US), VERDICT_DEPENDS);
}

static void the_late_are_taken_off_the_queue_as_far_as_there_are_too_many(void **state)
{
	struct list taken;
	struct ticket *first;

	(void)state;
	list_init(&taken);
	first = waits(&desk.queries, 3);
	for (unsigned i = 0; i < 3; i++)
		waits(&desk.queries, 3);
	admission_take_late(&desk.queries, NOW_US + 9 * WAIT_US, &taken);
	assert_int_equal(taken.count, 0);
	stands(&desk.queries);
	desk.queries.codel.until_us = NOW_US + 9 * WAIT_US;
	admission_take_late(&desk.queries, NOW_US + 9 * WAIT_US, &taken);
	assert_int_equal(taken.count, 2);
	assert_ptr_equal(list_first(&taken), &first->link);
	assert_int_equal(desk.queues[0].count, 2);
}

static void few_commands_wait_longer_only_for_a_conn_that_is_known_to_be_back(void **state)
{
	static const struct capacity none = { .next_in_us = CLOCK_NEVER };
	static const struct capacity opening = { .next_in_us = 0 };

	(void)state;
	waits(&desk.commands, 3);
	assert_int_equal(admission_expires_us(&desk.commands, &opening, NOW_US), NOW_US + WAIT_US);
	assert_int_equal(admission_expires_us(&desk.commands, &soon, NOW_US), NOW_US + 5 * WAIT_US);
	assert_int_equal(admission_expires_us(&desk.commands, &late, NOW_US), NOW_US + WAIT_US);
	assert_int_equal(admission_expires_us(&desk.commands, &none, NOW_US), NOW_US + WAIT_US);
	assert_int_equal(admission_expires_us(&desk.queries, &soon, NOW_US), NOW_US + WAIT_US);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, desk_open, desk_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_query_is_admitted_where_a_conn_is_expected_in_time),
		STORY(where_no_conn_is_coming_nobody_knows_better),
		STORY(commands_and_those_who_go_on_depend_on_no_capacity),
		STORY(the_calls_of_a_sibling_go_first_unless_they_are_held),
		STORY(whoever_is_displaced_stays_in_the_queue_for_its_owner_to_take),
		STORY(one_that_was_placed_before_is_never_displaced),
		STORY(beyond_the_threshold_no_capacity_is_asked_for),
		STORY(the_late_are_taken_off_the_queue_as_far_as_there_are_too_many),
		STORY(few_commands_wait_longer_only_for_a_conn_that_is_known_to_be_back),
	};

	return cmocka_run_group_tests_name("verdicts", tests, NULL, NULL);
}
