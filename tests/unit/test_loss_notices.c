/* SPDX-License-Identifier: Apache-2.0 */
/* Users who need not be told any more. */
#include "router/consistency/loss_notices.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { USERS = 1000 };

static uint64_t user(unsigned number)
{
	return hash_bytes(&number, sizeof(number), 1);
}

static void whoever_was_put_is_there_and_nobody_else(void **state)
{
	struct loss_notices *notices = loss_notices_new(4 * USERS);

	(void)state;
	for (unsigned i = 0; i < USERS; i++) {
		assert_false(loss_notices_has(notices, user(i), 2));
		assert_true(loss_notices_put(notices, user(i), 2));
		assert_true(loss_notices_has(notices, user(i), 2));
	}
	for (unsigned i = 0; i < USERS; i++)
		assert_true(loss_notices_has(notices, user(i), 2));
	for (unsigned i = USERS; i < 4 * USERS; i++)
		assert_false(loss_notices_has(notices, user(i), 2));
	loss_notices_free(notices);
}

static void without_room_it_says_so_and_forgets_nobody(void **state)
{
	struct loss_notices *notices = loss_notices_new(8);
	unsigned put = 0;

	(void)state;
	while (loss_notices_put(notices, user(put), 2))
		put++;
	assert_int_equal(put, 8);
	for (unsigned i = 0; i < put; i++) {
		assert_true(loss_notices_has(notices, user(i), 2));
		assert_true(loss_notices_put(notices, user(i), 2));
	}
	assert_false(loss_notices_has(notices, user(put), 2));
	loss_notices_free(notices);
}

static void with_a_newer_timeline_it_begins_anew(void **state)
{
	struct loss_notices *notices = loss_notices_new(8);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_true(loss_notices_put(notices, user(i), 2));
	assert_false(loss_notices_has(notices, user(0), 3));
	for (unsigned i = 8; i < 16; i++)
		assert_true(loss_notices_put(notices, user(i), 3));
	assert_false(loss_notices_put(notices, user(16), 3));
	assert_true(loss_notices_has(notices, user(8), 3));
	loss_notices_free(notices);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_was_put_is_there_and_nobody_else),
		cmocka_unit_test(without_room_it_says_so_and_forgets_nobody),
		cmocka_unit_test(with_a_newer_timeline_it_begins_anew),
	};

	return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
