/* SPDX-License-Identifier: Apache-2.0 */
/* links: gunzip.c http_client.c http_fixture.c */
/* Which replies of a listener have an ETag, and which are 304 for who has their content. */
#include "gunzip.h"
#include "http_fixture.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/siphash.h"

#include <stdio.h>
#include <string.h>

#define GZIP "Accept-Encoding: gzip\r\n"
#define GET "GET /v1/queries/one HTTP/1.1"
#define HEAD "HEAD /v1/queries/one HTTP/1.1"
#define LONG_BYTES 200000
#define WHOLE_BYTES 4096
#define TAG_ROOM 96
#define TOKEN "token-of-this-answer"

static const uint8_t keys[2][SIPHASH_KEY_BYTES] = { "a key of tests!", "another of them" };
static const uint8_t *key;
static struct buf body;

static int start(void **state)
{
	fixture_start_holding(state);
	buf_init(&body);
	buf_literal(&body, "{\"data\":[]}");
	key = keys[0];
	return 0;
}

static int stop(void **state)
{
	buf_fini(&body);
	return fixture_stop(state);
}

/* As the router leaves a query that was answered. */
static struct request *asked(const char *line, const char *headers, const char *json)
{
	struct request *request;

	fixture.held_count = 0;
	http_client_say(&fixture.client, "%s\r\n" HOST "%s\r\n%s", line, headers, json);
	fixture_wait_held(1);
	request = fixture.held[0];
	request->tag_key = request->kind == REQUEST_QUERY ? key : NULL;
	request->served_by = SERVED_BY_REPLICA;
	request->level_used = LEVEL_SESSION;
	memcpy(request->token, TOKEN, sizeof(TOKEN));
	buf_add(&request->out, body.ptr, body.len);
	return request;
}

static const struct http_reply *reply_to(const char *line, const char *headers)
{
	struct request *request = asked(line, headers, "");

	request->on_done(request);
	return strncmp(line, "HEAD", 4) == 0 ? http_client_read_head(&fixture.client)
					     : http_client_read(&fixture.client);
}

/* The ETag of a reply to such a request. */
static const char *tag_of(const char *line, const char *headers)
{
	static char tag[4][TAG_ROOM];
	static unsigned next;
	char *out = tag[next++ % 4];
	const char *value = http_reply_header(reply_to(line, headers), "ETag");

	snprintf(out, TAG_ROOM, "%s", value ? value : "none");
	return out;
}

static const char *having(const char *tag, const char *more)
{
	static char headers[8 * TAG_ROOM];

	snprintf(headers, sizeof(headers), "If-None-Match: %s\r\n%s", tag, more);
	return headers;
}

/* Nothing of a body may be on its way: it would be taken for the next reply. */
static const struct http_reply *not_modified(const char *line, const char *headers)
{
	struct request *request = asked(line, headers, "");
	const struct http_reply *reply;

	request->on_done(request);
	reply = http_client_read_head(&fixture.client);
	assert_int_equal(reply->status, 304);
	assert_true(http_client_silent(&fixture.client));
	assert_int_equal(fixture.client.in.len, 0);
	return reply;
}

/* --- the tag ---------------------------------------------------------------------------------- */

static void a_tag_is_strong_and_the_same_for_the_same_content(void **state)
{
	const char *tag = tag_of(GET, "");

	assert_int_equal(strlen(tag), 34);
	assert_int_equal(tag[0], '"');
	assert_int_equal(strspn(tag + 1, "0123456789abcdef"), 32);
	assert_string_equal(tag_of(GET, "X-Request-Id: another\r\n"), tag);
	assert_string_equal(tag_of(HEAD, ""), tag);
}

static void a_tag_is_the_hash_of_the_content_in_hexadecimal(void **state)
{
	struct siphash *siphash = siphash_new();
	uint8_t hash[SIPHASH_BYTES];
	struct buf text;

	siphash_hash(siphash, key, body.ptr, body.len, hash);
	siphash_free(siphash);
	buf_init(&text);
	buf_byte(&text, '"');
	for (unsigned i = 0; i < sizeof(hash); i++)
		buf_printf(&text, "%x%x", hash[i] & 15, hash[i] >> 4);
	buf_literal(&text, "\"");
	buf_byte(&text, '\0');
	assert_string_equal(tag_of(GET, ""), text.ptr);
	buf_fini(&text);
}

static void another_content_has_another_tag(void **state)
{
	const char *tag = tag_of(GET, "");

	body.ptr[body.len - 3] = '1';
	assert_string_not_equal(tag_of(GET, ""), tag);
}

static void another_cluster_has_other_tags(void **state)
{
	const char *tag = tag_of(GET, "");

	key = keys[1];
	assert_string_not_equal(tag_of(GET, ""), tag);
}

static void each_coding_has_a_tag_of_its_own(void **state)
{
	const char *plain, *gzip;

	fixture_fill(&body, WHOLE_BYTES);
	plain = tag_of(GET, "");
	gzip = tag_of(GET, GZIP);
	assert_memory_equal(plain, gzip, 33);
	assert_string_equal(gzip + 33, "-gzip\"");
	assert_string_equal(tag_of(HEAD, GZIP), gzip);
}

