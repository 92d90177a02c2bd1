/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* The listener on a real loop and real sockets: what is asked arrives, what came of it leaves. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void router_refuse(struct request *request, void *arg)
{
	(void)arg;
	(void)request_fail(request, OUTCOME_QUEUE_FULL, "256 are waiting");
	request->retry_after_us = 1500000;
	request->operation_name = "orders";
	request->done_us = loop_now(request->loop);
	request->on_done(request);
}

static enum outcome overloaded;

static void router_is_overloaded(struct request *request, void *arg)
{
	(void)arg;
	(void)request_fail(request, overloaded, "not now");
	request->on_done(request);
}

/* arg: not NULL: the node is not shown. */
static void router_answer_as_replica(struct request *request, void *arg)
{
	buf_literal(&request->out, "{\"data\":[]}");
	request->served_by = SERVED_BY_REPLICA;
	request->level_used = LEVEL_SESSION;
	request->reason = REASON_WAITED;
	request->node = "10.0.0.2:5432";
	request->node_shown = arg ? NULL : request->node;
	request->wait_us = 12345;
	request->lag_us = 2000;
	request->db_us = 1500;
	memcpy(request->token, "abc.DEF-1", sizeof("abc.DEF-1"));
	request->on_done(request);
}

static void page_answer(struct admin_reply *reply, void *arg)
{
	(void)arg;
	reply->status = 200;
	reply->content_type = "text/plain; charset=utf-8";
	buf_literal(&reply->body, "alive\n");
}

static const struct admin_page pages[] = { { "/livez", .answer = page_answer, .is_open = true },
					   { NULL } };

/* --- what is asked arrives -------------------------------------------------------------------- */

static void test_a_get_reaches_the_router_with_its_pairs(void **state)
{
	const struct http_reply *reply;

	http_client_say(&fixture.client,
			"GET /v1/queries/orders.list?a=1&tag=x&tag=%%C3%%A4+y HTTP/1.1\r\n" HOST
			"\r\n");
	reply = http_client_read(&fixture.client);

	assert_int_equal(reply->status, 200);
	assert_string_equal(reply->body, "{\"operation\":\"orders.list\",\"a\":\"1\",\"tag\":\"x\","
					 "\"tag\":\"\xc3\xa4 y\"}");
	assert_string_equal(http_reply_header(reply, "Content-Type"), "application/json");
	assert_string_equal(http_reply_header(reply, "Cache-Control"), "no-store");
	assert_int_equal(strlen(http_reply_header(reply, "X-Request-Id")), 32);
	assert_null(http_reply_header(reply, "Connection"));
}

static void test_a_body_in_one_piece_reaches_the_router(void **state)
{
	http_client_say(&fixture.client, "POST /v1/commands/place HTTP/1.1\r\n" HOST JSON
					 "Content-Length: 7\r\n\r\n{\"a\":1}");

	assert_string_equal(http_client_read(&fixture.client)->body,
			    "{\"operation\":\"place\",\"body\":{\"a\":1}}");
}

static void test_a_body_byte_by_byte_reaches_the_router(void **state)
{
	http_client_say(&fixture.client, "POST /v1/commands/place HTTP/1.1\r\n" HOST JSON
					 "Content-Length: 7\r\n\r\n");
	for (const char *at = "{\"a\":1}"; *at; at++) {
		http_client_send(&fixture.client, at, 1);
		fixture_turn();
	}

	assert_string_equal(http_client_read(&fixture.client)->body,
			    "{\"operation\":\"place\",\"body\":{\"a\":1}}");
}

static void test_a_chunked_body_reaches_the_router(void **state)
{
	http_client_say(&fixture.client,
			"POST /v1/commands/place HTTP/1.1\r\n" HOST JSON
			"Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n");

	assert_string_equal(http_client_read(&fixture.client)->body,
			    "{\"operation\":\"place\",\"body\":{\"a\":1}}");
}

