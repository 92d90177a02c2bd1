/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* Heads of every size and make: each is answered, by what was asked or by 414 or 431. */
#include "http_fixture.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>

#define HEAD_BYTES_TRIED 20480
#define HEAD_STEP 61
#define BODY_BYTES 1500
#define SERVED_BYTES 5500
#define SERVED_BYTES_OF_MANY 3800 /* of 38 headers */

/* Appends what fills the head up to about so many bytes. */
typedef void fill_fn(struct buf *head, size_t bytes);

static void fill_value(struct buf *head, size_t bytes)
{
	buf_literal(head, "X-Long: ");
	while (head->len + 4 < bytes)
		buf_byte(head, 'v');
	buf_literal(head, "\r\n");
}

static void fill_name(struct buf *head, size_t bytes)
{
	buf_literal(head, "X-");
	while (head->len + 6 < bytes)
		buf_byte(head, 'n');
	buf_literal(head, ": v\r\n");
}

static void fill_small(struct buf *head, size_t bytes)
{
	for (unsigned i = 0; head->len + 10 < bytes; i++)
		buf_printf(head, "a%u: b\r\n", i);
}

static void fill_usual(struct buf *head, size_t bytes)
{
	for (unsigned i = 0; head->len + 100 < bytes; i++)
		buf_printf(head, "X-Header-%u: %080u\r\n", i, i);
}

static void fill_cookie(struct buf *head, size_t bytes)
{
	buf_literal(head, "Cookie: c=");
	while (head->len + 4 < bytes)
		buf_byte(head, 'v');
	buf_literal(head, "\r\n");
}

static void fill_cookies(struct buf *head, size_t bytes)
{
	buf_literal(head, "Cookie: ");
	while (head->len + 6 < bytes)
		buf_literal(head, "c=1;");
	buf_literal(head, "d=2\r\n");
}

static void fill_trace(struct buf *head, size_t bytes)
{
	buf_literal(head, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
			  "tracestate: vendor=");
	for (unsigned i = 0; i < 240; i++)
		buf_byte(head, 't');
	buf_literal(head, "\r\n");
	fill_value(head, bytes);
}

static const struct shape {
	const char *name;
	fill_fn *fill;
} shapes[] = {
	{ "one long value", fill_value },   { "one long name", fill_name },
	{ "many small ones", fill_small },  { "usual ones", fill_usual },
	{ "one long cookie", fill_cookie }, { "many cookies", fill_cookies },
	{ "with a trace", fill_trace },
};

/* The head that a test writes; it has no memory before and after a test. */
static struct buf head;

static int start(void **state)
{
	buf_init(&head);
	return fixture_start_api(state);
}

static int stop(void **state)
{
	buf_fini(&head);
	return fixture_stop(state);
}

/* On a connection of its own, which ends with the next one, or with the test. */
static void connect_anew(void)
{
	http_client_close(&fixture.client);
	fixture_turn();
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
}

/* Sends the head; the status; 0: an empty reply. */
static unsigned ask(size_t body_bytes)
{
	static char body[BODY_BYTES];

	connect_anew();
	(void)http_client_send(&fixture.client, head.ptr, head.len);
	if (body_bytes) {
		memset(body, ' ', sizeof(body));
		memcpy(body, "{}", 2);
		(void)http_client_send(&fixture.client, body, body_bytes);
	}
	return http_client_read(&fixture.client)->status;
}

static void begin(bool posts)
{
	buf_clear(&head);
	if (posts)
		buf_printf(&head,
			   "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n",
			   BODY_BYTES);
	else
		buf_literal(&head, "GET /v1/queries/one HTTP/1.1\r\n" HOST);
}

static void try_all_sizes(const struct shape *shape, bool posts)
{
	bool refused = false;

	for (size_t bytes = 100; bytes < HEAD_BYTES_TRIED; bytes += HEAD_STEP) {
		unsigned status;

		begin(posts);
		shape->fill(&head, bytes);
		buf_literal(&head, "\r\n");
		status = ask(posts ? BODY_BYTES : 0);
		if (status != 200 && status != 431 && !(refused && status == 400))
			fail_msg("%s, %zu bytes%s: %u", shape->name, head.len,
				 posts ? " and a body" : "", status);
		/* What is refused at one size is not taken at a larger one. */
		assert_false(refused && status == 200);
		refused |= status != 200;
	}
	assert_true(refused);
}

static void test_a_head_of_any_size_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		try_all_sizes(&shapes[i], false);
}

static void test_a_head_of_any_size_before_a_body_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		try_all_sizes(&shapes[i], true);
}

static void test_a_target_of_any_size_is_answered(void **state)
{
	(void)state;
	for (size_t bytes = 100; bytes < HEAD_BYTES_TRIED; bytes += HEAD_STEP) {
		unsigned status;

		buf_clear(&head);
		buf_literal(&head, "GET /v1/queries/one?a=");
		while (head.len + 40 < bytes)
			buf_byte(&head, 'v');
		buf_literal(&head, " HTTP/1.1\r\n" HOST "\r\n");
		status = ask(0);
		if (status != 200 && status != 414 && status != 431)
			fail_msg("a target in %zu bytes: %u", head.len, status);
	}
}

static void test_as_many_parameters_as_are_allowed_fit(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= PAIRS_MAX + 1; count++) {
		buf_clear(&head);
		buf_literal(&head, "GET /v1/queries/one?");
		for (unsigned i = 0; i < count; i++)
			buf_string(&head, i ? "&a=1" : "a=1");
		buf_literal(&head, " HTTP/1.1\r\n" HOST "\r\n");
		assert_int_equal(ask(0), count <= PAIRS_MAX ? 200 : 400);
	}
}

static void assert_served(fill_fn *fill, size_t bytes, bool posts)
{
	begin(posts);
	fill(&head, bytes);
	buf_literal(&head, "\r\n");
	assert_int_equal(ask(posts ? BODY_BYTES : 0), 200);
}

static void test_what_browsers_and_proxies_send_is_served(void **state)
{
	(void)state;
	for (unsigned posts = 0; posts <= 1; posts++) {
		assert_served(fill_value, SERVED_BYTES, posts);
		assert_served(fill_cookie, SERVED_BYTES, posts);
		assert_served(fill_cookies, SERVED_BYTES, posts);
		assert_served(fill_usual, SERVED_BYTES_OF_MANY, posts);
		assert_served(fill_trace, SERVED_BYTES, posts);
	}
}

int main(void)
{
#define WITH_HEAD(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_HEAD(test_a_head_of_any_size_is_answered),
		WITH_HEAD(test_a_head_of_any_size_before_a_body_is_answered),
		WITH_HEAD(test_a_target_of_any_size_is_answered),
		WITH_HEAD(test_as_many_parameters_as_are_allowed_fit),
		WITH_HEAD(test_what_browsers_and_proxies_send_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
