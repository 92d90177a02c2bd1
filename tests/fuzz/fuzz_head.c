/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request, as libmicrohttpd would hand it over, through guard, route, headers and
 * query string: whatever it is, it is refused with a sentence, or every promise that the rest of
 * the program builds on holds. The first line is method, target and version; each other one a
 * header.
 *
 *     make fuzz TARGETS=head SECONDS=60
 */
#include "base/clock.h"
#include "base/utf8.h"
#include "http/head/guard.h"
#include "http/head/headers_in.h"
#include "http/head/if_none_match.h"
#include "http/head/origin.h"
#include "http/head/prefer.h"
#include "http/head/query_string.h"
#include "http/head/route.h"
#include "tests/fuzz/head_lines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_framing(const struct head *head, const struct headers_in *in)
{
	size_t lengths = head_count(head, "content-length");
	size_t codings = head_count(head, "transfer-encoding");
	bool old = text_is(head->version, "HTTP/1.0");

	assert(head->count <= HEADERS_MAX);
	assert(lengths + codings <= 1);
	assert((lengths == 1) == (in->content_length >= 0));
	assert(in->content_length < 1000000000000000000);
	assert(in->chunked == (codings == 1));
	assert(!in->chunked || !old);
	assert(in->has_body == (in->chunked || in->content_length > 0));
	assert(in->keep_alive == !old);
	assert(head_count(head, "host") == 1 || old);
	assert(head->target.ptr[0] == '/');
	assert(memchr(head->target.ptr, '\0', head->target.len) == NULL);
}

static void check_headers(const struct request *request)
{
	assert(request->urgency <= 7);
	assert(request->tokens_count <= TOKENS_MAX);
	assert(request->staleness_us_max >= -1 && request->staleness_us_max <= 86400 * US_PER_S);
	assert(request->wait_us_max >= -1 && request->wait_us_max <= 86400 * US_PER_S);
	assert(request->idempotency_key.len <= IDEMPOTENCY_KEY_BYTES_MAX);
	for (size_t i = 0; i < request->tokens_count; i++)
		assert(strlen(request->tokens[i].ptr) == request->tokens[i].len);
	if (request->user.ptr) {
		assert(utf8_valid(request->user));
		assert(request->user.len >= 1 && request->user.len <= USER_BYTES_MAX);
		assert(strlen(request->user.ptr) == request->user.len);
	}
	assert(strlen(request->id) <= REQUEST_ID_BYTES_MAX);
}

static void check_pairs(struct request *request, struct text query)
{
	const char *refusal =
		query_string_read(query, &request->arena, &request->pairs, &request->pairs_count);

	if (refusal)
		return;
	assert(request->pairs_count <= PAIRS_MAX);
	for (size_t i = 0; i < request->pairs_count; i++) {
		const struct pair *pair = &request->pairs[i];

		assert(pair->name.len > 0 && !text_is(pair->name, "token"));
		assert(utf8_valid(pair->name) && utf8_valid(pair->value));
		assert(strlen(pair->name.ptr) == pair->name.len);
		assert(strlen(pair->value.ptr) == pair->value.len);
	}
}

/* Two pages that are not ours, by name and by origin. */
static void check_browser(const struct head *head)
{
	static const char *const hosts[] = { "cqrsd" }, *const origins[] = { "https://a.b" };
	const struct origin_policy policy = { true, hosts, 1, origins, 1 };
	struct origin_asked asked = { .method = head->method,
				      .host = head->host,
				      .origin = head->origin,
				      .fetch_site = head->fetch_site,
				      .several = head->several_origins };
	enum origin_verdict verdict = origin_judge(&policy, &asked);

	if (verdict == ORIGIN_LISTED)
		assert(text_is_caseless(head->origin, "https://a.b") ||
		       text_is_caseless(head->origin, "https://a.b.") ||
		       memchr(head->origin.ptr + 8, ':', head->origin.len - 8));
	if (text_is_caseless(head->host, "evil.example"))
		assert(verdict == ORIGIN_FORBIDDEN_HOST);
}

/* A tag that was found is there, in its quotes; * is for any. */
static void check_tags(const struct head *head, struct arena *arena)
{
	struct text list = if_none_match_find(head, arena);

	if (!list.ptr || !if_none_match_has(list, TEXT("a,b")))
		return;
	assert(text_is(list, "*") || memmem(list.ptr, list.len, "\"a,b\"", 5));
}

static void check_accepted(const struct head *head, struct request *request)
{
	struct headers_in in;
	struct route route = route_find(head->target);
	struct buf applied;

	check_browser(head);
	headers_in_frame(head, request, &in);
	check_framing(head, &in);
	request->kind = route.kind == ROUTE_COMMAND ? REQUEST_COMMAND : REQUEST_QUERY;
	if (route.kind == ROUTE_QUERY || route.kind == ROUTE_COMMAND || route.kind == ROUTE_JOB) {
		struct text name;

		assert(route.name.len > 0);
		if (percent_decode(route.name, false, &request->arena, &name))
			assert(utf8_valid(name) && strlen(name.ptr) == name.len);
	}
	if (headers_in_read(head, "X-User-Id", request))
		check_headers(request);
	else
		assert(request->outcome != OUTCOME_OK && request->detail);
	check_tags(head, &request->arena);
	check_pairs(request, route.query);
	buf_init(&applied);
	prefer_applied(request, &applied);
	buf_fini(&applied);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	struct request *request;
	struct head head;
	char *copy = malloc(size + 1);

	if (!loop)
		loop = loop_new("fuzz");
	assert(copy);
	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	head_lines_read(&head, copy, copy + size);
	request = request_new(loop);
	if (!guard_refusal(&head))
		check_accepted(&head, request);
	request_free(request);
	free(copy);
	return 0;
}