static void test_a_post_without_a_body_is_an_empty_object(void **state)
{
	http_client_say(&fixture.client, "POST /v1/commands/place HTTP/1.1\r\n" HOST JSON "\r\n");

	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"place\"}");
}

static void test_the_query_method_is_served(void **state)
{
	http_client_say(&fixture.client, "QUERY /v1/queries/list HTTP/1.1\r\n" HOST JSON
					 "Content-Length: 7\r\n\r\n{\"a\":1}");

	assert_string_equal(http_client_read(&fixture.client)->body,
			    "{\"operation\":\"list\",\"body\":{\"a\":1}}");
}

static void test_a_head_gets_the_headers_of_a_get(void **state)
{
	const struct http_reply *reply;

	http_client_say(&fixture.client, "HEAD /v1/queries/list HTTP/1.1\r\n" HOST "\r\n");
	reply = http_client_read_head(&fixture.client);

	assert_int_equal(reply->status, 200);
	assert_string_equal(http_reply_header(reply, "Content-Length"), "20");
	assert_true(http_client_silent(&fixture.client));
}

static void test_100_continue_lets_the_body_come(void **state)
{
	http_client_say(&fixture.client, "POST /v1/commands/place HTTP/1.1\r\n" HOST JSON
					 "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 100);
	http_client_say(&fixture.client, "{}");

	assert_int_equal(http_client_read(&fixture.client)->status, 200);
}

/* --- one connection, many requests ------------------------------------------------------------ */

static void test_pipelined_requests_are_answered_in_order(void **state)
{
	http_client_say(&fixture.client,
			"GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n"
			"POST /v1/commands/two HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"
			"GET /v1/queries/three HTTP/1.1\r\n" HOST "\r\n");

	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"one\"}");
	assert_string_equal(http_client_read(&fixture.client)->body,
			    "{\"operation\":\"two\",\"body\":{}}");
	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"three\"}");
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_pipelined_requests_wait_for_the_one_before(void **state)
{
	fixture.hold = true;
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n"
					 "GET /v1/queries/two HTTP/1.1\r\n" HOST "\r\n");
	fixture_wait_held(1);
	assert_true(http_client_silent(&fixture.client));
	assert_int_equal(fixture.held_count, 1);

	fixture_finish(fixture.held[0]);

	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"one\"}");
	fixture_wait_held(2);
	fixture_finish(fixture.held[1]);
	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"two\"}");
}

static void test_requests_that_wait_are_answered_when_they_are_done(void **state)
{
	struct http_client other;

	fixture.hold = true;
	http_client_open(&other, fixture.loop, listener_port(fixture.listener));
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	fixture_wait_held(1);
	http_client_say(&other, "GET /v1/queries/two HTTP/1.1\r\n" HOST "\r\n");
	fixture_wait_held(2);
	assert_int_equal(listener_in_flight(fixture.listener), 2);

	fixture_finish(fixture.held[1]);
	assert_string_equal(http_client_read(&other)->body, "{\"operation\":\"two\"}");
	fixture_finish(fixture.held[0]);
	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"one\"}");

	http_client_close(&other);
}

