/* SPDX-License-Identifier: Apache-2.0 */
/* Of those that ask for one key, over two loops, one leads; the others hear of its end. */
#include "read/cache/flights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define KEY ((struct text){ "key", 3 })
#define OTHER_KEY ((struct text){ "kez", 3 })

static struct cache_flights *flights;
static struct loop *loops[2];
static struct flight_desk *desks[2];
static struct flight_seat seats[8];
static unsigned landed;
static struct flight_seat *goes_too; /* leaves as soon as another one has landed */

static void on_landed(struct flight_seat *seat)
{
	assert_null(seat->flight);
	landed++;
	if (goes_too && goes_too->flight)
		flight_leave(desks[0], goes_too);
}

static int set_up(void **state)
{
	(void)state;
	flights = cache_flights_new(1);
	for (unsigned i = 0; i < 2; i++) {
		loops[i] = loop_new("flights");
		desks[i] = flight_desk_new(flights, loops[i]);
	}
	memset(seats, 0, sizeof(seats));
	for (unsigned i = 0; i < 8; i++)
		seats[i].on_landed = on_landed;
	landed = 0;
	goes_too = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		flight_desk_free(desks[i]);
		loop_free(loops[i]);
	}
	cache_flights_free(flights);
	return 0;
}

static void turn(void)
{
	loop_turn(loops[0], 0);
	loop_turn(loops[1], 0);
}

static void one_leads_and_the_others_hear_of_it(void **state)
{
	(void)state;
	assert_true(flight_board(desks[0], &seats[0], KEY));
	assert_false(flight_board(desks[0], &seats[1], KEY));
	assert_false(flight_board(desks[1], &seats[2], KEY));
	assert_true(flight_board(desks[1], &seats[3], OTHER_KEY));
	turn();
	assert_int_equal(landed, 0);

	flight_land(desks[0], &seats[0]);
	turn();
	assert_int_equal(landed, 2);

	flight_land(desks[1], &seats[3]);
	turn();
	assert_int_equal(landed, 2);
}

static void behind_its_end_another_one_leads(void **state)
{
	(void)state;
	assert_true(flight_board(desks[0], &seats[0], KEY));
	assert_false(flight_board(desks[1], &seats[1], KEY));
	flight_land(desks[0], &seats[0]);
	assert_true(flight_board(desks[0], &seats[2], KEY));
	turn();
	assert_int_equal(landed, 1);
	assert_false(flight_board(desks[1], &seats[1], KEY));
	flight_land(desks[0], &seats[2]);
	turn();
	assert_int_equal(landed, 2);
}

static void one_may_leave_before(void **state)
{
	(void)state;
	assert_true(flight_board(desks[0], &seats[0], KEY));
	assert_false(flight_board(desks[1], &seats[1], KEY));
	assert_false(flight_board(desks[1], &seats[2], KEY));
	flight_leave(desks[1], &seats[1]);
	flight_land(desks[0], &seats[0]);
	turn();
	assert_int_equal(landed, 1);
}

static void one_may_leave_while_others_go_on(void **state)
{
	(void)state;
	assert_true(flight_board(desks[0], &seats[0], KEY));
	for (unsigned i = 1; i < 4; i++)
		assert_false(flight_board(desks[0], &seats[i], KEY));
	goes_too = &seats[2];
	flight_land(desks[0], &seats[0]);
	turn();
	assert_int_equal(landed, 2);
}

static void who_does_not_lead_ends_nothing(void **state)
{
	(void)state;
	flight_land(desks[0], &seats[0]);
	assert_true(flight_board(desks[0], &seats[0], KEY));
	flight_land(desks[0], &seats[0]);
	flight_land(desks[0], &seats[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_leads_and_the_others_hear_of_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(behind_its_end_another_one_leads, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_may_leave_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_may_leave_while_others_go_on, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(who_does_not_lead_ends_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("test_cache_flights", tests, NULL, NULL);
}
