/* SPDX-License-Identifier: Apache-2.0 */
/* Who connects while an acceptor starts or stops: accepted, or not connected, and never reset. */
#include "http/socket/acceptor.h"

#include "base/limits.h"

#include <cmocka.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CROWD_MAX 8000

static struct loop *loop;
static struct acceptor acceptor;
static struct sockaddr_in address;
static int clients[CROWD_MAX];
static unsigned clients_count, accepted;
static bool more_come; /* each connection that is accepted brings another one */

static void client_comes(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_true(clients_count < CROWD_MAX);
	clients[clients_count++] = fd;
	(void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Connected, as the client sees it, and not reset either. */
static bool client_is_connected(int fd)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static bool client_was_reset(int fd)
{
	struct pollfd asked = { .fd = fd, .events = POLLOUT };

	return poll(&asked, 1, 0) == 1 && asked.revents & (POLLERR | POLLHUP);
}

static void on_connection(struct acceptor *a, int fd, const struct sockaddr *from, socklen_t len)
{
	accepted++;
	if (more_come)
		client_comes();
	/* The client's descriptor stays open; ours is not needed, and ends without a reset. */
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void on_full(struct acceptor *a, int fd)
{
	fail_msg("there are descriptors enough");
}

static unsigned refused, thefts, stolen_count;
static int stolen[HTTP_RESERVES];

static void on_full_refused(struct acceptor *a, int fd)
{
	refused++;
	if (stolen_count < thefts)
		stolen[stolen_count++] = fd;
	else
		close(fd);
}

/* Of so many another thread is quicker to take the descriptor that is lent next, and keeps it. */
static void thefts_begin(unsigned count)
{
	acceptor.on_full = on_full_refused;
	refused = stolen_count = 0;
	thefts = count;
}

static void thefts_end(void)
{
	thefts = 0;
	while (stolen_count)
		close(stolen[--stolen_count]);
}

/* No descriptor is free any more; gives back the limit before. */
static struct rlimit descriptors_end(void)
{
	int next = dup(STDOUT_FILENO);
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	close(next);
	none = (struct rlimit){ (rlim_t)next, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return before;
}

static int start(void **state)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	loop = loop_new("test");
	clients_count = accepted = 0;
	more_come = false;
	acceptor = (struct acceptor){ .on_connection = on_connection, .on_full = on_full };
	acceptor_init(&acceptor, loop, fd);
	return 0;
}

static int stop(void **state)
{
	acceptor_stop(&acceptor);
	for (unsigned i = 0; i < clients_count; i++)
		close(clients[i]);
	loop_free(loop);
	return 0;
}

/* Some kernels refuse socket filters to all but root; there the stop cannot keep newcomers away. */
static bool filters_are_allowed(void)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, UINT32_MAX) };
	struct sock_fprog program = { .len = 1, .filter = code };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool allowed = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;

	close(fd);
	return allowed;
}

static void who_comes_before_the_start_waits_and_is_let_in_by_it(void **state)
{
	client_comes();
	assert_true(acceptor_has_newcomers(&acceptor));
	loop_turn(loop, 0);
	assert_int_equal(accepted, 0);
	assert_true(client_is_connected(clients[0]));

	acceptor_start(&acceptor);
	loop_turn(loop, 0);
	assert_int_equal(accepted, 1);
	assert_false(acceptor_has_newcomers(&acceptor));
}

static void who_waits_when_it_is_stopped_before_its_start_is_let_in(void **state)
{
	client_comes();
	acceptor_stop(&acceptor);
	assert_int_equal(accepted, 1);
	assert_false(acceptor_has_newcomers(&acceptor));
}

/* As a conn to a node does, which stays. */
static void who_comes_is_refused_though_another_thread_keeps_what_was_lent(void **state)
{
	int64_t now_us = 1;
	struct rlimit before;

	loop_fake_clock(loop, now_us);
	thefts_begin(HTTP_RESERVES - 1);
	acceptor_start(&acceptor);
	for (unsigned i = 0; i < 2 * HTTP_RESERVES; i++)
		client_comes();
	before = descriptors_end();
	loop_turn(loop, 0);
	assert_int_equal(refused, 2 * HTTP_RESERVES);
	assert_false(acceptor_has_newcomers(&acceptor));
	assert_int_equal(acceptor.reserves_count, 1);

	close(stolen[--stolen_count]);
	loop_fake_clock(loop, now_us += HTTP_ACCEPT_PAUSE_US);
	loop_turn(loop, 0);
	assert_int_equal(acceptor.reserves_count, 2);
	thefts_end();
	loop_fake_clock(loop, now_us + HTTP_ACCEPT_PAUSE_US);
	loop_turn(loop, 0);
	assert_int_equal(acceptor.reserves_count, HTTP_RESERVES);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	client_comes();
	loop_turn(loop, 0);
	assert_int_equal(accepted, 1);
}

/* Each thread has an acceptor of its own: what one accepts is what another one lacks. */
static void who_comes_to_another_acceptor_is_refused_until_the_reserves_are_had_back(void **state)
{
	struct acceptor lacking = { .on_connection = on_connection, .on_full = on_full_refused };
	struct rlimit before;
	int64_t now_us = 1;

	loop_fake_clock(loop, now_us);
	thefts_begin(HTTP_RESERVES);
	acceptor_init(&lacking, loop, dup(acceptor.fd));
	acceptor_start(&lacking);
	for (unsigned i = 0; i < HTTP_RESERVES + 1; i++)
		client_comes();
	before = descriptors_end();
	loop_turn(loop, 0);
	assert_int_equal(refused, HTTP_RESERVES);
	assert_int_equal(lacking.reserves_count, 0);

	thefts_end();
	acceptor_start(&acceptor);
	loop_turn(loop, 0);
	assert_int_equal(refused, HTTP_RESERVES + 1);
	assert_int_equal(accepted, 0);

	loop_fake_clock(loop, now_us + HTTP_ACCEPT_PAUSE_US);
	loop_turn(loop, 0);
	assert_int_equal(lacking.reserves_count, HTTP_RESERVES);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	client_comes();
	loop_turn(loop, 0);
	assert_int_equal(accepted, 1);
	acceptor_stop(&lacking);
}

/* The kernel resets what it has accepted and we have not when the socket is closed. */
static void nobody_connects_in_the_moment_of_the_stop_only_to_be_reset(void **state)
{
	if (!filters_are_allowed())
		skip();
	acceptor_start(&acceptor);
	client_comes();
	more_come = true;
	acceptor_stop(&acceptor);
	more_come = false;
	assert_true(clients_count > accepted);
	for (unsigned i = accepted; i < clients_count; i++) {
		assert_false(client_is_connected(clients[i]));
		assert_false(client_was_reset(clients[i]));
	}
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(who_comes_before_the_start_waits_and_is_let_in_by_it),
		STORY(who_waits_when_it_is_stopped_before_its_start_is_let_in),
		STORY(who_comes_is_refused_though_another_thread_keeps_what_was_lent),
		STORY(who_comes_to_another_acceptor_is_refused_until_the_reserves_are_had_back),
		STORY(nobody_connects_in_the_moment_of_the_stop_only_to_be_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
