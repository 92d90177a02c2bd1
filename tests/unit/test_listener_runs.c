/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/*
 * How often libmicrohttpd runs for a request: each run is a system call or more. The library is the
 * real one; its runs and what it is asked to suspend are counted.
 */
#include "http_fixture.h"

#include "base/limits.h"

#include <dlfcn.h>
#include <microhttpd.h>
#include <sys/socket.h>

#define GET "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n"
#define WAITING_TURNS 20

static unsigned runs, suspended;
static struct http_client other;

/* --- the library ------------------------------------------------------------------------------ */

enum MHD_Result MHD_run(struct MHD_Daemon *daemon)
{
	static enum MHD_Result (*real)(struct MHD_Daemon *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, __func__);
	runs++;
	return real(daemon);
}

void MHD_suspend_connection(struct MHD_Connection *connection)
{
	static void (*real)(struct MHD_Connection *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, __func__);
	suspended++;
	real(connection);
}

/* --- what the stories share ------------------------------------------------------------------- */

static int start(void **state)
{
	fixture_start_api(state);
	fixture.hold = true;
	other.fd = -1;
	return 0;
}

static int stop(void **state)
{
	if (other.fd >= 0)
		http_client_close(&other);
	return fixture_stop(state);
}

static void count_from_here(void)
{
	fixture_turn();
	runs = suspended = 0;
}

static void ask(struct http_client *client, unsigned held)
{
	http_client_say(client, GET);
	fixture_wait_held(held);
}

static unsigned runs_while_nothing_happens(void)
{
	runs = 0;
	for (unsigned i = 0; i < WAITING_TURNS; i++)
		loop_turn(fixture.loop, 0);
	return runs;
}

static void answered(struct http_client *client)
{
	assert_int_equal(http_client_read(client)->status, 200);
}

/* The request of the only client was answered before, and the library has read all there was. */
static void with_a_client_that_rests(void)
{
	fixture.hold = false;
	http_client_say(&fixture.client, GET);
	answered(&fixture.client);
	fixture.hold = true;
	count_from_here();
}

/* --- one client ------------------------------------------------------------------------------- */

static void a_request_that_is_alone_takes_three_runs_and_is_not_suspended(void **state)
{
	with_a_client_that_rests();
	ask(&fixture.client, 1);
	assert_int_equal(runs, 1);
	assert_int_equal(runs_while_nothing_happens(), 0);

	fixture_finish(fixture.held[0]);
	loop_turn(fixture.loop, 0);
	assert_int_equal(runs, 2);
	answered(&fixture.client);
	assert_int_equal(runs_while_nothing_happens(), 0);
	assert_int_equal(suspended, 0);
}

static void its_reply_leaves_in_the_turn_in_which_it_is_done(void **state)
{
	char reply[16];

	with_a_client_that_rests();
	ask(&fixture.client, 1);
	fixture_finish(fixture.held[0]);
	loop_turn(fixture.loop, 0);
	assert_int_equal(recv(fixture.client.fd, reply, 12, MSG_DONTWAIT | MSG_PEEK), 12);
	assert_memory_equal(reply, "HTTP/1.1 200", 12);
	answered(&fixture.client);
}

static void a_client_that_closes_its_side_is_answered_and_closed(void **state)
{
	with_a_client_that_rests();
	http_client_say(&fixture.client, GET);
	assert_int_equal(shutdown(fixture.client.fd, SHUT_WR), 0);
	fixture_wait_held(1);
	fixture_finish(fixture.held[0]);
	answered(&fixture.client);
	assert_true(http_client_ended(&fixture.client));
}

static void a_client_that_closes_its_side_later_is_answered_and_closed(void **state)
{
	with_a_client_that_rests();
	ask(&fixture.client, 1);
	assert_int_equal(shutdown(fixture.client.fd, SHUT_WR), 0);
	fixture_turn();
	fixture_finish(fixture.held[0]);
	answered(&fixture.client);
	assert_true(http_client_ended(&fixture.client));
}

static void a_client_that_resets_its_connection_is_reported_gone(void **state)
{
	struct linger at_once = { 1, 0 };

	with_a_client_that_rests();
	ask(&fixture.client, 1);
	setsockopt(fixture.client.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	http_client_close(&fixture.client);
	fixture_turn();
	fixture_pass(HTTP_WATCH_AFTER_US);
	assert_int_equal(fixture.gone, 1);
	assert_int_equal(runs_while_nothing_happens(), 0);
	fixture_finish(fixture.held[0]);
	fixture_turn();
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
}

static void a_drain_waits_for_its_reply(void **state)
{
	with_a_client_that_rests();
	ask(&fixture.client, 1);
	listener_quiesce(fixture.listener);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 1);
	fixture_finish(fixture.held[0]);
	answered(&fixture.client);
	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void the_next_request_may_be_there_before_the_reply(void **state)
{
	with_a_client_that_rests();
	http_client_say(&fixture.client, GET GET);
	fixture_wait_held(1);
	assert_int_equal(runs_while_nothing_happens(), 0);
	fixture_finish(fixture.held[0]);
	fixture_wait_held(2);
	answered(&fixture.client);
	http_client_say(&fixture.client, GET);
	fixture_turn();
	fixture_finish(fixture.held[1]);
	fixture_wait_held(3);
	answered(&fixture.client);
	fixture_finish(fixture.held[2]);
	answered(&fixture.client);
}

/* --- several ---------------------------------------------------------------------------------- */

static void beside_a_client_that_rests_a_request_is_suspended(void **state)
{
	http_client_open(&other, fixture.loop, listener_port(fixture.listener));
	with_a_client_that_rests();
	ask(&fixture.client, 1);
	assert_int_equal(suspended, 1);
	assert_int_equal(runs_while_nothing_happens(), 0);
	ask(&other, 2);
	fixture_finish(fixture.held[0]);
	answered(&fixture.client);
	fixture_finish(fixture.held[1]);
	answered(&other);
	fixture_turn();
	assert_int_equal(runs_while_nothing_happens(), 0);
}

static void who_comes_while_a_request_is_alone_is_served(void **state)
{
	with_a_client_that_rests();
	ask(&fixture.client, 1);
	http_client_open(&other, fixture.loop, listener_port(fixture.listener));
	ask(&other, 2);
	assert_int_equal(runs_while_nothing_happens(), 0);
	fixture_finish(fixture.held[1]);
	answered(&other);
	assert_int_equal(runs_while_nothing_happens(), 0);
	fixture_finish(fixture.held[0]);
	answered(&fixture.client);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(a_request_that_is_alone_takes_three_runs_and_is_not_suspended),
		STORY(its_reply_leaves_in_the_turn_in_which_it_is_done),
		STORY(a_client_that_closes_its_side_is_answered_and_closed),
		STORY(a_client_that_closes_its_side_later_is_answered_and_closed),
		STORY(a_client_that_resets_its_connection_is_reported_gone),
		STORY(a_drain_waits_for_its_reply),
		STORY(the_next_request_may_be_there_before_the_reply),
		STORY(beside_a_client_that_rests_a_request_is_suspended),
		STORY(who_comes_while_a_request_is_alone_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
