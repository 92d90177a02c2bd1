/* SPDX-License-Identifier: Apache-2.0 */
/* Two conns on one backend: what stands in between shares its server connections. */
#include "base/limits.h"
#include "pg/wire/pooler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void conns_with_backends_of_their_own_are_fine(void **state)
{
	struct pooler *pooler = pooler_new();

	(void)state;
	for (uint64_t backend = 1; backend <= 100; backend++)
		assert_true(pooler_enter(pooler, backend, 1));
	pooler_leave(pooler, 7);
	assert_true(pooler_enter(pooler, 7, 1));
	assert_false(pooler_is_shared(pooler, 1));
	for (uint64_t backend = 1; backend <= 100; backend++)
		pooler_leave(pooler, backend);
	pooler_free(pooler);
}

static void two_conns_on_one_backend_refuse_the_node_for_a_while(void **state)
{
	struct pooler *pooler = pooler_new();

	(void)state;
	assert_true(pooler_enter(pooler, 7, 1));
	assert_false(pooler_enter(pooler, 7, 1));
	assert_true(pooler_is_shared(pooler, POOLER_SHARED_US));
	assert_false(pooler_is_shared(pooler, POOLER_SHARED_US + 1));
	pooler_leave(pooler, 7);
	pooler_free(pooler);
}

static void a_conn_that_moved_refuses_the_node_for_a_while(void **state)
{
	struct pooler *pooler = pooler_new();

	(void)state;
	pooler_caught(pooler, 5);
	assert_true(pooler_is_shared(pooler, 6));
	assert_true(pooler_takes_options(pooler));
	pooler_refused_options(pooler);
	assert_false(pooler_takes_options(pooler));
	pooler_free(pooler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conns_with_backends_of_their_own_are_fine),
		cmocka_unit_test(two_conns_on_one_backend_refuse_the_node_for_a_while),
		cmocka_unit_test(a_conn_that_moved_refuses_the_node_for_a_while),
	};

	return cmocka_run_group_tests_name("pooler", tests, NULL, NULL);
}
