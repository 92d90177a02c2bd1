/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* Clients that go away or are slow, and listeners that stop. */
#include "http_fixture.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/listener.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- clients that go away, or are slow -------------------------------------------------------- */

static void test_a_client_that_goes_away_is_reported_once(void **state)
{
	fixture.hold = true;
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	fixture_wait_held(1);
	http_client_close(&fixture.client);
	assert_int_equal(fixture.gone, 0);

	fixture_pass(HTTP_WATCH_AFTER_US);
	fixture_turn();
	assert_int_equal(fixture.gone, 1);
	fixture_pass(US_PER_S);
	assert_int_equal(fixture.gone, 1);

	fixture_finish(fixture.held[0]);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 0);
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
}

static void test_a_client_that_stays_gets_its_late_answer(void **state)
{
	fixture.hold = true;
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	fixture_wait_held(1);
	fixture_pass(HTTP_WATCH_AFTER_US);
	fixture_pass(US_PER_S);

	fixture_finish(fixture.held[0]);

	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"one\"}");
	fixture.hold = false;
	http_client_say(&fixture.client, "GET /v1/queries/two HTTP/1.1\r\n" HOST "\r\n");
	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"two\"}");
	assert_int_equal(fixture.gone, 0);
}

static void test_a_client_that_half_closes_gets_a_quick_answer(void **state)
{
	fixture.hold = true;
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	shutdown(fixture.client.fd, SHUT_WR);
	fixture_wait_held(1);
	fixture_turn();

	fixture_finish(fixture.held[0]);

	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"one\"}");
	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(fixture.gone, 0);
}

