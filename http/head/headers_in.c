/* SPDX-License-Identifier: Apache-2.0 */
/* One small parser per header; a list header may come in several lines, the others only once. */
#include "http/head/headers_in.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "http/head/cache_control.h"
#include "http/head/prefer.h"
#include "http/head/seconds.h"

#include <string.h>
#include <strings.h>

static bool header_is_among(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool header_is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool header_ends_with(struct text text, const char *end)
{
	size_t len = strlen(end);

	return text.len > len &&
	       text_is_caseless((struct text){ text.ptr + text.len - len, len }, end);
}

/* --- framing and tracing ---------------------------------------------------------------------- */

static enum media_type header_media_type(struct text value)
{
	struct text element;

	if (!text_next(&value, ';', &element))
		return MEDIA_OTHER;
	if (!text_is_caseless(element, "application/json") && !header_ends_with(element, "+json"))
		return MEDIA_OTHER;
	while (text_next(&value, ';', &element)) {
		if (element.len < 8 || strncasecmp(element.ptr, "charset=", 8) != 0)
			continue;
		element = (struct text){ element.ptr + 8, element.len - 8 };
		if (!text_is_caseless(element, "utf-8") && !text_is_caseless(element, "\"utf-8\""))
			return MEDIA_OTHER;
	}
	return MEDIA_JSON;
}

static bool header_is_lower_hex(const char *ptr, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!header_is_among(ptr[i], "0123456789abcdef"))
			return false;
	return true;
}

static bool header_is_zeros(const char *ptr, size_t len)
{
	return strspn(ptr, "0") >= len;
}

/* W3C Trace Context, version 00: 00-<32 hex, not all 0>-<16 hex, not all 0>-<2 hex>. */
static bool header_is_traceparent(struct text value)
{
	const char *at = value.ptr;

	return value.len == 55 && memcmp(at, "00-", 3) == 0 && at[35] == '-' && at[52] == '-' &&
	       header_is_lower_hex(at + 3, 32) && !header_is_zeros(at + 3, 32) &&
	       header_is_lower_hex(at + 36, 16) && !header_is_zeros(at + 36, 16) &&
	       header_is_lower_hex(at + 53, 2);
}

static bool header_is_tracestate(struct text value)
{
	if (value.len == 0 || value.len > 512)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] < ' ' || value.ptr[i] > '~')
			return false;
	return memchr(value.ptr, '=', value.len) != NULL;
}

static void headers_in_trace(const struct head *head, struct request *request,
			     struct headers_in *in)
{
	const struct header *parent = head_find(head, "traceparent");
	const struct header *state = head_find(head, "tracestate");

	if (!parent || head_count(head, "traceparent") != 1 ||
	    !header_is_traceparent(parent->value))
		return;
	request->trace = arena_text(&request->arena, parent->value);
	if (state && head_count(head, "tracestate") == 1 && header_is_tracestate(state->value))
		in->tracestate = arena_text(&request->arena, state->value);
}

static void headers_in_request_id(const struct head *head, struct request *request)
{
	const struct header *header = head_find(head, "x-request-id");

	if (!header || header->value.len == 0 || header->value.len > REQUEST_ID_BYTES_MAX)
		return;
	for (size_t i = 0; i < header->value.len; i++)
		if (!header_is_alphanumeric(header->value.ptr[i]) &&
		    !header_is_among(header->value.ptr[i], "._-"))
			return;
	memcpy(request->id, header->value.ptr, header->value.len);
	request->id[header->value.len] = '\0';
}

static int64_t headers_in_length(const struct head *head)
{
	const struct header *header = head_find(head, "content-length");
	int64_t length = 0;

	if (!header)
		return -1;
	for (size_t i = 0; i < header->value.len; i++)
		length = length * 10 + (header->value.ptr[i] - '0');
	return length;
}

