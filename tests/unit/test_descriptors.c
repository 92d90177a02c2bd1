/* SPDX-License-Identifier: Apache-2.0 */
/* How many clients fit into a number of descriptors, and what is done about it. */
#include "cmd/descriptors.h"

#include "base/clock.h"

#include <sys/resource.h>

#include <cmocka.h>

static const struct options usual = { .loops = 2, .pool_conns = 8, .connections_max = 1000 };

static void test_nodes_and_the_process_come_first(void **state)
{
	int64_t few = descriptors_for_clients(1024, &usual, 3);

	assert_true(few < 1024 - 3 * usual.pool_conns);
	assert_true(few > 500);
	assert_true(descriptors_for_clients(1024, &usual, 4) < few);
	assert_int_equal(descriptors_for_clients(2048, &usual, 3) - few, 1024);
}

static void test_somebody_may_always_connect(void **state)
{
	assert_int_equal(descriptors_for_clients(64, &usual, 16), 1);
}

static void test_the_limit_is_raised_as_far_as_it_may(void **state)
{
	struct options options = usual;
	struct rlimit limit, after;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

	descriptors_provide(&options, 3);

	getrlimit(RLIMIT_NOFILE, &after);
	assert_int_equal(after.rlim_cur, limit.rlim_max);
}

static void test_more_clients_than_fit_are_not_let_in(void **state)
{
	struct options options = usual;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max == RLIM_INFINITY)
		skip();
	options.connections_max = (int64_t)limit.rlim_max;

	descriptors_provide(&options, 3);

	assert_int_equal(options.connections_max,
			 descriptors_for_clients((int64_t)limit.rlim_max, &usual, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_and_the_process_come_first),
		cmocka_unit_test(test_somebody_may_always_connect),
		cmocka_unit_test(test_the_limit_is_raised_as_far_as_it_may),
		cmocka_unit_test(test_more_clients_than_fit_are_not_let_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
