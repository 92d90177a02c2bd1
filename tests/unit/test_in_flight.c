/* SPDX-License-Identifier: Apache-2.0 */
/* What the page of requests in flight is given: the oldest of a loop, the oldest first. */
#include "cmd/in_flight.h"

#include "router/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OTHERS 6
#define ALL (IN_FLIGHT_MAX + OTHERS)

static struct loop *loop;
static struct router router;
static struct reads reads;
static struct writes writes;
static struct in_flight_board board;
static struct request requests[ALL];
static struct read paths[ALL];

static int setup(void **state)
{
	(void)state;
	loop = loop_new("test");
	memset(&router, 0, sizeof(router));
	router.loop = loop;
	reads = (struct reads){ .router = &router };
	for (unsigned i = 0; i < READ_STATES; i++)
		list_init(&reads.in_state[i]);
	memset(&writes, 0, sizeof(writes));
	for (unsigned i = 0; i < WRITE_STATES; i++)
		list_init(&writes.in_state[i]);
	memset(requests, 0, sizeof(requests));
	memset(paths, 0, sizeof(paths));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	in_flight_stop(&board);
	in_flight_free(&board);
	loop_free(loop);
	return 0;
}

/* A query that waits for its moment, born then. */
static void wait_in_flight(unsigned i, int64_t born_us)
{
	struct request *request = &requests[i];

	snprintf(request->id, sizeof(request->id), "%u", i);
	request->loop = loop;
	request->kind = REQUEST_QUERY;
	request->operation_name = "balance";
	request->task = &paths[i].task;
	request->born_us = born_us;
	paths[i].reads = &reads;
	request_begin(request, &read_path, reads.in_state);
	request->state = READ_BACKOFF;
	assert_int_equal(request_wait(request, WAIT_BACKOFF, NULL), STEP_WAIT);
}

static struct in_flight published(void)
{
	struct in_flight shown = { .count = 0 };
	struct snapshot_reader *reader;

	in_flight_start(&board, &reads, &writes);
	reader = snapshot_reader_new(board.snapshot);
	assert_int_equal(snapshot_read(reader, &shown), 1);
	snapshot_reader_free(reader);
	return shown;
}

static void the_oldest_is_first_in_whatever_order_they_came(void **state)
{
	struct in_flight shown;

	(void)state;
	wait_in_flight(0, 30);
	wait_in_flight(1, 10);
	wait_in_flight(2, 20);
	shown = published();

	assert_int_equal(shown.requests, 3);
	assert_int_equal(shown.count, 3);
	assert_string_equal(shown.entries[0].id, "1");
	assert_string_equal(shown.entries[1].id, "2");
	assert_string_equal(shown.entries[2].id, "0");
	assert_string_equal(shown.entries[0].state, "backoff");
	assert_string_equal(shown.entries[0].waits_for, "backoff");
	assert_string_equal(shown.entries[0].kind, "query");
	assert_null(shown.entries[0].node);
}

static void of_too_many_the_youngest_are_counted_only(void **state)
{
	struct in_flight shown;

	(void)state;
	for (unsigned i = 0; i < ALL; i++)
		wait_in_flight(i, 1000 - i);
	shown = published();

	assert_int_equal(shown.requests, ALL);
	assert_int_equal(shown.count, IN_FLIGHT_MAX);
	for (unsigned i = 0; i < IN_FLIGHT_MAX; i++)
		assert_int_equal(shown.entries[i].born_us, 1000 - (ALL - 1) + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_oldest_is_first_in_whatever_order_they_came,
						setup, teardown),
		cmocka_unit_test_setup_teardown(of_too_many_the_youngest_are_counted_only, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
