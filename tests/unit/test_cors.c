/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* Browsers at a listener: what is refused, what a preflight is answered, what a page may read. */
#include "http_fixture.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#define OURS "Host: localhost:8080\r\n"
#define SHOP "Origin: https://shop.example\r\n"
#define EVIL "Origin: http://evil.example\r\n"
#define COMMAND "POST /v1/commands/place HTTP/1.1\r\n"
#define EMPTY "Content-Length: 2\r\n\r\n{}"

static const char *const hosts[] = { "cqrsd" };
static const char *const origins[] = { "https://shop.example" };

static void page_answer(struct admin_reply *reply, void *arg)
{
	(void)arg;
	reply->status = 200;
	reply->content_type = "text/plain; charset=utf-8";
	buf_literal(&reply->body, "alive\n");
}

static const struct admin_page pages[] = { { "/livez", .answer = page_answer, .is_open = true },
					   { NULL } };

static int start_open(void **state)
{
	struct listener_settings settings = {
		.handlers = { fixture_take, &fixture },
		.origins = { true, hosts, 1, origins, 1 },
	};

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static int start_admin(void **state)
{
	struct listener_settings settings = { .pages = pages, .origins = { .checks_host = true } };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

static const struct http_reply *ask(const char *request)
{
	http_client_say(&fixture.client, "%s", request);
	return http_client_read(&fixture.client);
}

static void test_a_page_that_rebinds_its_name_reads_nothing(void **state)
{
	const struct http_reply *reply =
		ask("GET /v1/queries/list HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n");

	fixture_assert_problem(reply, 403, "forbidden-host");
	assert_non_null(strstr(reply->body, "evil.example:8080"));
	/* The connection lives, and a name that was refused is not remembered as ours. */
	assert_int_equal(ask("GET /v1/queries/list HTTP/1.1\r\n" OURS "\r\n")->status, 200);
	assert_int_equal(ask("GET /v1/queries/list HTTP/1.1\r\n" OURS "\r\n")->status, 200);
	fixture_assert_problem(ask("GET /v1/queries/list HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
			       403, "forbidden-host");
	assert_int_equal(ask("GET /v1/queries/list HTTP/1.1\r\nHost: cqrsd:1\r\n\r\n")->status,
			 200);
}

static void test_a_page_of_another_site_runs_no_command(void **state)
{
	fixture_assert_problem(ask(COMMAND OURS EVIL JSON EMPTY), 403, "forbidden-origin");
	fixture_assert_problem(ask(COMMAND OURS "Origin: null\r\n" JSON EMPTY), 403,
			       "forbidden-origin");
	fixture_assert_problem(ask(COMMAND OURS "Sec-Fetch-Site: cross-site\r\n" JSON EMPTY), 403,
			       "forbidden-origin");
	fixture_assert_problem(ask(COMMAND OURS SHOP EVIL JSON EMPTY), 403, "forbidden-origin");
	fixture_assert_problem(ask(COMMAND OURS EVIL "Content-Length: 0\r\n\r\n"), 403,
			       "forbidden-origin");
	assert_int_equal(ask(COMMAND OURS "Origin: http://localhost:8080\r\n" JSON EMPTY)->status,
			 200);
}

static void test_a_command_without_a_body_needs_its_media_type(void **state)
{
	fixture_assert_problem(ask(COMMAND OURS "\r\n"), 415, "unsupported-media-type");
	fixture_assert_problem(ask(COMMAND OURS "Content-Type: text/plain\r\n\r\n"), 415,
			       "unsupported-media-type");
	assert_string_equal(ask(COMMAND OURS JSON "\r\n")->body, "{\"operation\":\"place\"}");
	/* A query changes nothing. */
	assert_int_equal(ask("POST /v1/queries/list HTTP/1.1\r\n" OURS "\r\n")->status, 200);
}

static void test_a_listed_page_may_ask_and_read(void **state)
{
	const struct http_reply *reply = ask(COMMAND OURS SHOP JSON EMPTY);

	assert_int_equal(reply->status, 200);
	assert_string_equal(http_reply_header(reply, "Access-Control-Allow-Origin"),
			    "https://shop.example");
	assert_string_equal(http_reply_header(reply, "Access-Control-Expose-Headers"),
			    "Consistency, Consistency-Token, Retry-After, Location, ETag, "
			    "Server-Timing, Deprecation, Sunset, Link");
	assert_string_equal(http_reply_header(reply, "Vary"), "Origin");
	assert_null(http_reply_header(reply, "Access-Control-Allow-Credentials"));
	reply = ask("GET /nothing HTTP/1.1\r\n" OURS SHOP "\r\n");
	assert_int_equal(reply->status, 404);
	assert_non_null(http_reply_header(reply, "Access-Control-Allow-Origin"));
}

/* Also what is refused before anybody asks for the origin, and what goes past the library. */
/* libmicrohttpd 1.0 refuses both by pages of its own, before a handler sees the request. */
static void test_a_listed_page_may_read_every_error(void **state)
{
	char many[8000];
	const struct http_reply *reply;
	size_t len = 0;

	if (MHD_get_version()[0] != '0')
		skip();

	reply = ask(COMMAND OURS SHOP JSON "Transfer-Encoding: chunked\r\n" EMPTY);
	fixture_assert_problem(reply, 400, "bad-request");
	assert_string_equal(http_reply_header(reply, "Access-Control-Allow-Origin"),
			    "https://shop.example");
	http_client_close(&fixture.client);
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
	for (unsigned i = 0; i < 4; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, "X-%u: %01600u\r\n", i, i);
	http_client_say(&fixture.client, COMMAND OURS SHOP JSON "%s" EMPTY, many);
	reply = http_client_read(&fixture.client);
	fixture_assert_problem(reply, 431, "bad-request");
	assert_string_equal(http_reply_header(reply, "Access-Control-Allow-Origin"),
			    "https://shop.example");
	assert_string_equal(http_reply_header(reply, "Vary"), "Origin");
	assert_non_null(http_reply_header(reply, "Access-Control-Expose-Headers"));
}

static void test_others_read_nothing(void **state)
{
	const struct http_reply *reply = ask("GET /v1/queries/list HTTP/1.1\r\n" OURS EVIL "\r\n");

	assert_int_equal(reply->status, 200);
	assert_null(http_reply_header(reply, "Access-Control-Allow-Origin"));
	assert_string_equal(http_reply_header(reply, "Vary"), "Origin");
}

static void test_a_preflight_is_answered_with_the_headers_asked_for(void **state)
{
	const struct http_reply *reply =
		ask("OPTIONS /v1/commands/place HTTP/1.1\r\n" OURS SHOP
		    "Access-Control-Request-Method: POST\r\n"
		    "Access-Control-Request-Headers: content-type,x-user-id\r\n\r\n");

	assert_int_equal(reply->status, 204);
	assert_int_equal(reply->body_len, 0);
	assert_null(http_reply_header(reply, "Content-Type"));
	assert_string_equal(http_reply_header(reply, "Access-Control-Allow-Origin"),
			    "https://shop.example");
	assert_string_equal(http_reply_header(reply, "Access-Control-Allow-Methods"),
			    "GET, HEAD, POST, QUERY, DELETE");
	assert_string_equal(http_reply_header(reply, "Access-Control-Allow-Headers"),
			    "content-type,x-user-id");
	assert_string_equal(http_reply_header(reply, "Access-Control-Max-Age"), "600");
	assert_string_equal(http_reply_header(reply, "Vary"), "Origin");
	assert_int_equal(ask("GET /v1/queries/list HTTP/1.1\r\n" OURS "\r\n")->status, 200);
}

static void test_a_preflight_of_others_is_refused(void **state)
{
	fixture_assert_problem(ask("OPTIONS /v1/commands/place HTTP/1.1\r\n" OURS EVIL
				   "Access-Control-Request-Method: POST\r\n\r\n"),
			       403, "forbidden-origin");
	/* Whoever is no browser asks something else. */
	fixture_assert_problem(ask("OPTIONS /v1/commands/place HTTP/1.1\r\n" OURS "\r\n"), 405,
			       "method-not-allowed");
	fixture_assert_problem(ask("OPTIONS /v1/commands/place HTTP/1.1\r\n" OURS SHOP "\r\n"), 405,
			       "method-not-allowed");
}

static void test_a_list_of_headers_that_is_none_is_not_repeated(void **state)
{
	const struct http_reply *reply =
		ask("OPTIONS /v1/commands/place HTTP/1.1\r\n" OURS SHOP
		    "Access-Control-Request-Method: POST\r\n"
		    "Access-Control-Request-Headers: a; b=\"\xc3\xa4\"\r\n\r\n");

	assert_int_equal(reply->status, 204);
	assert_null(http_reply_header(reply, "Access-Control-Allow-Headers"));
}

static void test_the_admin_listener_asks_for_the_name_too(void **state)
{
	fixture_assert_problem(ask("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403,
			       "forbidden-host");
	assert_int_equal(ask("GET /livez HTTP/1.1\r\nHost: 10.0.0.1:8081\r\n\r\n")->status, 200);
	assert_int_equal(ask("GET /livez HTTP/1.1\r\n" OURS EVIL "\r\n")->status, 200);
	fixture_assert_problem(ask("OPTIONS /livez HTTP/1.1\r\n" OURS SHOP
				   "Access-Control-Request-Method: GET\r\n\r\n"),
			       403, "forbidden-origin");
}

#define API(test) cmocka_unit_test_setup_teardown(test, start_open, fixture_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		API(test_a_page_that_rebinds_its_name_reads_nothing),
		API(test_a_page_of_another_site_runs_no_command),
		API(test_a_command_without_a_body_needs_its_media_type),
		API(test_a_listed_page_may_ask_and_read),
		API(test_a_listed_page_may_read_every_error),
		API(test_others_read_nothing),
		API(test_a_preflight_is_answered_with_the_headers_asked_for),
		API(test_a_preflight_of_others_is_refused),
		API(test_a_list_of_headers_that_is_none_is_not_repeated),
		cmocka_unit_test_setup_teardown(test_the_admin_listener_asks_for_the_name_too,
						start_admin, fixture_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