static void test_http_1_0_is_answered_and_closed(void **state)
{
	http_client_say(&fixture.client,
			"GET /v1/queries/one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	assert_true(http_client_ended(&fixture.client));
}

/* --- replies ---------------------------------------------------------------------------------- */

static void test_a_503_says_when_to_come_back(void **state)
{
	const struct http_reply *reply;

	http_client_say(&fixture.client,
			"GET /v1/queries/orders HTTP/1.1\r\n" HOST "X-Request-Id: abc-1\r\n\r\n");
	reply = http_client_read(&fixture.client);

	fixture_assert_problem(reply, 503, "queue-full");
	assert_string_equal(http_reply_header(reply, "Retry-After"), "2");
	assert_string_equal(http_reply_header(reply, "X-Request-Id"), "abc-1");
	assert_non_null(strstr(reply->body, "\"request_id\":\"abc-1\",\"retryable\":true"));
	assert_non_null(strstr(reply->body, "\"instance\":\"/v1/queries/orders\""));
	assert_non_null(strstr(reply->body, "\"detail\":\"256 are waiting\""));
}

/* One more is refused, and comes back after so many seconds. */
static unsigned long retry_after_s(void)
{
	const struct http_reply *reply;
	const char *value;

	http_client_say(&fixture.client, "GET /v1/queries/orders HTTP/1.1\r\n" HOST "\r\n");
	reply = http_client_read(&fixture.client);
	assert_int_equal(reply->status, 503);
	value = http_reply_header(reply, "Retry-After");
	assert_non_null(value);
	return strtoul(value, NULL, 10);
}

static void test_those_refused_together_are_not_told_the_same_second(void **state)
{
	static const enum outcome outcomes[] = { OUTCOME_QUEUE_FULL, OUTCOME_QUEUE_TIMEOUT,
						 OUTCOME_SHED };

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		unsigned told[4] = { 0 };

		overloaded = outcomes[i];
		/* That one of three seconds is never drawn: once in a billion runs. */
		for (unsigned asked = 0; asked < 60; asked++) {
			unsigned long seconds = retry_after_s();

			assert_in_range(seconds, 1, 3);
			told[seconds]++;
		}
		assert_true(told[1] && told[2] && told[3]);
	}
}