static void a_short_reply_has_one_tag_however_it_is_asked_for(void **state)
{
	assert_string_equal(tag_of(GET, GZIP), tag_of(GET, ""));
}

static void assert_no_tag(struct request *request, unsigned status)
{
	const struct http_reply *reply;

	request->on_done(request);
	reply = http_client_read(&fixture.client);
	assert_int_equal(reply->status, status);
	assert_null(http_reply_header(reply, "ETag"));
}

static void replies_to_post_and_query_have_none(void **state)
{
	const char *json = JSON "If-None-Match: *\r\nContent-Length: 2\r\n";

	assert_no_tag(asked("POST /v1/queries/one HTTP/1.1", json, "{}"), 200);
	assert_no_tag(asked("QUERY /v1/queries/one HTTP/1.1", json, "{}"), 200);
	assert_no_tag(asked("POST /v1/commands/one HTTP/1.1", json, "{}"), 200);
}

static void a_problem_has_none_and_is_told_to_who_has_a_tag(void **state)
{
	struct request *request = asked(GET, "If-None-Match: *\r\n", "");

	(void)request_fail(request, OUTCOME_NOT_FOUND, "no row");
	assert_no_tag(request, 404);
	request = asked(GET, having(tag_of(GET, ""), ""), "");
	(void)request_fail(request, OUTCOME_NO_REPLICA, "none");
	assert_no_tag(request, 503);
}

static void without_a_key_there_is_none(void **state)
{
	key = NULL;
	assert_string_equal(tag_of(GET, "If-None-Match: *\r\n"), "none");
}

/* --- 304 -------------------------------------------------------------------------------------- */

static void who_has_the_content_is_answered_without_it(void **state)
{
	const char *tag = tag_of(GET, "");
	const struct http_reply *reply = not_modified(GET, having(tag, ""));

	assert_string_equal(http_reply_header(reply, "ETag"), tag);
	assert_string_equal(http_reply_header(reply, "Cache-Control"), "no-store");
	assert_non_null(http_reply_header(reply, "Date"));
	assert_string_equal(http_reply_header(reply, "Consistency-Token"), "token-of-this-answer");
	assert_non_null(http_reply_header(reply, "Consistency"));
	assert_non_null(http_reply_header(reply, "X-Request-Id"));
	assert_string_equal(http_reply_header(reply, "Vary"), "Origin");
	assert_null(http_reply_header(reply, "Content-Type"));
	assert_string_equal(http_reply_header(reply, "Content-Length"), "11");
	reply = not_modified(HEAD, having(tag, ""));
	assert_string_equal(http_reply_header(reply, "ETag"), tag);
}

static void a_weak_tag_a_list_and_a_star_hold_too(void **state)
{
	char list[3 * TAG_ROOM], lines[3 * TAG_ROOM];
	const char *tag = tag_of(GET, "");

	snprintf(list, sizeof(list), "\"x\", W/%s , \"y\"", tag);
	(void)not_modified(GET, having(list, ""));
	snprintf(lines, sizeof(lines), "If-None-Match: %s\r\n", tag);
	(void)not_modified(GET, having("\"x\", \"y\"", lines));
	(void)not_modified(GET, having("*", ""));
}

static void who_has_another_content_gets_this_one(void **state)
{
	char old[TAG_ROOM];
	const struct http_reply *reply;

	snprintf(old, sizeof(old), "%s", tag_of(GET, ""));
	buf_literal(&body, " ");
	reply = reply_to(GET, having(old, ""));
	assert_int_equal(reply->status, 200);
	assert_int_equal(reply->body_len, body.len);
	assert_string_not_equal(http_reply_header(reply, "ETag"), old);
	assert_int_equal(reply_to(GET, having("bad, \"", ""))->status, 200);
}

static void who_has_it_in_another_coding_gets_it_in_this_one(void **state)
{
	const char *plain, *gzip;
	const struct http_reply *reply;

	fixture_fill(&body, WHOLE_BYTES);
	plain = tag_of(GET, "");
	gzip = tag_of(GET, GZIP);
	reply = reply_to(GET, having(gzip, ""));
	assert_int_equal(reply->status, 200);
	assert_string_equal(http_reply_header(reply, "ETag"), plain);
	reply = reply_to(GET, having(plain, GZIP));
	assert_int_equal(reply->status, 200);
	assert_string_equal(http_reply_header(reply, "ETag"), gzip);
}

static void a_304_says_what_its_200_would_of_a_compressed_content(void **state)
{
	char length[32];
	const char *tag;
	const struct http_reply *reply;

	fixture_fill(&body, WHOLE_BYTES);
	tag = tag_of(GET, GZIP);
	snprintf(length, sizeof(length), "%zu", reply_to(GET, GZIP)->body_len);
	reply = not_modified(GET, having(tag, GZIP));
	assert_string_equal(http_reply_header(reply, "ETag"), tag);
	assert_string_equal(http_reply_header(reply, "Vary"), "Origin, Accept-Encoding");
	assert_string_equal(http_reply_header(reply, "Content-Length"), length);
	assert_null(http_reply_header(reply, "Content-Encoding"));
	(void)not_modified(GET, having(tag, GZIP));
}

