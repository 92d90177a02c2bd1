/* SPDX-License-Identifier: Apache-2.0 */
/* What each caller holds, and who holds the most. */
#include "http/socket/callers.h"

#include "base/random.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

static struct callers callers;

static int start(void **state)
{
	callers_init(&callers, 1);
	return 0;
}

static int stop(void **state)
{
	callers_fini(&callers);
	return 0;
}

static struct caller *take(const char *address)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { inet_addr(address) } };

	return callers_take(&callers, (struct sockaddr *)&v4);
}

static void test_an_address_is_one_caller_until_the_last_has_released_it(void **state)
{
	struct caller *a = take("10.0.0.1"), *b = take("10.0.0.2");

	assert_ptr_not_equal(a, b);
	assert_ptr_equal(take("10.0.0.1"), a);
	callers_hold(&callers, a, CALLERS_PLACES, 1);
	callers_release(&callers, a);
	assert_ptr_equal(callers_most(&callers, CALLERS_PLACES), a);
	assert_null(callers_most(&callers, CALLERS_BODIES));
	callers_let_go(&callers, a, CALLERS_PLACES, 1);
	assert_null(callers_most(&callers, CALLERS_PLACES));
	callers_release(&callers, a);
	callers_release(&callers, b);
}

static void test_clients_of_a_local_socket_are_one_caller_without_a_name(void **state)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct caller *first = callers_take(&callers, (struct sockaddr *)&local);

	assert_ptr_equal(callers_take(&callers, (struct sockaddr *)&local), first);
	assert_ptr_equal(callers_take(&callers, NULL), first);
	assert_string_equal(first->name, "");
	for (unsigned i = 0; i < 3; i++)
		callers_release(&callers, first);
}

static void test_peers_of_a_unix_socket_are_told_apart_by_uid(void **state)
{
	struct sockaddr_un root = { .sun_family = AF_UNIX, .sun_path = "uid:0" };
	struct sockaddr_un other = { .sun_family = AF_UNIX, .sun_path = "uid:1000" };
	struct caller *first = callers_take(&callers, (struct sockaddr *)&root);
	struct caller *second = callers_take(&callers, (struct sockaddr *)&other);
	struct caller *tcp = take("10.0.0.1");

	assert_string_equal(first->name, "uid:0");
	assert_true(first->uid == 0);
	assert_true(second->uid == 1000);
	assert_true(tcp->uid == -1);
	callers_release(&callers, first);
	callers_release(&callers, second);
	callers_release(&callers, tcp);
}

/* Against a look at all of them, after each of many steps. */
static void test_who_holds_the_most_is_known_whatever_comes_and_goes(void **state)
{
	enum { COUNT = 300, STEPS = 20000 };
	static struct caller *all[COUNT];
	struct random random;

	random_init(&random, 7);
	for (unsigned i = 0; i < COUNT; i++) {
		char address[32];

		snprintf(address, sizeof(address), "10.0.%u.%u", i / 200, i % 200);
		all[i] = take(address);
	}
	for (unsigned step = 0; step < STEPS; step++) {
		struct caller *caller = all[random_below(&random, COUNT)];
		enum callers_good good = (enum callers_good)(step % CALLERS_GOODS);
		uint64_t most = 0, held = caller->held[good];

		if (random_below(&random, 2))
			callers_hold(&callers, caller, good, random_below(&random, 5));
		else
			callers_let_go(&callers, caller, good,
				       random_below(&random, 3) ? held : held / 2);
		for (unsigned i = 0; i < COUNT; i++)
			if (all[i]->held[good] > most)
				most = all[i]->held[good];
		if (most)
			assert_int_equal(callers_most(&callers, good)->held[good], most);
		else
			assert_null(callers_most(&callers, good));
	}
	for (unsigned i = 0; i < COUNT; i++) {
		for (unsigned good = 0; good < CALLERS_GOODS; good++)
			callers_let_go(&callers, all[i], good, all[i]->held[good]);
		callers_release(&callers, all[i]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_an_address_is_one_caller_until_the_last_has_released_it),
		TEST(test_clients_of_a_local_socket_are_one_caller_without_a_name),
		TEST(test_peers_of_a_unix_socket_are_told_apart_by_uid),
		TEST(test_who_holds_the_most_is_known_whatever_comes_and_goes),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
