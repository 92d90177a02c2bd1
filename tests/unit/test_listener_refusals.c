/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* Requests that the listener refuses, and what becomes of their connections. */
#include "http_fixture.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_refusals_keep_the_connection(void **state)
{
	static const struct {
		const char *request;
		unsigned status;
		const char *code;
	} rows[] = {
		{ "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, "not-found" },
		{ "GET /v1/jobs/7?a=1 HTTP/1.1\r\n" HOST "\r\n", 400, "bad-request" },
		{ "PUT /v1/jobs/7 HTTP/1.1\r\n" HOST "\r\n", 405, "method-not-allowed" },
		{ "PUT /openapi.json HTTP/1.1\r\n" HOST "\r\n", 405, "method-not-allowed" },
		{ "GET /openapi.json?a=1 HTTP/1.1\r\n" HOST "\r\n", 400, "bad-request" },
		{ "GET /docs/nothing HTTP/1.1\r\n" HOST "\r\n", 404, "not-found" },
		{ "GET /v1/commands/place HTTP/1.1\r\n" HOST "\r\n", 405, "method-not-allowed" },
		{ "DELETE /v1/queries/q HTTP/1.1\r\n" HOST "\r\n", 405, "method-not-allowed" },
		{ "GET /v1/queries/q?token=x HTTP/1.1\r\n" HOST "\r\n", 400, "bad-request" },
		{ "GET /v1/queries/q?a=%ff HTTP/1.1\r\n" HOST "\r\n", 400, "bad-request" },
		{ "GET /v1/queries/q?a=%00 HTTP/1.1\r\n" HOST "\r\n", 400, "bad-request" },
		{ "POST /v1/queries/q?a=1 HTTP/1.1\r\n" HOST "\r\n", 400, "bad-request" },
		{ "GET /v1/queries/q HTTP/1.1\r\n" HOST "Consistency: sometimes\r\n\r\n", 400,
		  "bad-request" },
		{ "GET /v1/queries/q HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}", 400,
		  "bad-request" },
		{ "POST /v1/commands/c HTTP/1.1\r\n" HOST "Idempotency-Key: \"k\r\n\r\n", 400,
		  "bad-request" },
		{ "POST /v1/commands/c HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415,
		  "unsupported-media-type" },
		{ "POST /v1/commands/c HTTP/1.1\r\n" HOST
		  "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
		  415, "unsupported-media-type" },
		{ "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
		  "Content-Length: 13\r\n\r\n{\"a\":1,\"a\":2}",
		  400, "invalid-json" },
		{ "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: 1\r\n\r\n7", 400,
		  "invalid-json" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		http_client_say(&fixture.client, "%s", rows[i].request);
		fixture_assert_problem(http_client_read(&fixture.client), rows[i].status,
				       rows[i].code);
	}
	http_client_say(&fixture.client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
}

static void test_a_wrong_method_is_told_the_right_ones(void **state)
{
	http_client_say(&fixture.client, "PUT /v1/queries/q HTTP/1.1\r\n" HOST "\r\n");

	assert_string_equal(http_reply_header(http_client_read(&fixture.client), "Allow"),
			    "GET, HEAD, POST, QUERY");
}

/* Each is one request that another HTTP program could read as two, or not at all. */
static void test_smuggling_shapes_end_the_connection(void **state)
{
#define POST "POST /v1/commands/c HTTP/1.1\r\n"
#define SHAPE(literal)                                                                             \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}
	static const struct {
		const char *bytes;
		size_t len;
	} shapes[] = {
		SHAPE(POST HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		SHAPE(POST HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
		SHAPE(POST HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
		SHAPE(POST HOST "Content-Length : 2\r\n\r\n{}"),
		SHAPE(POST HOST "Content-Length: 2, 2\r\n\r\n{}"),
		SHAPE(POST HOST "Content-Length: +2\r\n\r\n{}"),
		SHAPE(POST HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
		SHAPE(POST HOST
		      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		SHAPE(POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
		SHAPE("POST /v1/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		SHAPE(POST HOST HOST "\r\n"),
		SHAPE(POST "Content-Length: 0\r\n\r\n"),
		SHAPE(POST "Host: a, b\r\n\r\n"),
		SHAPE(POST HOST "X-A: 1\r\n folded\r\n\r\n"),
		SHAPE(POST HOST "X-A: 1\nX-B: 2\r\n\r\n"),
		SHAPE(POST HOST "X-A: 1\0Content-Length: 5\r\n\r\n"),
		SHAPE(POST HOST "X-A: a\rb\r\n\r\n"),
		SHAPE(POST HOST "X A: 1\r\n\r\n"),
		SHAPE(POST HOST ": 1\r\n\r\n"),
		SHAPE("GET /v1/queries/q HTTP/1.9\r\n" HOST "\r\n"),
		SHAPE("GET /v1/queries/q HTTP/2.0\r\n" HOST "\r\n"),
		SHAPE("GET  /v1/queries/q HTTP/1.1\r\n" HOST "\r\n"),
		SHAPE("GET /v1/queries/q q HTTP/1.1\r\n" HOST "\r\n"),
		SHAPE("GET /v1/queries/q\0 HTTP/1.1\r\n" HOST "\r\n"),
		SHAPE("GET /v1/queries/q HTTP/1.1\n" HOST "\r\n"),
		SHAPE("GET http://other/v1/queries/q HTTP/1.1\r\n" HOST "\r\n"),
		SHAPE("GET * HTTP/1.1\r\n" HOST "\r\n"),
		SHAPE("GET /v1/queries/q#f HTTP/1.1\r\n" HOST "\r\n"),
		SHAPE("BREW /v1/queries/q HTTP/1.1\r\n" HOST "\r\n"),
		SHAPE("get /v1/queries/q HTTP/1.1\r\n" HOST "\r\n"),
	};
#undef SHAPE
#undef POST

	http_client_close(&fixture.client);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct http_client client;
		const struct http_reply *reply;

		http_client_open(&client, fixture.loop, listener_port(fixture.listener));
		http_client_send(&client, shapes[i].bytes, shapes[i].len);
		reply = http_client_read(&client);
		if (reply->status && reply->status != 400 && reply->status != 505)
			fail_msg("shape %zu: status %u, %s", i, reply->status, reply->body);
		assert_true(http_client_ended(&client));
		http_client_close(&client);
	}
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
}

/* Where chunk lines end is the library's idea alone, before 1.0. */
static void test_nothing_is_read_behind_a_chunked_body(void **state)
{
	const struct http_reply *reply;

	if (http_library_version()[0] != '0')
		skip();
	http_client_say(&fixture.client, "POST /v1/commands/one HTTP/1.1\r\n" HOST JSON
					 "Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n"
					 "POST /v1/commands/two HTTP/1.1\r\n" HOST JSON "\r\n");

	reply = http_client_read(&fixture.client);
	assert_string_equal(reply->body, "{\"operation\":\"one\",\"body\":{}}");
	assert_string_equal(http_reply_header(reply, "Connection"), "close");
	assert_int_equal(http_client_read(&fixture.client)->status, 0);
}

/* libmicrohttpd before 1.0 would answer these itself, with two heads; from 1.0 on it does, well. */
static void test_a_length_that_is_no_number_gets_one_reply(void **state)
{
	static const char *const lengths[] = {
		"x", "-1", "0x2", "2, 2", "2 2", "", "99999999999999999999999"
	};

	if (http_library_version()[0] != '0')
		skip();
	http_client_close(&fixture.client);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct http_client other, client;
		const struct http_reply *reply;

		http_client_open(&other, fixture.loop, listener_port(fixture.listener));
		http_client_say(&other, "GET /v1/queries/q HTTP/1.1\r\n");
		fixture_turn();
		http_client_open(&client, fixture.loop, listener_port(fixture.listener));
		http_client_say(&client,
				"POST /v1/commands/c?x HTTP/1.1\r\n" HOST JSON
				"Content-Length: %s\r\n\r\n{}",
				lengths[i]);
		reply = http_client_read(&client);
		fixture_assert_problem(reply, 400, "bad-request");
		assert_non_null(strstr(reply->body, "\"instance\":\"/v1/commands/c\""));
		assert_true(http_client_ended(&client));
		assert_int_equal(client.in.len, 0);

		http_client_say(&other, HOST "\r\n");
		assert_int_equal(http_client_read(&other)->status, 200);
		http_client_close(&client);
		http_client_close(&other);
	}
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
}

static void test_what_the_library_refuses_gets_a_problem(void **state)
{
	static const struct {
		const char *bytes;
		unsigned status;
		const char *code;
	} rows[] = {
		{ "GET /v1/queries/q HTTP/2.0\r\n" HOST "\r\n", 400, "bad-request" },
		{ "GET /v1/queries/q HTTP/0.9\r\n" HOST "\r\n", 400, "bad-request" },
		{ "GET /v1/queries/q\r\n" HOST "\r\n", 400, "bad-request" },
		{ "GET /v1/queries/q HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400, "bad-request" },
		{ "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
		  "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		  400, "bad-request" },
		{ "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
		  "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		  413, "body-too-large" },
	};

	if (http_library_version()[0] != '0')
		skip();
	/* One that rests after a request, and could be meant if its bytes were not counted. */
	http_client_say(&fixture.client, "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					 "Content-Length: 7\r\n\r\n{\"a\":1}");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_client client;

		http_client_open(&client, fixture.loop, listener_port(fixture.listener));
		http_client_say(&client, "%s", rows[i].bytes);
		fixture_assert_problem(http_client_read(&client), rows[i].status, rows[i].code);
		assert_true(http_client_ended(&client));
		assert_int_equal(client.in.len, 0);
		http_client_close(&client);
	}
	http_client_say(&fixture.client, "GET /v1/queries/q HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
}

static void test_whoever_cannot_be_told_apart_gets_what_the_library_says(void **state)
{
	struct http_client client;

	if (http_library_version()[0] != '0')
		skip();
	http_client_say(&fixture.client, "GET /v1/que");
	fixture_turn();
	http_client_open(&client, fixture.loop, listener_port(fixture.listener));
	http_client_say(&client, "GET /v1/queries/q HTTP/2.0\r\n" HOST "\r\n");

	assert_int_equal(http_client_read(&client)->status, 505);
	http_client_say(&fixture.client, "ries/q HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	http_client_close(&client);
}

static void test_many_headers_and_odd_spacing_are_fine(void **state)
{
	http_client_say(&fixture.client, "GET /v1/queries/q?%0600d HTTP/1.1\r\n" HOST, 1);
	for (int i = 0; i < 20; i++)
		http_client_say(&fixture.client, "X-%d: \t value %d \t\r\n", i, i);
	http_client_say(&fixture.client, "X-Empty:\r\nCookie: a=b; c=d\r\nX-Tight:1\r\n\r\n");

	assert_int_equal(http_client_read(&fixture.client)->status, 200);
}

static void test_a_large_body_is_refused_before_it_comes(void **state)
{
	http_client_say(&fixture.client, "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					 "Content-Length: 8193\r\n\r\n");

	fixture_assert_problem(http_client_read(&fixture.client), 413, "body-too-large");
	assert_true(http_client_ended(&fixture.client));
}

static void test_a_client_that_sends_all_before_it_reads_gets_its_413(void **state)
{
	char *body = calloc(1, 4 << 20);

	http_client_say(&fixture.client, "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					 "Content-Length: 4194304\r\n\r\n");
	fixture_turn();

	assert_true(http_client_send(&fixture.client, body, 4 << 20));
	fixture_assert_problem(http_client_read(&fixture.client), 413, "body-too-large");
	assert_int_equal(listener_in_flight(fixture.listener), 0);

	free(body);
}

static void test_a_client_that_never_ends_is_reset(void **state)
{
	bool sent = true;

	http_client_say(&fixture.client, "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					 "Content-Length: 1000000\r\n\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 413);
	assert_true(http_client_ended(&fixture.client));
	assert_true(http_client_send(&fixture.client, "x", 1));

	fixture_pass(HTTP_LINGERING_US);

	for (int i = 0; i < 100 && sent; i++) {
		sent = http_client_send(&fixture.client, "x", 1);
		fixture_turn();
	}
	assert_false(sent);
}

static void test_a_chunked_body_that_grows_too_large_is_refused(void **state)
{
	http_client_say(&fixture.client, "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					 "Transfer-Encoding: chunked\r\n\r\n2001\r\n");
	http_client_say(&fixture.client, "%08193d\r\n0\r\n\r\n", 1);

	fixture_assert_problem(http_client_read(&fixture.client), 413, "body-too-large");
	assert_true(http_client_ended(&fixture.client));
}

static void test_a_chunked_body_without_end_ends_the_connection(void **state)
{
	http_client_say(&fixture.client, "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON
					 "Transfer-Encoding: chunked\r\n\r\nffffff\r\n");
	for (int i = 0; i < 5; i++)
		http_client_say(&fixture.client, "%04096d", 1);

	assert_true(http_client_ended(&fixture.client));
}

static void test_headers_beyond_the_memory_of_a_connection_are_refused(void **state)
{
	http_client_say(&fixture.client,
			"GET /v1/queries/q HTTP/1.1\r\n" HOST "X-Long: %09000d\r\n\r\n", 1);

	assert_int_equal(http_client_read(&fixture.client)->status, 431);
	assert_true(http_client_ended(&fixture.client));
}

static void test_a_target_beyond_the_memory_of_a_connection_is_refused(void **state)
{
	http_client_say(&fixture.client, "GET /v1/queries/q?%09000d HTTP/1.1\r\n" HOST "\r\n", 1);

	assert_int_equal(http_client_read(&fixture.client)->status, 414);
	assert_true(http_client_ended(&fixture.client));
}

int main(void)
{
#define API(test) cmocka_unit_test_setup_teardown(test, fixture_start_api, fixture_stop)
	const struct CMUnitTest tests[] = {
		API(test_refusals_keep_the_connection),
		API(test_a_wrong_method_is_told_the_right_ones),
		API(test_smuggling_shapes_end_the_connection),
		API(test_nothing_is_read_behind_a_chunked_body),
		API(test_a_length_that_is_no_number_gets_one_reply),
		API(test_what_the_library_refuses_gets_a_problem),
		API(test_whoever_cannot_be_told_apart_gets_what_the_library_says),
		API(test_many_headers_and_odd_spacing_are_fine),
		API(test_a_large_body_is_refused_before_it_comes),
		API(test_a_client_that_sends_all_before_it_reads_gets_its_413),
		API(test_a_client_that_never_ends_is_reset),
		API(test_a_chunked_body_that_grows_too_large_is_refused),
		API(test_a_chunked_body_without_end_ends_the_connection),
		API(test_a_target_beyond_the_memory_of_a_connection_is_refused),
		API(test_headers_beyond_the_memory_of_a_connection_are_refused),
	};
#undef API

	return cmocka_run_group_tests(tests, NULL, NULL);
}
