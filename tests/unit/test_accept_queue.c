/* SPDX-License-Identifier: Apache-2.0 */
/* A crowd that was accepted: who is let in first. */
#include "base/limits.h"
#include "http/socket/accept_queue.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CROWD (2 * HTTP_NEWCOMERS_PER_TURN)

static struct accept_queue accept_queue;
static const struct sockaddr nowhere = { .sa_family = AF_UNIX };

/* Returns the descriptor that is let in when its turn comes. */
static int comes(const char *said)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	if (said)
		assert_int_equal(write(pair[1], said, strlen(said)), strlen(said));
	close(pair[1]);
	(void)accept_queue_add(&accept_queue, pair[0], &nowhere, sizeof(nowhere), NULL);
	return pair[0];
}

static int let_in(void)
{
	struct newcomer *newcomer;
	int fd;

	accept_queue_scan(&accept_queue);
	newcomer = accept_queue_take(&accept_queue);
	assert_non_null(newcomer);
	fd = newcomer->fd;
	free(newcomer);
	close(fd);
	return fd;
}

static int crowd[CROWD];

static void crowd_comes(void)
{
	accept_queue_init(&accept_queue);
	for (unsigned i = 0; i < CROWD; i++)
		crowd[i] = comes("GET / HTTP/1.1\r\n");
}

static void crowd_goes(void)
{
	while (accept_queue_waiting(&accept_queue))
		let_in();
}

/* Of the first four that are let in, is this one of them? */
static bool is_soon(int fd)
{
	bool found = false;

	for (int i = 0; i < 4; i++)
		found |= let_in() == fd;
	return found;
}

static void whoever_has_sent_a_whole_request_goes_first(void **state)
{
	static const char *const whole[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
		"POST / HTTP/1.1\r\nContent-Length:2\r\nHost: x\r\n\r\n{}",
		"POST / HTTP/1.1\r\n\r\nContent-Length: 99",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		int fd;

		crowd_comes();
		fd = comes(whole[i]);
		assert_true(is_soon(fd));
		crowd_goes();
	}
}

static void whoever_has_not_waits_with_the_others(void **state)
{
	static const char *const part[] = {
		NULL,
		"GET / HTTP/1.1\r\nHost: x\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}",
		"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		int fd;

		crowd_comes();
		fd = comes(part[i]);
		comes(NULL);
		comes(NULL);
		assert_false(is_soon(fd));
		crowd_goes();
	}
}

/* However many come with whole requests. */
static void of_the_others_every_fourth_is_the_newest_or_the_oldest(void **state)
{
	int newest, got[16];

	(void)state;
	crowd_comes();
	newest = comes(NULL);
	for (int i = 0; i < 16; i++)
		comes("GET / HTTP/1.1\r\n\r\n");
	for (int i = 0; i < 16; i++)
		got[i] = let_in();
	assert_int_equal(got[3], newest);
	assert_int_equal(got[7], crowd[0]);
	assert_int_equal(got[11], crowd[CROWD - 1]);
	assert_int_equal(got[15], crowd[1]);
	crowd_goes();
	assert_null(accept_queue_take(&accept_queue));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_has_sent_a_whole_request_goes_first),
		cmocka_unit_test(whoever_has_not_waits_with_the_others),
		cmocka_unit_test(of_the_others_every_fourth_is_the_newest_or_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