void headers_in_frame(const struct head *head, struct request *request, struct headers_in *in)
{
	const struct header *expect = head_find(head, "expect");
	const struct header *type = head_find(head, "content-type");

	*in = (struct headers_in){ .content_length = headers_in_length(head) };
	in->chunked = head_find(head, "transfer-encoding");
	in->has_body = in->content_length > 0 || in->chunked;
	in->expects_continue = expect && text_is_caseless(expect->value, "100-continue");
	in->keep_alive = text_is(head->version, "HTTP/1.1");
	if (type)
		in->media_type = head_count(head, "content-type") == 1
					 ? header_media_type(type->value)
					 : MEDIA_OTHER;
	headers_in_trace(head, request, in);
	headers_in_request_id(head, request);
}

/* --- consistency ------------------------------------------------------------------------------ */

static bool header_from(enum from from, struct request *request)
{
	if (from > request->from)
		request->from = from;
	return request->level == LEVEL_STRONG;
}

static bool header_consistency_parameter(struct text parameter, struct request *request)
{
	const char *equals = memchr(parameter.ptr, '=', parameter.len);
	struct text name, value;

	if (!equals)
		return text_is(parameter, "confirmed") &&
		       header_from(FROM_REPLICA_CONFIRMED, request);
	name = (struct text){ parameter.ptr, (size_t)(equals - parameter.ptr) };
	value = (struct text){ equals + 1, parameter.len - name.len - 1 };
	if (text_is(name, "max-staleness"))
		return seconds_parse(value, &request->staleness_us_max);
	if (text_is(name, "wait"))
		return seconds_parse(value, &request->wait_us_max);
	if (text_is(name, "from"))
		return text_is(value, "replica") && header_from(FROM_REPLICA, request);
	return false;
}

static bool headers_in_consistency(const struct head *head, struct request *request)
{
	const struct header *header = head_find(head, "consistency");
	struct text rest, element;

	request->level = LEVEL_DEFAULT;
	request->from = FROM_DEFAULT;
	request->staleness_us_max = request->wait_us_max = -1;
	if (!header)
		return true;
	rest = header->value;
	if (head_count(head, "consistency") > 1 || !text_next(&rest, ';', &element) ||
	    (request->level = level_parse(element)) == LEVEL_DEFAULT) {
		(void)request_fail(request, OUTCOME_BAD_REQUEST,
				   "Consistency must be eventual, session or strong");
		return false;
	}
	while (text_next(&rest, ';', &element))
		if (!header_consistency_parameter(element, request)) {
			(void)request_fail(
				request, OUTCOME_BAD_REQUEST,
				"Consistency takes ;max-staleness=SECONDS, ;wait=SECONDS and, "
				"where it is strong, ;from=replica and ;confirmed");
			return false;
		}
	return true;
}

static bool header_is_token_text(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!header_is_alphanumeric(text.ptr[i]) && !header_is_among(text.ptr[i], "-_.~"))
			return false;
	return text.len <= TOKEN_TEXT_MAX;
}

static bool headers_in_tokens(const struct head *head, struct request *request)
{
	for (size_t i = 0; i < head->count; i++) {
		struct text list = head->headers[i].value, token;

		if (!text_is_caseless(head->headers[i].name, "consistency-token"))
			continue;
		while (text_next(&list, ',', &token)) {
			if (request->tokens_count == TOKENS_MAX || !header_is_token_text(token)) {
				(void)request_fail(
					request, OUTCOME_INVALID_CONSISTENCY_TOKEN,
					"At most %d tokens of at most %d URL-safe characters",
					TOKENS_MAX, TOKEN_TEXT_MAX);
				return false;
			}
			request->tokens[request->tokens_count++] =
				arena_text(&request->arena, token);
		}
	}
	return true;
}

/* --- the rest --------------------------------------------------------------------------------- */

