/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* More clients than there is room for, and clients that do not take their replies. */
#include "http_fixture.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REQUEST "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n"

/* --- accept, as the kernel has it, but for errors that a test asks for ------------------------ */

static int accept_errors[8];
static unsigned accept_errors_count;

int accept4(int fd, struct sockaddr *name, socklen_t *len, int flags)
{
	if (accept_errors_count) {
		errno = accept_errors[--accept_errors_count];
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, name, len, flags);
}

static int start(void **state)
{
	accept_errors_count = 0;
	return fixture_start_api(state);
}

static void open_another(struct http_client *client)
{
	http_client_open(client, fixture.loop, listener_port(fixture.listener));
}

static void assert_served(struct http_client *client)
{
	http_client_say(client, REQUEST);
	assert_int_equal(http_client_read(client)->status, 200);
}

static void assert_told_that_it_is_full(struct http_client *client)
{
	const struct http_reply *reply = http_client_read(client);

	fixture_assert_problem(reply, 503, "shed");
	assert_string_equal(http_reply_header(reply, "Retry-After"), "1");
	assert_string_equal(http_reply_header(reply, "Connection"), "close");
	assert_true(http_client_ended(client));
}

/* --- too many connections --------------------------------------------------------------------- */

static int start_with_room_for_two(void **state)
{
	struct listener_settings settings = { .handlers = { fixture_take, &fixture },
					      .connections_max = 2 };

	accept_errors_count = 0;
	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static void test_a_connection_too_many_is_told_so_and_the_others_are_served(void **state)
{
	struct http_client second, third;

	assert_served(&fixture.client);
	open_another(&second);
	assert_served(&second);
	open_another(&third);
	http_client_say(&third, REQUEST);

	assert_told_that_it_is_full(&third);
	assert_served(&fixture.client);
	assert_served(&second);
	assert_int_equal(metrics_sum(METRIC_http_refused_total), 1);
	http_client_close(&third);

	http_client_close(&second);
	open_another(&third);
	assert_served(&third);
	http_client_close(&third);
}

static void test_who_rests_long_yields_the_place_to_who_comes(void **state)
{
	struct http_client second, third;

	(void)state;
	assert_served(&fixture.client);
	fixture_pass(HTTP_YIELD_REST_US);
	open_another(&second);
	assert_served(&second);
	open_another(&third);

	assert_served(&third);
	assert_true(http_client_ended(&fixture.client));
	assert_served(&second);
	assert_int_equal(metrics_sum(METRIC_http_yielded_total), 1);
	http_client_close(&second);
	http_client_close(&third);
}

static void page_alive(struct admin_reply *reply, void *arg)
{
	(void)arg;
	reply->content_type = "text/plain";
	buf_literal(&reply->body, "alive\n");
}

static int start_admin_with_room_for_two(void **state)
{
	static const struct admin_page pages[] = {
		{ "/livez", .answer = page_alive, .is_open = true }, { NULL }
	};
	struct listener_settings settings = { .pages = pages, .connections_max = 2 };

	accept_errors_count = 0;
	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static void test_a_probe_is_answered_though_others_hold_all_places(void **state)
{
	struct http_client second, probe;

	(void)state;
	open_another(&second);
	http_client_say(&second, "GET /livez HTTP/1.1\r\nX-Slow: ");
	fixture_turn();
	for (unsigned i = 0; i < 3; i++) {
		open_another(&probe);
		http_client_say(&probe, "GET /livez HTTP/1.1\r\n" HOST "\r\n");
		assert_int_equal(http_client_read(&probe)->status, 200);
		http_client_close(&probe);
	}
	http_client_close(&second);
}

static int start_with_large_bodies(void **state)
{
	struct listener_settings settings = { .handlers = { fixture_take, &fixture } };

	accept_errors_count = 0;
	fixture_start(state);
	fixture_listen(&settings);
	listener_set_limits(fixture.listener, 1 << 20, REQUEST_TIMEOUT_US);
	return 0;
}

static void test_bodies_on_their_way_in_have_a_budget(void **state)
{
	static char piece[900000];
	static struct http_client slow[50];
	const struct http_reply *reply;

	(void)state;
	memset(piece, ' ', sizeof(piece));
	for (unsigned i = 0; i < 50; i++) {
		open_another(&slow[i]);
		http_client_say(&slow[i], "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					  "Content-Length: 1000000\r\n\r\n");
		assert_true(http_client_send(&slow[i], piece, sizeof(piece)));
		for (unsigned turn = 0; turn < 30; turn++)
			fixture_turn();
		assert_true(fixture.listener->connections.bodies_bytes <= HTTP_BODIES_BYTES_MAX);
	}
	reply = http_client_read(&slow[0]);
	fixture_assert_problem(reply, 503, "shed");
	assert_string_equal(http_reply_header(reply, "Retry-After"), "1");
	assert_true(metrics_sum(METRIC_http_yielded_total) >= 10);
	assert_served(&fixture.client);
	for (unsigned i = 0; i < 50; i++)
		http_client_close(&slow[i]);
}

static int start_with_one_per_address(void **state)
{
	struct listener_settings settings = { .handlers = { fixture_take, &fixture },
					      .connections_per_address = 1 };

	accept_errors_count = 0;
	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static void test_an_address_with_too_many_connections_gets_no_more(void **state)
{
	struct http_client second;

	assert_served(&fixture.client);
	open_another(&second);

	assert_true(http_client_ended(&second));
	assert_served(&fixture.client);
	assert_int_equal(metrics_sum(METRIC_http_refused_total), 1);
	http_client_close(&second);
	http_client_close(&fixture.client);
	open_another(&fixture.client);
	assert_served(&fixture.client);
}

static int start_with_room_for_many(void **state)
{
	struct listener_settings settings = { .handlers = { fixture_take, &fixture },
					      .connections_max = 1000 };

	accept_errors_count = 0;
	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

/* Closing costs time, which the others would notice. */
static void test_a_crowd_whose_time_is_over_is_not_closed_in_one_turn(void **state)
{
	enum { CROWD = 3 * HTTP_CLOSES_PER_TURN };
	static struct http_client crowd[CROWD];
	unsigned before, turns = 0;

	for (unsigned i = 0; i < CROWD; i++) {
		open_another(&crowd[i]);
		http_client_say(&crowd[i], "GET /v1/queries/one HTTP/1.1\r\n");
	}
	for (int i = 0; i < 100 && listener_in_flight(fixture.listener) < CROWD; i++)
		loop_turn(fixture.loop, 5000);
	assert_int_equal(listener_in_flight(fixture.listener), CROWD);

	fixture.now_us += REQUEST_TIMEOUT_US + HTTP_SWEEP_US;
	loop_fake_clock(fixture.loop, fixture.now_us);
	do {
		before = metrics_sum(METRIC_http_timed_out_total);
		loop_turn(fixture.loop, 5000);
		assert_true(metrics_sum(METRIC_http_timed_out_total) - before <=
			    HTTP_CLOSES_PER_TURN);
	} while (metrics_sum(METRIC_http_timed_out_total) < CROWD && ++turns < 100);

	assert_int_equal(metrics_sum(METRIC_http_timed_out_total), CROWD);
	for (unsigned i = 0; i < CROWD; i++)
		http_client_close(&crowd[i]);
}

/* All of them connect before the loop turns, and say little. The one among them who says it all is
 * answered before half of them are in. */
static void test_who_says_it_all_does_not_wait_for_a_crowd(void **state)
{
	enum { CROWD = 12 * HTTP_NEWCOMERS_PER_TURN };
	static struct http_client crowd[CROWD];
	struct http_client *quick = &crowd[CROWD / 2];

	for (unsigned i = 0; i < CROWD; i++) {
		open_another(&crowd[i]);
		http_client_say(&crowd[i], "GET ");
	}
	http_client_say(quick, "/v1/queries/one HTTP/1.1\r\n" HOST "\r\n");

	assert_int_equal(http_client_read(quick)->status, 200);
	assert_in_range(accept_queue_waiting(&fixture.listener->accept_queue), CROWD / 2, CROWD);
	for (int i = 0; i < 100 && accept_queue_waiting(&fixture.listener->accept_queue); i++)
		loop_turn(fixture.loop, 0);
	assert_int_equal(accept_queue_waiting(&fixture.listener->accept_queue), 0);

	for (unsigned i = 0; i < CROWD; i++)
		http_client_close(&crowd[i]);
}

/* Who is refused for its address takes no place of the others. */
static void test_a_crowd_of_one_address_is_refused_in_one_turn(void **state)
{
	enum { CROWD = 3 * HTTP_NEWCOMERS_PER_TURN };
	static struct http_client crowd[CROWD];

	assert_served(&fixture.client);
	for (unsigned i = 0; i < CROWD; i++)
		open_another(&crowd[i]);
	loop_turn(fixture.loop, 5000);
	assert_int_equal(accept_queue_waiting(&fixture.listener->accept_queue), 0);
	assert_int_equal(metrics_sum(METRIC_http_refused_total), CROWD);
	assert_served(&fixture.client);
	for (unsigned i = 0; i < CROWD; i++)
		http_client_close(&crowd[i]);
}

/* --- memory ----------------------------------------------------------------------------------- */

static unsigned trimmed;

int malloc_trim(size_t pad)
{
	(void)pad;
	trimmed++;
	return 0;
}

/* The loops do it one by one: as this one would, were it two. */
static void test_memory_of_a_crowd_is_given_back_not_twice_at_once(void **state)
{
	assert_served(&fixture.client);
	trimmed = 0;
	fixture.listener->peak = 2 * HTTP_TRIM_CONNECTIONS;
	fixture_pass(HTTP_SWEEP_US);
	assert_int_equal(trimmed, 1);
	fixture.listener->peak = 2 * HTTP_TRIM_CONNECTIONS;
	fixture_pass(HTTP_SWEEP_US);
	assert_int_equal(trimmed, 1);
	/* It is not forgotten when nobody is left. */
	http_client_close(&fixture.client);
	fixture_turn();
	fixture_pass(HTTP_SWEEP_US);
	assert_int_equal(trimmed, 1);
	fixture_pass(HTTP_TRIM_PAUSE_US);
	assert_int_equal(trimmed, 2);
	open_another(&fixture.client);
}

static void test_who_waits_to_be_let_in_is_answered_before_the_end(void **state)
{
	enum { CROWD = 3 * HTTP_NEWCOMERS_PER_TURN };
	static struct http_client crowd[CROWD];

	for (unsigned i = 0; i < CROWD; i++) {
		open_another(&crowd[i]);
		http_client_say(&crowd[i], REQUEST);
	}
	loop_turn(fixture.loop, 5000);
	assert_in_range(accept_queue_waiting(&fixture.listener->accept_queue), 1, CROWD);

	listener_quiesce(fixture.listener);

	assert_int_equal(accept_queue_waiting(&fixture.listener->accept_queue), 0);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_int_equal(http_client_read(&crowd[i])->status, 200);
		http_client_close(&crowd[i]);
	}
}

/* --- no descriptors --------------------------------------------------------------------------- */

static void test_without_descriptors_clients_are_refused_and_not_left_waiting(void **state)
{
	struct rlimit before, few = { 0 };
	struct http_client waiting[3];
	int taken[256];
	unsigned count = 0;

	assert_served(&fixture.client);
	for (unsigned i = 0; i < 3; i++)
		open_another(&waiting[i]);
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = 200;
	setrlimit(RLIMIT_NOFILE, &few);
	while (count < 256 && (taken[count] = fcntl(0, F_DUPFD_CLOEXEC, 0)) >= 0)
		count++;
	assert_true(count > 0 && count < 256);

	for (unsigned i = 0; i < 3; i++)
		assert_told_that_it_is_full(&waiting[i]);
	assert_served(&fixture.client);

	while (count)
		close(taken[--count]);
	setrlimit(RLIMIT_NOFILE, &before);
	for (unsigned i = 0; i < 3; i++)
		http_client_close(&waiting[i]);
	open_another(&waiting[0]);
	assert_served(&waiting[0]);
	http_client_close(&waiting[0]);
}

static void test_a_machine_without_descriptors_or_memory_is_asked_again(void **state)
{
	static const int errors[] = { ENFILE, ENOMEM, ENOBUFS };

	assert_served(&fixture.client);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct http_client client;

		/* Twice: also with the descriptor in spare. */
		accept_errors[0] = accept_errors[1] = errors[i];
		accept_errors_count = errors[i] == ENFILE ? 2 : 1;
		open_another(&client);
		http_client_say(&client, REQUEST);
		assert_true(http_client_silent(&client));
		assert_int_equal(accept_errors_count, 0);
		assert_served(&fixture.client);

		fixture_pass(HTTP_ACCEPT_PAUSE_US);
		assert_int_equal(http_client_read(&client)->status, 200);
		http_client_close(&client);
	}
}

static void test_a_connection_that_failed_does_not_keep_the_next_one_waiting(void **state)
{
	struct http_client client;

	assert_served(&fixture.client);
	accept_errors[0] = ECONNABORTED;
	accept_errors[1] = EPROTO;
	accept_errors_count = 2;
	open_another(&client);

	assert_served(&client);
	http_client_close(&client);
}

/* --- replies that are not taken --------------------------------------------------------------- */

#define LARGE_BYTES (16 << 20)

static void take_and_answer_much(struct request *request, void *arg)
{
	memset(buf_reserve(&request->out, LARGE_BYTES), ' ', LARGE_BYTES);
	request->out.len = LARGE_BYTES;
	request->done_us = loop_now(request->loop);
	request->on_done(request);
}

static int start_answering_much(void **state)
{
	struct listener_settings settings = { .handlers = { take_and_answer_much, &fixture } };

	accept_errors_count = 0;
	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

/* Reads a byte each second; true: the listener still sends. */
static bool sends_for(int64_t us)
{
	char byte;

	for (int64_t passed = 0; passed < us; passed += US_PER_S) {
		(void)!recv(fixture.client.fd, &byte, 1, MSG_DONTWAIT);
		fixture_pass(US_PER_S);
	}
	return listener_in_flight(fixture.listener) == 1;
}

static void test_a_reply_has_a_time_that_grows_with_its_size_and_no_longer(void **state)
{
	int64_t us_max =
		HTTP_SENDING_US + LARGE_BYTES * (int64_t)US_PER_S / HTTP_SENDING_BYTES_PER_S_MIN;

	http_client_say(&fixture.client, REQUEST);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 1);

	assert_true(sends_for(us_max - 2 * US_PER_S));
	assert_int_equal(metrics_sum(METRIC_http_timed_out_total), 0);
	assert_false(sends_for(4 * US_PER_S));
	assert_int_equal(metrics_sum(METRIC_http_timed_out_total), 1);
}

/* Else the kernel would hold what was sent until it gives up, minutes later. */
static void test_what_the_kernel_holds_of_such_a_reply_is_thrown_away(void **state)
{
	static char piece[65536];
	ssize_t got, all = 0;

	http_client_say(&fixture.client, REQUEST);
	fixture_turn();
	fixture_pass(HTTP_SENDING_US +
		     LARGE_BYTES * (int64_t)US_PER_S / HTTP_SENDING_BYTES_PER_S_MIN +
		     HTTP_SWEEP_US);
	assert_int_equal(listener_in_flight(fixture.listener), 0);

	while ((got = recv(fixture.client.fd, piece, sizeof(piece), 0)) > 0)
		all += got;
	assert_int_equal(got, -1);
	assert_int_equal(errno, ECONNRESET);
	assert_true(all < LARGE_BYTES);
}

static void test_replies_that_are_not_taken_do_not_fill_the_memory(void **state)
{
	enum { FITTING = HTTP_SENDING_BYTES_MAX / LARGE_BYTES };
	struct http_client clients[FITTING];

	http_client_say(&fixture.client, REQUEST);
	fixture_turn();
	for (unsigned i = 0; i + 1 < FITTING; i++) {
		open_another(&clients[i]);
		http_client_say(&clients[i], REQUEST);
		fixture_turn();
	}
	assert_int_equal(listener_in_flight(fixture.listener), FITTING);
	assert_int_equal(metrics_sum(METRIC_http_timed_out_total), 0);

	open_another(&clients[FITTING - 1]);
	http_client_say(&clients[FITTING - 1], REQUEST);
	fixture_turn();

	/* The one that has had the longest time is the one that goes. */
	assert_int_equal(listener_in_flight(fixture.listener), FITTING);
	assert_int_equal(metrics_sum(METRIC_http_timed_out_total), 1);
	assert_true(http_client_ended(&fixture.client));
	for (unsigned i = 0; i < FITTING; i++)
		http_client_close(&clients[i]);
}

/* A client that takes what it is given is not held to the time of a request. */
static void test_a_large_reply_that_is_read_arrives_whole(void **state)
{
	static char piece[65536];
	size_t all = 0;

	http_client_say(&fixture.client, REQUEST);
	fixture_turn();
	for (int i = 0; i < 100000 && all < LARGE_BYTES; i++) {
		ssize_t got = recv(fixture.client.fd, piece, sizeof(piece), MSG_DONTWAIT);

		if (got > 0)
			all += (size_t)got;
		else
			loop_turn(fixture.loop, 5000);
	}
	assert_true(all >= LARGE_BYTES);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

/* The library is done with it, the kernel holds the rest, and its time at rest is cut short. */
static void test_a_reply_that_is_on_its_way_survives_a_drain(void **state)
{
	static char piece[65536];
	size_t all = 0;
	ssize_t got;

	http_client_say(&fixture.client, REQUEST);
	fixture_turn();
	for (int i = 0; i < 100000 && listener_in_flight(fixture.listener); i++) {
		got = recv(fixture.client.fd, piece, sizeof(piece), MSG_DONTWAIT);
		all += got > 0 ? (size_t)got : 0;
		loop_turn(fixture.loop, 1000);
	}
	assert_true(all < LARGE_BYTES);

	listener_quiesce(fixture.listener);
	fixture_pass(HTTP_LAST_REST_US + HTTP_SWEEP_US);
	assert_int_equal(listener_in_flight(fixture.listener), 0);

	while ((got = recv(fixture.client.fd, piece, sizeof(piece), 0)) > 0)
		all += (size_t)got;
	assert_int_equal(got, 0);
	assert_true(all > LARGE_BYTES);
}

int main(void)
{
#define WITH(setup, test) cmocka_unit_test_setup_teardown(test, setup, fixture_stop)
	const struct CMUnitTest tests[] = {
		WITH(start_with_room_for_two, test_who_rests_long_yields_the_place_to_who_comes),
		WITH(start_admin_with_room_for_two,
		     test_a_probe_is_answered_though_others_hold_all_places),
		WITH(start_with_large_bodies, test_bodies_on_their_way_in_have_a_budget),
		WITH(start_with_room_for_two,
		     test_a_connection_too_many_is_told_so_and_the_others_are_served),
		WITH(start_with_one_per_address,
		     test_an_address_with_too_many_connections_gets_no_more),
		WITH(start_with_room_for_many,
		     test_a_crowd_whose_time_is_over_is_not_closed_in_one_turn),
		WITH(start_with_one_per_address,
		     test_a_crowd_of_one_address_is_refused_in_one_turn),
		WITH(start, test_memory_of_a_crowd_is_given_back_not_twice_at_once),
		WITH(start_with_room_for_many, test_who_says_it_all_does_not_wait_for_a_crowd),
		WITH(start_with_room_for_many,
		     test_who_waits_to_be_let_in_is_answered_before_the_end),
		WITH(start, test_without_descriptors_clients_are_refused_and_not_left_waiting),
		WITH(start, test_a_machine_without_descriptors_or_memory_is_asked_again),
		WITH(start, test_a_connection_that_failed_does_not_keep_the_next_one_waiting),
		WITH(start_answering_much,
		     test_a_reply_has_a_time_that_grows_with_its_size_and_no_longer),
		WITH(start_answering_much,
		     test_what_the_kernel_holds_of_such_a_reply_is_thrown_away),
		WITH(start_answering_much, test_replies_that_are_not_taken_do_not_fill_the_memory),
		WITH(start_answering_much, test_a_large_reply_that_is_read_arrives_whole),
		WITH(start_answering_much, test_a_reply_that_is_on_its_way_survives_a_drain),
	};
#undef WITH

	return cmocka_run_group_tests(tests, NULL, NULL);
}
