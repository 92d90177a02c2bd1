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
#define SERVED_BYTES_OF_MANY 3900 /* of 39 headers */

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

/* The status; 0: an empty reply. */
static unsigned ask(const struct buf *head, size_t body_bytes)
{
	static char body[BODY_BYTES];
	struct http_client client;
	unsigned status;

	http_client_open(&client, fixture.loop, listener_port(fixture.listener));
	(void)http_client_send(&client, head->ptr, head->len);
	if (body_bytes) {
		memset(body, ' ', sizeof(body));
		memcpy(body, "{}", 2);
		(void)http_client_send(&client, body, body_bytes);
	}
	status = http_client_read(&client)->status;
	http_client_close(&client);
	fixture_turn();
	return status;
}

static void begin(struct buf *head, bool posts)
{
	buf_clear(head);
	if (posts)
		buf_printf(head,
			   "POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n",
			   BODY_BYTES);
	else
		buf_literal(head, "GET /v1/queries/one HTTP/1.1\r\n" HOST);
}

static void try_all_sizes(const struct shape *shape, bool posts)
{
	struct buf head;
	bool refused = false;

	buf_init(&head);
	for (size_t bytes = 100; bytes < HEAD_BYTES_TRIED; bytes += HEAD_STEP) {
		unsigned status;

		begin(&head, posts);
		shape->fill(&head, bytes);
		buf_literal(&head, "\r\n");
		status = ask(&head, posts ? BODY_BYTES : 0);
		if (status != 200 && status != 431 && !(refused && status == 400))
			fail_msg("%s, %zu bytes%s: %u", shape->name, head.len,
				 posts ? " and a body" : "", status);
		/* What is refused at one size is not taken at a larger one. */
		assert_false(refused && status == 200);
		refused |= status != 200;
	}
	assert_true(refused);
	buf_fini(&head);
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
	struct buf head;

	(void)state;
	buf_init(&head);
	for (size_t bytes = 100; bytes < HEAD_BYTES_TRIED; bytes += HEAD_STEP) {
		unsigned status;

		buf_clear(&head);
		buf_literal(&head, "GET /v1/queries/one?a=");
		while (head.len + 40 < bytes)
			buf_byte(&head, 'v');
		buf_literal(&head, " HTTP/1.1\r\n" HOST "\r\n");
		status = ask(&head, 0);
		if (status != 200 && status != 414 && status != 431)
			fail_msg("a target in %zu bytes: %u", head.len, status);
	}
	buf_fini(&head);
}

static void test_as_many_parameters_as_are_allowed_fit(void **state)
{
	struct buf head;

	(void)state;
	buf_init(&head);
	for (unsigned count = 1; count <= PAIRS_MAX + 1; count++) {
		buf_clear(&head);
		buf_literal(&head, "GET /v1/queries/one?");
		for (unsigned i = 0; i < count; i++)
			buf_string(&head, i ? "&a=1" : "a=1");
		buf_literal(&head, " HTTP/1.1\r\n" HOST "\r\n");
		assert_int_equal(ask(&head, 0), count <= PAIRS_MAX ? 200 : 400);
	}
	buf_fini(&head);
}

static void assert_served(fill_fn *fill, size_t bytes, bool posts)
{
	struct buf head;

	buf_init(&head);
	begin(&head, posts);
	fill(&head, bytes);
	buf_literal(&head, "\r\n");
	assert_int_equal(ask(&head, posts ? BODY_BYTES : 0), 200);
	buf_fini(&head);
}

static void test_what_browsers_and_proxies_send_is_served(void **state)
{
	(void)state;
	for (unsigned posts = 0; posts <= 1; posts++) {
		assert_served(fill_value, SERVED_BYTES, posts);
		assert_served(fill_usual, SERVED_BYTES_OF_MANY, posts);
		assert_served(fill_trace, SERVED_BYTES, posts);
	}
}

int main(void)
{
#define WITH_API(test) cmocka_unit_test_setup_teardown(test, fixture_start_api, fixture_stop)
	const struct CMUnitTest tests[] = {
		WITH_API(test_a_head_of_any_size_is_answered),
		WITH_API(test_a_head_of_any_size_before_a_body_is_answered),
		WITH_API(test_a_target_of_any_size_is_answered),
		WITH_API(test_as_many_parameters_as_are_allowed_fit),
		WITH_API(test_what_browsers_and_proxies_send_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
