/* SPDX-License-Identifier: Apache-2.0 */
/* Set up, torn down, and the router that echoes. */
#include "http_fixture.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct fixture fixture;

void fixture_finish(struct request *request)
{
	struct buf *out = &request->out;

	buf_literal(out, "{\"operation\":");
	buf_json_string(out, request->operation.ptr, request->operation.len);
	for (size_t i = 0; i < request->pairs_count; i++) {
		buf_byte(out, ',');
		buf_json_string(out, request->pairs[i].name.ptr, request->pairs[i].name.len);
		buf_byte(out, ':');
		buf_json_string(out, request->pairs[i].value.ptr, request->pairs[i].value.len);
	}
	if (request->body) {
		buf_literal(out, ",\"body\":");
		json_write_canonical(out, request->body);
	}
	buf_byte(out, '}');
	request->done_us = loop_now(request->loop);
	request->on_done(request);
}

static void router_on_client_gone(struct request *request)
{
	fixture.gone++;
	assert_ptr_equal(request, fixture.held[0]);
}

void fixture_take(struct request *request, void *arg)
{
	struct fixture *f = arg;

	if (!f->hold) {
		fixture_finish(request);
		return;
	}
	request->on_client_gone = router_on_client_gone;
	assert_true(f->held_count < 8);
	f->held[f->held_count++] = request;
}

void fixture_listen(struct listener_settings *settings)
{
	char error[256];

	settings->address = "127.0.0.1:0";
	if (!settings->connections_max)
		settings->connections_max = 64;
	settings->connection_memory = 8192;
	settings->body_bytes_max = 8192;
	settings->request_timeout_us = REQUEST_TIMEOUT_US;
	settings->idle_timeout_us = IDLE_TIMEOUT_US;
	settings->user_header = "X-User-Id";
	fixture.listener =
		listener_new(fixture.loop, settings, fixture.metrics, error, sizeof(error));
	assert_non_null(fixture.listener);
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
}

int fixture_start(void **state)
{
	(void)state;
	memset(&fixture, 0, sizeof(fixture));
	fixture.now_us = 1000 * US_PER_S;
	fixture.loop = loop_new("test");
	loop_fake_clock(fixture.loop, fixture.now_us);
	fixture.metrics = metrics_new();
	return 0;
}

int fixture_start_api(void **state)
{
	struct listener_settings settings = { .handlers = { fixture_take, &fixture } };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

int fixture_start_holding(void **state)
{
	static const char *const origins[] = { "https://shop.example" };
	struct listener_settings settings = {
		.handlers = { fixture_take, &fixture },
		.origins = { false, NULL, 0, origins, 1 },
		.stream_stall_us = US_PER_S,
	};

	fixture_start(state);
	fixture_listen(&settings);
	fixture.hold = true;
	return 0;
}

void fixture_fill(struct buf *body, size_t bytes)
{
	buf_clear(body);
	for (unsigned i = 0; body->len < bytes; i++)
		buf_printf(body, "{\"id\":%u,\"sku\":\"item-%u\"},", i, i * 7919 % 1000);
	body->len = bytes;
}

int fixture_stop(void **state)
{
	(void)state;
	http_client_close(&fixture.client);
	assert_int_equal(listener_in_flight(fixture.listener), 0);
	listener_free(fixture.listener);
	metrics_free(fixture.metrics);
	loop_free(fixture.loop);
	request_cache_fini();
	return 0;
}

void fixture_turn(void)
{
	for (int i = 0; i < 4; i++)
		loop_turn(fixture.loop, 0);
}

void fixture_pass(int64_t us)
{
	fixture.now_us += us;
	loop_fake_clock(fixture.loop, fixture.now_us);
	fixture_turn();
}

void fixture_wait_held(unsigned count)
{
	for (int i = 0; i < 400 && fixture.held_count < count; i++)
		loop_turn(fixture.loop, 5000);
	assert_int_equal(fixture.held_count, count);
}

void fixture_assert_problem(const struct http_reply *reply, unsigned status, const char *code)
{
	char member[64];

	assert_int_equal(reply->status, status);
	assert_string_equal(http_reply_header(reply, "Content-Type"), "application/problem+json");
	snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
	assert_non_null(strstr(reply->body, member));
}