static bool headers_in_user(const struct head *head, const char *name, struct request *request)
{
	size_t found = 0;

	for (size_t i = 0; i < head->count; i++) {
		struct text value = head->headers[i].value;

		if (!text_is_caseless(head->headers[i].name, name))
			continue;
		if (found++ || value.len == 0 || value.len > USER_BYTES_MAX || !utf8_valid(value)) {
			(void)request_fail(request, OUTCOME_BAD_REQUEST,
					   "%s must come once, as 1 to %d bytes of UTF-8", name,
					   USER_BYTES_MAX);
			return false;
		}
		request->user = request->user_key = arena_text(&request->arena, value);
	}
	return true;
}

/* An sf-string of RFC 8941, or the same characters bare. */
static bool header_key_text(struct text value, char *out, size_t *len)
{
	bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';

	if (quoted)
		value = (struct text){ value.ptr + 1, value.len - 2 };
	*len = 0;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (quoted && c == '\\') {
			if (++i == value.len || !header_is_among(value.ptr[i], "\"\\"))
				return false;
			c = value.ptr[i];
		} else if (c == '"') {
			return false;
		}
		if (c < ' ' || c > '~' || *len == IDEMPOTENCY_KEY_BYTES_MAX)
			return false;
		out[(*len)++] = c;
	}
	return *len > 0;
}

/* A query changes nothing however often it is asked: its key is ignored. */
static bool headers_in_key(const struct head *head, struct request *request)
{
	const struct header *header = head_find(head, "idempotency-key");
	char key[IDEMPOTENCY_KEY_BYTES_MAX];
	size_t len;

	if (!header || request->kind != REQUEST_COMMAND)
		return true;
	if (head_count(head, "idempotency-key") > 1 || !header_key_text(header->value, key, &len)) {
		(void)request_fail(request, OUTCOME_BAD_REQUEST,
				   "Idempotency-Key must come once, as 1 to %d printable characters"
				   " of ASCII, quoted or bare",
				   IDEMPOTENCY_KEY_BYTES_MAX);
		return false;
	}
	request->idempotency_key = (struct text){ arena_copy(&request->arena, key, len), len };
	return true;
}

/* A deadline that is misread would be one the client does not know of. */
static bool headers_in_timeout(const struct head *head, struct request *request)
{
	const struct header *header = head_find(head, "request-timeout");

	if (!header)
		return true;
	if (head_count(head, "request-timeout") == 1 &&
	    seconds_parse(header->value, &request->timeout_us_max) &&
	    request->timeout_us_max >= US_PER_MS)
		return true;
	(void)request_fail(request, OUTCOME_BAD_REQUEST,
			   "Request-Timeout must come once, as seconds from 0.001 to 86400");
	return false;
}

/* RFC 9218; what cannot be read is ignored, as it asks for. */
static void headers_in_priority(const struct head *head, struct request *request)
{
	const struct header *header = head_find(head, "priority");
	struct text list, element;

	if (!header)
		return;
	list = header->value;
	while (text_next(&list, ',', &element))
		if (element.len == 3 && memcmp(element.ptr, "u=", 2) == 0 &&
		    element.ptr[2] >= '0' && element.ptr[2] <= '7')
			request->urgency = element.ptr[2] - '0';
}

bool headers_in_read(const struct head *head, const char *user_header, struct request *request)
{
	if (!headers_in_consistency(head, request) || !headers_in_tokens(head, request) ||
	    !headers_in_user(head, user_header, request) || !prefer_read(head, request))
		return false;
	headers_in_priority(head, request);
	cache_control_read(head, request);
	if (request->respond == RESPOND_EVENTS && head_find(head, "last-event-id"))
		request->last_event_id =
			arena_text(&request->arena, head_find(head, "last-event-id")->value);
	if (!headers_in_key(head, request) || !headers_in_timeout(head, request))
		return false;
	if (head_find(head, "content-encoding") &&
	    !text_is_caseless(head_find(head, "content-encoding")->value, "identity")) {
		(void)request_fail(request, OUTCOME_UNSUPPORTED_MEDIA_TYPE,
				   "The body must not have a Content-Encoding");
		return false;
	}
	return true;
}
