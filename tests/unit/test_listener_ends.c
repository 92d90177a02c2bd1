/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c library_clock.c */
/* Connections that the library neither reads on nor ends by itself. */
#include "http_fixture.h"
#include "library_clock.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "http/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n"
#define CHUNKED "POST /v1/queries/two HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"

/* Both clocks, the loop's and the library's. */
static void pass(int64_t us)
{
	library_clock_pass(us);
	fixture_pass(us);
}

static void pass_in_steps(int64_t us)
{
	for (int64_t step_us = 10000; us > 0; us -= step_us)
		pass(step_us);
}

static unsigned connections(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CONNECTION_STATES; i++)
		count += (unsigned)fixture.listener->connections.by_state[i].count;
	return count;
}

static void say_letters(struct http_client *client, size_t count)
{
	static char letters[16384];

	assert_true(count <= sizeof(letters));
	memset(letters, 'a', count);
	(void)http_client_send(client, letters, count);
}

/* In one write, so that the library's first look finds more than it has room for. */
static void say_with_letters(struct http_client *client, const char *start, size_t count)
{
	static char bytes[32768];
	size_t len = strlen(start);

	assert_true(len + count <= sizeof(bytes));
	memcpy(bytes, start, len);
	memset(bytes + len, 'a', count);
	assert_true(http_client_send(client, bytes, len + count));
}

static void turn_often(void)
{
	for (int i = 0; i < 100; i++)
		loop_turn(fixture.loop, 0);
}

/*
 * The first request is answered late: beside another connection it was suspended in between, and
 * the library no longer looks out for the end of a connection whose next bytes were there already.
 */
static void say_late_with_letters(struct http_client *client, const char *start, size_t count)
{
	struct http_client other;

	http_client_open(&other, fixture.loop, listener_port(fixture.listener));
	fixture_turn();
	fixture.hold = true;
	fixture.held_count = 0;
	say_with_letters(client, start, count);
	fixture_wait_held(1);
	fixture_turn();
	fixture.hold = false;
	fixture_finish(fixture.held[0]);
	http_client_close(&other);
	turn_often();
}

/* Else the client's kernel holds small pieces back. */
static void send_at_once(struct http_client *client)
{
	int yes = 1;

	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

static bool before_1_0(void)
{
	return http_library_version()[0] == '0';
}

/* Does the library want to be called at once, whatever happens? */
static bool restless(void)
{
	turn_often();
	return fixture.listener->connections.library_due;
}

/* --- requests that make no progress ----------------------------------------------------------- */

static const char *const starts[] = {
	CHUNKED "1;",
	FIRST CHUNKED "1;",
	FIRST FIRST CHUNKED "2\r\n{}\r\n1;",
	CHUNKED "0;",
	CHUNKED "0\r\nX: ",
	CHUNKED "2\r\n{}\r\n0\r\nX: ",
	FIRST CHUNKED "0\r\nX-A: 1\r\nX-B: ",
	FIRST CHUNKED,
	FIRST,
	FIRST "GET /",
	FIRST "GET / HTTP/1.1\r\nX-A: ",
	FIRST "POST /v1/queries/two HTTP/1.1\r\n" HOST JSON
	      "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n1;",
};
#define STARTS (sizeof(starts) / sizeof(starts[0]))

static void test_what_does_not_fit_ends_at_once(void **state)
{
	for (size_t i = 0; i < 2 * STARTS; i++) {
		const char *start = starts[i / 2];
		struct http_client client;

		http_client_open(&client, fixture.loop, listener_port(fixture.listener));
		if (i % 2 && strncmp(start, FIRST, strlen(FIRST)) == 0)
			say_late_with_letters(&client, start, 9000);
		else
			say_with_letters(&client, start, 9000);
		pass_in_steps(US_PER_S);

		assert_true(http_client_ended(&client));
		http_client_close(&client);
		pass_in_steps(US_PER_S + US_PER_S / 4);
		assert_int_equal(connections(), 1);
	}
}

static void test_a_chunk_line_that_does_not_fit_is_answered(void **state)
{
	const struct http_reply *reply;

	if (!before_1_0())
		skip();
	say_late_with_letters(&fixture.client, FIRST CHUNKED "1;", 9000);
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	pass_in_steps(US_PER_S / 4);

	reply = http_client_read(&fixture.client);
	fixture_assert_problem(reply, 400, "bad-request");
	assert_string_equal(http_reply_header(reply, "Connection"), "close");
	assert_true(http_client_ended(&fixture.client));
}

static void test_a_line_that_just_fills_the_room_keeps_nobody_busy(void **state)
{
	struct http_client client;
	bool restless_once = false;

	http_client_open(&client, fixture.loop, listener_port(fixture.listener));
	send_at_once(&client);
	http_client_say(&client, FIRST CHUNKED "1;");
	assert_int_equal(http_client_read(&client)->status, 200);
	for (size_t sent = 0; sent < 8192; sent += 16) {
		say_letters(&client, 16);
		fixture_turn();
		restless_once |= restless();
	}

	assert_false(restless_once);
	http_client_close(&client);
	pass_in_steps(2 * US_PER_S);
	assert_int_equal(connections(), 1);
}

/* --- whoever was shut down ends ----------------------------------------------- */

/* Each amount of bytes leaves the library's room full at another place. */
static void test_no_connection_outlives_its_deadline(void **state)
{
	http_client_close(&fixture.client);
	for (size_t count = 1800; count < 4800; count += 37) {
		struct http_client client;

		http_client_open(&client, fixture.loop, listener_port(fixture.listener));
		say_late_with_letters(&client, FIRST CHUNKED "1;", count);
		pass(REQUEST_TIMEOUT_US + HTTP_SWEEP_US);
		pass_in_steps(US_PER_S + HTTP_SWEEP_US);

		assert_int_equal(connections(), 0);
		http_client_close(&client);
	}
	assert_int_equal(listener_busy(fixture.listener), 0);
}

static void test_who_had_to_be_forced_out_is_counted(void **state)
{
	if (!before_1_0())
		skip();
	say_late_with_letters(&fixture.client, FIRST CHUNKED "1;", 9000);
	pass_in_steps(2 * US_PER_S);

	assert_int_equal(connections(), 0);
	assert_int_equal((int)metrics_sum(METRIC_http_forced_total), 1);
}

static void test_who_ends_by_itself_is_not_counted_as_forced(void **state)
{
	http_client_say(&fixture.client, CHUNKED "2\r\n{");
	fixture_turn();
	pass(REQUEST_TIMEOUT_US + HTTP_SWEEP_US);
	pass_in_steps(2 * US_PER_S);

	assert_int_equal(connections(), 0);
	assert_int_equal((int)metrics_sum(METRIC_http_forced_total), 0);
}

static void test_a_drain_does_not_wait_for_who_was_shut_down(void **state)
{
	say_late_with_letters(&fixture.client, FIRST CHUNKED "1;", 9000);
	pass_in_steps(US_PER_S / 2);
	http_client_close(&fixture.client);
	assert_int_equal(connections(), before_1_0() ? 1 : 0);

	listener_quiesce(fixture.listener);
	fixture_turn();

	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_places_come_back(void **state)
{
	struct http_client clients[62];

	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < 62; i++) {
			http_client_open(&clients[i], fixture.loop,
					 listener_port(fixture.listener));
			say_late_with_letters(&clients[i], FIRST CHUNKED "1;", 9000);
		}
		pass_in_steps(US_PER_S);
		for (size_t i = 0; i < 62; i++)
			http_client_close(&clients[i]);
		pass_in_steps(US_PER_S);
	}

	http_client_say(&fixture.client, FIRST);
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	assert_int_equal(connections(), 1);
}