static void test_half_a_request_with_an_end_is_closed(void **state)
{
	static const char *const halves[] = { "GE", "GET /v1/queries/one HTTP/1.1\r\n",
					      "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					      "Content-Length: 5\r\n\r\n{" };

	for (size_t i = 0; i < 3; i++) {
		struct http_client client;

		http_client_open(&client, fixture.loop, listener_port(fixture.listener));
		http_client_say(&client, "%s", halves[i]);
		shutdown(client.fd, SHUT_WR);
		fixture_turn();

		assert_true(http_client_ended(&client));
		http_client_close(&client);
	}
}

/* The connection ends while it is on its way to being suspended. It is not the oldest one: that
 * would be suspended first. */
static struct http_client younger;

/* The real router lets go of what it holds between its last step and the listener. */
static void (*told_after_the_router)(struct request *request);
static unsigned let_go;

static void router_lets_go(struct request *request)
{
	let_go++;
	request->on_done = told_after_the_router;
	request->on_done(request);
}

static void take_and_reset_the_client(struct request *request, void *arg)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	told_after_the_router = request->on_done;
	request->on_done = router_lets_go;
	fixture_take(request, arg);
	setsockopt(younger.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(younger.fd);
	younger.fd = -1;
}

static int start_resetting(void **state)
{
	struct listener_settings settings = { .handlers = { take_and_reset_the_client, &fixture } };

	fixture_start(state);
	fixture.hold = true;
	fixture_listen(&settings);
	return 0;
}

static void test_a_request_outlives_its_connection_until_it_is_done(void **state)
{
	fixture_turn();
	http_client_open(&younger, fixture.loop, listener_port(fixture.listener));
	http_client_say(&younger, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	fixture_wait_held(1);
	assert_int_equal(fixture.gone, 1);
	assert_int_equal(listener_in_flight(fixture.listener), 1);

	let_go = 0;
	fixture_finish(fixture.held[0]);
	fixture_turn();

	assert_int_equal(let_go, 1);
	assert_int_equal(listener_in_flight(fixture.listener), 0);
	http_client_close(&younger);
}

static void test_headers_that_trickle_in_run_out_of_time(void **state)
{
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n");
	fixture_turn();
	for (int64_t us = 0; us < REQUEST_TIMEOUT_US + HTTP_SWEEP_US; us += US_PER_S / 2) {
		http_client_say(&fixture.client, "X-A: 1\r\n");
		fixture_pass(US_PER_S / 2);
	}

	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_a_body_that_trickles_in_runs_out_of_time(void **state)
{
	http_client_say(&fixture.client,
			"POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: 100\r\n\r\n");
	fixture_turn();
	for (int64_t us = 0; us < REQUEST_TIMEOUT_US + HTTP_SWEEP_US; us += US_PER_S / 2) {
		http_client_say(&fixture.client, " ");
		fixture_pass(US_PER_S / 2);
	}

	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_a_connection_at_rest_is_closed_after_its_time(void **state)
{
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);

	fixture_pass(IDLE_TIMEOUT_US - US_PER_S);
	assert_true(http_client_silent(&fixture.client));
	fixture_pass(2 * US_PER_S);

	assert_true(http_client_ended(&fixture.client));
}

/* --- stopping --------------------------------------------------------------------------------- */

/* They cross on the wire: the client learns that the connection has ended, and of no error. */
static void a_request_that_crosses_the_end_of_a_rest_is_not_reset(const char *request, size_t len)
{
	char byte;

	http_client_say(&fixture.client, "GET /v1/queries/q HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	fixture_pass(IDLE_TIMEOUT_US + 300 * US_PER_MS);
	for (size_t sent = 0; sent < len; sent += 100) {
		assert_true(http_client_send(&fixture.client, request + sent,
					     len - sent < 100 ? len - sent : 100));
		fixture_turn();
	}
	assert_int_equal(recv(fixture.client.fd, &byte, 1, 0), 0);
	assert_int_equal(send(fixture.client.fd, "x", 1, MSG_NOSIGNAL), 1);
	fixture_turn();
	assert_int_equal(send(fixture.client.fd, "x", 1, MSG_NOSIGNAL), 1);
}

static void test_a_request_that_crosses_the_end_of_a_rest_is_not_reset(void **state)
{
	static const char get[] = "GET /v1/queries/q HTTP/1.1\r\n" HOST "\r\n";

	a_request_that_crosses_the_end_of_a_rest_is_not_reset(get, strlen(get));
}

static void test_a_body_that_crosses_the_end_of_a_rest_is_not_reset(void **state)
{
	char post[5000];
	int head = snprintf(post, sizeof(post),
			    "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
			    "Content-Length: 4800\r\n\r\n");

	memset(post + head, 'x', 4800);
	a_request_that_crosses_the_end_of_a_rest_is_not_reset(post, (size_t)head + 4800);
}

static void test_a_client_that_does_not_close_after_its_rest_is_closed(void **state)
{
	http_client_say(&fixture.client, "GET /v1/queries/q HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	fixture_pass(IDLE_TIMEOUT_US + 300 * US_PER_MS);
	assert_int_equal(fixture.listener->connections.count, 1);
	fixture_pass(HTTP_PARTING_US);
	fixture_turn();
	assert_int_equal(fixture.listener->connections.count, 0);
}

static void test_a_quiesced_listener_finishes_what_it_has(void **state)
{
	const struct http_reply *reply;

	fixture.hold = true;
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	fixture_wait_held(1);

	listener_quiesce(fixture.listener);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 1);
	fixture_finish(fixture.held[0]);

	reply = http_client_read(&fixture.client);
	assert_int_equal(reply->status, 200);
	assert_string_equal(http_reply_header(reply, "Connection"), "close");
	assert_true(http_client_ended(&fixture.client));
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_a_quiesced_listener_closes_connections_at_rest(void **state)
{
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);

	listener_quiesce(fixture.listener);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 1);
	fixture_pass(HTTP_LAST_REST_US + HTTP_SWEEP_US);

	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_a_quiesced_listener_does_not_wait_for_half_a_request(void **state)
{
	http_client_say(&fixture.client,
			"POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: 100\r\n\r\n");
	fixture_turn();
	listener_quiesce(fixture.listener);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 1);

	fixture_pass(HTTP_LAST_ARRIVAL_US + HTTP_SWEEP_US);

	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_who_has_connected_before_the_end_is_still_served(void **state)
{
	/* Nothing has turned since these bytes were sent: the connection is in the backlog. */
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	listener_quiesce(fixture.listener);

	assert_int_equal(http_client_read(&fixture.client)->status, 200);
}

int main(void)
{
#define API(test) cmocka_unit_test_setup_teardown(test, fixture_start_api, fixture_stop)
	const struct CMUnitTest tests[] = {
		API(test_a_client_that_goes_away_is_reported_once),
		API(test_a_client_that_stays_gets_its_late_answer),
		API(test_a_client_that_half_closes_gets_a_quick_answer),
		API(test_half_a_request_with_an_end_is_closed),
		cmocka_unit_test_setup_teardown(
			test_a_request_outlives_its_connection_until_it_is_done, start_resetting,
			fixture_stop),
		API(test_headers_that_trickle_in_run_out_of_time),
		API(test_a_request_that_crosses_the_end_of_a_rest_is_not_reset),
		API(test_a_body_that_crosses_the_end_of_a_rest_is_not_reset),
		API(test_a_client_that_does_not_close_after_its_rest_is_closed),
		API(test_a_body_that_trickles_in_runs_out_of_time),
		API(test_a_connection_at_rest_is_closed_after_its_time),
		API(test_a_quiesced_listener_finishes_what_it_has),
		API(test_a_quiesced_listener_closes_connections_at_rest),
		API(test_a_quiesced_listener_does_not_wait_for_half_a_request),
		API(test_who_has_connected_before_the_end_is_still_served),
	};
#undef API

	return cmocka_run_group_tests(tests, NULL, NULL);
}