static int start_overloaded(void **state)
{
	struct listener_settings settings = { .handlers = { router_is_overloaded, NULL } };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static int start_refusing(void **state)
{
	struct listener_settings settings = { .handlers = { router_refuse, NULL } };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static void test_a_reply_says_who_answered(void **state)
{
	const struct http_reply *reply;

	http_client_say(
		&fixture.client,
		"POST /v1/commands/orders HTTP/1.1\r\n" HOST JSON "Prefer: return=minimal\r\n"
		"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n");
	reply = http_client_read(&fixture.client);

	assert_string_equal(
		http_reply_header(reply, "Consistency"),
		"session;node=\"10.0.0.2:5432\";role=replica;reason=waited;waited=0.012;lag=0.002");
	assert_string_equal(http_reply_header(reply, "Consistency-Token"), "abc.DEF-1");
	assert_string_equal(http_reply_header(reply, "Server-Timing"),
			    "queue;dur=0.000, wait;dur=12.345, db;dur=1.500");
	assert_string_equal(http_reply_header(reply, "Preference-Applied"), "return=minimal");
	assert_string_equal(http_reply_header(reply, "traceparent"),
			    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

static void test_a_reply_names_no_node_where_none_is_shown(void **state)
{
	const struct http_reply *reply;

	http_client_say(&fixture.client, "POST /v1/commands/orders HTTP/1.1\r\n" HOST JSON "\r\n");
	reply = http_client_read(&fixture.client);

	assert_string_equal(http_reply_header(reply, "Consistency"),
			    "session;role=replica;reason=waited;waited=0.012;lag=0.002");
	assert_null(strstr(reply->head, "10.0.0.2"));
}

static int start_routed_unseen(void **state)
{
	static bool unseen;
	struct listener_settings settings = { .handlers = { router_answer_as_replica, &unseen } };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static int start_routed(void **state)
{
	struct listener_settings settings = { .handlers = { router_answer_as_replica, NULL } };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

/* --- the admin listener ----------------------------------------------------------------------- */

static int start_admin(void **state)
{
	struct listener_settings settings = { .pages = pages };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static void test_admin_pages_are_answered_at_once(void **state)
{
	const struct http_reply *reply;

	for (int i = 0; i < 2; i++) {
		http_client_say(&fixture.client, "GET /livez?x=1 HTTP/1.1\r\n" HOST "\r\n");
		reply = http_client_read(&fixture.client);
		assert_int_equal(reply->status, 200);
		assert_string_equal(reply->body, "alive\n");
		assert_string_equal(http_reply_header(reply, "Content-Type"),
				    "text/plain; charset=utf-8");
	}
	http_client_say(&fixture.client, "GET /v1/queries/q HTTP/1.1\r\n" HOST "\r\n");
	fixture_assert_problem(http_client_read(&fixture.client), 404, "not-found");
	http_client_say(&fixture.client, "POST /livez HTTP/1.1\r\n" HOST "\r\n");
	reply = http_client_read(&fixture.client);
	fixture_assert_problem(reply, 405, "method-not-allowed");
	assert_string_equal(http_reply_header(reply, "Allow"), "GET, HEAD");
}

static void test_an_admin_listener_stops_at_once(void **state)
{
	http_client_say(&fixture.client, "GET /livez HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);

	listener_quiesce(fixture.listener);
	fixture_turn();

	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

/* --- addresses -------------------------------------------------------------------------------- */

static void test_an_address_in_use_is_named(void **state)
{
	char address[32], error[256];
	struct listener_settings settings = { .handlers = { fixture_take, &fixture } };

	snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(fixture.listener));
	settings.address = address;

	assert_null(listener_new(fixture.loop, &settings, fixture.metrics, error, sizeof(error)));
	assert_non_null(strstr(error, "Address already in use"));
	assert_memory_equal(error, address, strlen(address));
}

static void test_loopback_addresses_are_known(void **state)
{
	static const struct {
		const char *address;
		bool valid, loopback;
	} rows[] = {
		{ "127.0.0.1:8080", true, true }, { "127.8.9.1:1", true, true },
		{ "[::1]:8080", true, true },     { "0.0.0.0:8080", true, false },
		{ ":8080", true, false },         { "*:8080", true, false },
		{ "[::]:80", true, false },       { "192.0.2.1:80", true, false },
		{ "127.0.0.1", false, false },    { "127.0.0.1:", false, false },
		{ "::1:80", false, false },       { "127.0.0.1:http", false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool loopback = !rows[i].loopback;
		char error[256];

		assert_int_equal(listener_address_is_loopback(rows[i].address, &loopback, error,
							      sizeof(error)),
				 rows[i].valid);
		if (rows[i].valid)
			assert_int_equal(loopback, rows[i].loopback);
	}
}

int main(void)
{
#define API(test) cmocka_unit_test_setup_teardown(test, fixture_start_api, fixture_stop)
	const struct CMUnitTest tests[] = {
		API(test_a_get_reaches_the_router_with_its_pairs),
		API(test_a_body_in_one_piece_reaches_the_router),
		API(test_a_body_byte_by_byte_reaches_the_router),
		API(test_a_chunked_body_reaches_the_router),
		API(test_a_post_without_a_body_is_an_empty_object),
		API(test_the_query_method_is_served),
		API(test_a_head_gets_the_headers_of_a_get),
		API(test_100_continue_lets_the_body_come),
		API(test_pipelined_requests_are_answered_in_order),
		API(test_pipelined_requests_wait_for_the_one_before),
		API(test_requests_that_wait_are_answered_when_they_are_done),
		API(test_http_1_0_is_answered_and_closed),
		cmocka_unit_test_setup_teardown(test_a_503_says_when_to_come_back, start_refusing,
						fixture_stop),
		cmocka_unit_test_setup_teardown(
			test_those_refused_together_are_not_told_the_same_second, start_overloaded,
			fixture_stop),
		cmocka_unit_test_setup_teardown(test_a_reply_names_no_node_where_none_is_shown,
						start_routed_unseen, fixture_stop),
		cmocka_unit_test_setup_teardown(test_a_reply_says_who_answered, start_routed,
						fixture_stop),
		cmocka_unit_test_setup_teardown(test_admin_pages_are_answered_at_once, start_admin,
						fixture_stop),
		cmocka_unit_test_setup_teardown(test_an_admin_listener_stops_at_once, start_admin,
						fixture_stop),
		API(test_an_address_in_use_is_named),
		API(test_loopback_addresses_are_known),
	};
#undef API

	return cmocka_run_group_tests(tests, NULL, NULL);
}