/* --- and ordinary bodies arrive ----------------------------------------------- */

static void assert_answered(struct http_client *client)
{
	assert_string_equal(http_client_read(client)->body,
			    "{\"operation\":\"two\",\"body\":{\"a\":1}}");
}

static void assert_arrives_however_it_is_cut(const char *request)
{
	for (size_t cut = 1; cut < strlen(request); cut += 3) {
		struct http_client client;

		http_client_open(&client, fixture.loop, listener_port(fixture.listener));
		assert_true(http_client_send(&client, request, cut));
		fixture_turn();
		pass(US_PER_S);
		assert_true(http_client_send(&client, request + cut, strlen(request) - cut));

		assert_answered(&client);
		http_client_close(&client);
	}
}

static void test_chunks_arrive_however_they_are_cut(void **state)
{
	assert_arrives_however_it_is_cut(CHUNKED
					 "3\r\n{\"a\r\n04\r\n\":1}\r\n0\r\nX-A: trailer\r\n\r\n");
	/* 1.0.1 takes the end of the line behind an extension for a part of the chunk: 400. */
	if (before_1_0())
		assert_arrives_however_it_is_cut(CHUNKED
						 "3;x=y\r\n{\"a\r\n4\r\n\":1}\r\n0;z\r\n\r\n");
}

/* While another connection keeps the library busy. */
static void test_who_sends_slowly_is_not_taken_for_who_is_stuck(void **state)
{
	static const char body[] = "{\"a\":1}";
	struct http_client filled;

	http_client_open(&filled, fixture.loop, listener_port(fixture.listener));
	send_at_once(&filled);
	send_at_once(&fixture.client);
	http_client_say(&filled, CHUNKED "1;");
	http_client_say(&fixture.client, CHUNKED);
	for (size_t i = 0; i < sizeof(body) - 1; i++) {
		say_letters(&filled, 512);
		http_client_say(&fixture.client, "1\r\n%c", body[i]);
		pass_in_steps(US_PER_S / 4);
		http_client_say(&fixture.client, "\r\n");
		pass_in_steps(US_PER_S / 4);
	}
	http_client_say(&fixture.client, "0\r\n\r\n");

	assert_answered(&fixture.client);
	http_client_close(&filled);
	pass_in_steps(2 * US_PER_S);
}

static void test_a_large_body_of_small_chunks_arrives(void **state)
{
	http_client_say(&fixture.client, CHUNKED "7\r\n{\"a\":1}\r\n");
	for (unsigned i = 0; i < 8000; i++)
		http_client_say(&fixture.client, "1\r\n \r\n");
	http_client_say(&fixture.client, "0\r\n\r\n");

	assert_answered(&fixture.client);
}

int main(void)
{
#define API(test) cmocka_unit_test_setup_teardown(test, fixture_start_api, fixture_stop)
	const struct CMUnitTest tests[] = {
		API(test_what_does_not_fit_ends_at_once),
		API(test_a_chunk_line_that_does_not_fit_is_answered),
		API(test_a_line_that_just_fills_the_room_keeps_nobody_busy),
		API(test_no_connection_outlives_its_deadline),
		API(test_who_had_to_be_forced_out_is_counted),
		API(test_who_ends_by_itself_is_not_counted_as_forced),
		API(test_a_drain_does_not_wait_for_who_was_shut_down),
		API(test_places_come_back),
		API(test_chunks_arrive_however_they_are_cut),
		API(test_who_sends_slowly_is_not_taken_for_who_is_stuck),
		API(test_a_large_body_of_small_chunks_arrives),
	};
#undef API

	return cmocka_run_group_tests(tests, NULL, NULL);
}
