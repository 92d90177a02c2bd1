/* SPDX-License-Identifier: Apache-2.0 */
/* Letters from many threads to one. */
#include "base/mailbox.h"

#include "base/limits.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define POSTERS 3
#define LETTERS 5000

static struct mailbox *mailbox;

static int setup(void **state)
{
	mailbox = mailbox_new();
	return 0;
}

static int teardown(void **state)
{
	mailbox_free(mailbox);
	return 0;
}

static bool rings(int wait_ms)
{
	struct pollfd bell = { .fd = mailbox_fd(mailbox), .events = POLLIN };

	return poll(&bell, 1, wait_ms) == 1;
}

static void a_letter_rings_until_the_owner_quiets_it(void **state)
{
	int letter;

	assert_false(rings(0));
	assert_null(mailbox_take(mailbox));
	assert_true(mailbox_post(mailbox, &letter));
	assert_true(rings(0));
	assert_true(rings(0));
	mailbox_quiet(mailbox);
	assert_false(rings(0));
	assert_ptr_equal(mailbox_take(mailbox), &letter);
	assert_null(mailbox_take(mailbox));
}

static void a_letter_after_quieting_rings_again(void **state)
{
	int first, second;

	assert_true(mailbox_post(mailbox, &first));
	mailbox_quiet(mailbox);
	assert_true(mailbox_post(mailbox, &second));
	assert_true(rings(0));
	assert_ptr_equal(mailbox_take(mailbox), &first);
	assert_ptr_equal(mailbox_take(mailbox), &second);
}

static void a_full_mailbox_says_so(void **state)
{
	int letter, taken = 0;

	while (taken <= MAILBOX_SLOTS && mailbox_post(mailbox, &letter))
		taken++;
	/* A ring keeps one slot free to tell full from empty. */
	assert_int_equal(taken, MAILBOX_SLOTS - 1);
	assert_ptr_equal(mailbox_take(mailbox), &letter);
	assert_true(mailbox_post(mailbox, &letter));
	assert_false(mailbox_post(mailbox, &letter));
}

static void waking_rings_without_a_letter(void **state)
{
	mailbox_wake(mailbox);
	assert_true(rings(0));
	mailbox_quiet(mailbox);
	assert_false(rings(0));
	assert_null(mailbox_take(mailbox));
}

struct numbered {
	unsigned poster, number;
};

static struct numbered letters[POSTERS][LETTERS];

static void *post_all(void *arg)
{
	struct numbered *mine = arg;

	for (unsigned i = 0; i < LETTERS; i++) {
		/* Written here, read by the owner: the mailbox must order the two. */
		mine[i].number = i;
		while (!mailbox_post(mailbox, &mine[i]))
			sched_yield();
	}
	return NULL;
}

static void letters_of_one_thread_arrive_in_their_order_and_none_is_lost(void **state)
{
	pthread_t threads[POSTERS];
	unsigned next[POSTERS] = { 0 }, all = 0;

	for (unsigned i = 0; i < POSTERS; i++) {
		for (unsigned j = 0; j < LETTERS; j++)
			letters[i][j].poster = i;
		assert_int_equal(pthread_create(&threads[i], NULL, post_all, letters[i]), 0);
	}
	while (all < POSTERS * LETTERS) {
		struct numbered *letter;

		/* A lost ring would hang here and fail by the test's own time-out. */
		assert_true(rings(-1));
		mailbox_quiet(mailbox);
		while ((letter = mailbox_take(mailbox))) {
			assert_int_equal(letter->number, next[letter->poster]++);
			all++;
		}
	}
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
}

static void a_letter_is_whole_even_when_taken_before_its_ring_is_heard(void **state)
{
	pthread_t thread;
	unsigned next = 0;

	assert_int_equal(pthread_create(&thread, NULL, post_all, letters[0]), 0);
	while (next < LETTERS) {
		struct numbered *letter = mailbox_take(mailbox);

		if (letter)
			assert_int_equal(letter->number, next++);
		else
			sched_yield();
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_letter_rings_until_the_owner_quiets_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_letter_after_quieting_rings_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_mailbox_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(waking_rings_without_a_letter, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_letter_is_whole_even_when_taken_before_its_ring_is_heard, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			letters_of_one_thread_arrive_in_their_order_and_none_is_lost, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