/* --- compressed while it leaves --------------------------------------------------------------- */

static bool has_last_chunk(void)
{
	const struct buf *in = &fixture.client.in;

	return in->len >= 7 && memcmp(in->ptr + in->len - 7, "\r\n0\r\n\r\n", 7) == 0;
}

/* Its bytes depend on how it was cut into pieces: the tag is weak. */
static void in_pieces(char tag[TAG_ROOM])
{
	struct request *request = asked(GET, GZIP, "");
	const char *at;

	request->on_done(request);
	for (int i = 0; i < 200 && !has_last_chunk(); i++)
		(void)http_client_silent(&fixture.client);
	buf_byte(&fixture.client.in, '\0');
	assert_non_null(strstr(fixture.client.in.ptr, "Transfer-Encoding: chunked"));
	at = strstr(fixture.client.in.ptr, "ETag: ");
	assert_non_null(at);
	snprintf(tag, TAG_ROOM, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
	buf_clear(&fixture.client.in);
}

static void a_content_compressed_in_pieces_has_a_weak_tag(void **state)
{
	char tag[TAG_ROOM];
	const char *plain;

	fixture_fill(&body, LONG_BYTES);
	in_pieces(tag);
	assert_memory_equal(tag, "W/\"", 3);
	assert_string_equal(tag + 35, "-gzip\"");
	fixture_fill(&body, 60000);
	plain = tag_of(GET, "");
	assert_memory_not_equal(tag + 3, plain + 1, 32);
}

static void a_304_in_place_of_pieces_has_neither_chunks_nor_a_length(void **state)
{
	char tag[TAG_ROOM];
	const struct http_reply *reply;
	struct request *request;

	fixture_fill(&body, LONG_BYTES);
	in_pieces(tag);
	request = asked(GET, having(tag, GZIP), "");
	request->on_done(request);
	reply = http_client_read_head(&fixture.client);
	assert_int_equal(reply->status, 304);
	assert_memory_equal(reply->head, "HTTP/1.1 304", 12);
	assert_string_equal(http_reply_header(reply, "ETag"), tag);
	assert_string_equal(http_reply_header(reply, "Connection"), "close");
	assert_null(http_reply_header(reply, "Content-Length"));
	assert_null(http_reply_header(reply, "Transfer-Encoding"));
	assert_int_equal(fixture.client.in.len, 0);
	assert_true(http_client_ended(&fixture.client));
}

static void a_long_content_that_is_not_compressed_is_spared_as_any(void **state)
{
	const struct http_reply *reply;
	const char *tag;

	fixture_fill(&body, LONG_BYTES);
	tag = tag_of(HEAD, "");
	reply = not_modified(GET, having(tag, ""));
	assert_string_equal(http_reply_header(reply, "Content-Length"), "200000");
	(void)not_modified(HEAD, having(tag, GZIP));
}

static void on_taken(struct request *request)
{
	(void)request;
}

static void a_stream_has_no_tag_and_is_sent_to_who_has_one(void **state)
{
	struct request *request = asked(GET, "If-None-Match: *\r\n", "");
	char *head;

	request->stream = STREAM_OPEN;
	request->operation_name = "one";
	request->on_taken = on_taken;
	request->on_stream(request);
	fixture_turn();
	request->stream = STREAM_WHOLE;
	request->on_done(request);
	fixture_turn();
	(void)http_client_silent(&fixture.client);
	buf_byte(&fixture.client.in, '\0');
	head = fixture.client.in.ptr;
	assert_memory_equal(head, "HTTP/1.1 200", 12);
	assert_null(strstr(head, "ETag"));
	assert_non_null(strstr(head, "{\"data\":[]}"));
	buf_clear(&fixture.client.in);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(a_tag_is_strong_and_the_same_for_the_same_content),
		STORY(a_tag_is_the_hash_of_the_content_in_hexadecimal),
		STORY(another_content_has_another_tag),
		STORY(another_cluster_has_other_tags),
		STORY(each_coding_has_a_tag_of_its_own),
		STORY(a_short_reply_has_one_tag_however_it_is_asked_for),
		STORY(replies_to_post_and_query_have_none),
		STORY(a_problem_has_none_and_is_told_to_who_has_a_tag),
		STORY(without_a_key_there_is_none),
		STORY(who_has_the_content_is_answered_without_it),
		STORY(a_weak_tag_a_list_and_a_star_hold_too),
		STORY(who_has_another_content_gets_this_one),
		STORY(who_has_it_in_another_coding_gets_it_in_this_one),
		STORY(a_304_says_what_its_200_would_of_a_compressed_content),
		STORY(a_content_compressed_in_pieces_has_a_weak_tag),
		STORY(a_304_in_place_of_pieces_has_neither_chunks_nor_a_length),
		STORY(a_long_content_that_is_not_compressed_is_spared_as_any),
		STORY(a_stream_has_no_tag_and_is_sent_to_who_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
