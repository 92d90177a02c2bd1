/* SPDX-License-Identifier: Apache-2.0 */
/* The request guard: RFC 9112 sections 3, 5 and 6, without any of the leniency they permit. */
#include "http/head/guard.h"

#include "base/bytes16.h"

#include <string.h>

static const char *const guard_methods[] = {
	"GET", "POST", "QUERY", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", NULL,
};

/* What a byte may be part of. */
enum { GUARD_TOKEN = 1, GUARD_VALUE = 2, GUARD_TARGET = 4, GUARD_HOST = 8 };

#define GUARD_EACH (GUARD_TOKEN | GUARD_VALUE | GUARD_TARGET | GUARD_HOST)
#define GUARD_SHOWN (GUARD_VALUE | GUARD_TARGET) /* printed, of no name */

/* A token: RFC 9110 section 5.6.2. Not ctype.h: it depends on the locale. */
static const unsigned char guard_classes[256] = {
	['\t'] = GUARD_VALUE,
	[' '] = GUARD_VALUE,
	['!'] = GUARD_EACH,
	['"'] = GUARD_SHOWN,
	['#'] = GUARD_VALUE | GUARD_TOKEN,
	['$' ... '\''] = GUARD_EACH,
	['(' ... ')'] = GUARD_SHOWN | GUARD_HOST,
	['*' ... '+'] = GUARD_EACH,
	[','] = GUARD_SHOWN,
	['-' ... '.'] = GUARD_EACH,
	['/'] = GUARD_SHOWN,
	['0' ... '9'] = GUARD_EACH,
	[':' ... ';'] = GUARD_SHOWN | GUARD_HOST,
	['<'] = GUARD_SHOWN,
	['='] = GUARD_SHOWN | GUARD_HOST,
	['>' ... '@'] = GUARD_SHOWN,
	['A' ... 'Z'] = GUARD_EACH,
	['['] = GUARD_SHOWN | GUARD_HOST,
	['\\'] = GUARD_SHOWN,
	[']'] = GUARD_SHOWN | GUARD_HOST,
	['^'] = GUARD_SHOWN | GUARD_TOKEN,
	['_'] = GUARD_EACH,
	['`'] = GUARD_SHOWN | GUARD_TOKEN,
	['a' ... 'z'] = GUARD_EACH,
	['{'] = GUARD_SHOWN,
	['|'] = GUARD_SHOWN | GUARD_TOKEN,
	['}'] = GUARD_SHOWN,
	['~'] = GUARD_EACH,
	[0x80 ... 0xff] = GUARD_VALUE,
};

/* Four at a time: it is all of the request line and of each name. */
static bool guard_is_all(struct text text, unsigned class)
{
	const unsigned char *at = (const unsigned char *)text.ptr, *end = at + text.len;
	unsigned common = class;

	for (; end - at >= 4; at += 4)
		common &= guard_classes[at[0]] & guard_classes[at[1]] & guard_classes[at[2]] &
			  guard_classes[at[3]];
	for (; at < end; at++)
		common &= guard_classes[*at];
	return common;
}

/* Bytes that are of no value, and the tab. */
static bytes16 guard_unusual(const char *ptr)
{
	bytes16 bytes = bytes16_load(ptr);

	return (bytes16)(bytes < 0x20) | (bytes16)(bytes == 0x7f);
}

/* Nearly all values are printed characters, and a token or a cookie may be long. */
static bool guard_is_value(struct text text)
{
	const char *at = text.ptr, *last = text.ptr + text.len - sizeof(bytes16);
	bytes16 unusual;

	if (text.len < sizeof(bytes16))
		return guard_is_all(text, GUARD_VALUE);
	unusual = guard_unusual(last);
	for (; at < last; at += sizeof(bytes16))
		unusual |= guard_unusual(at);
	return !bytes16_any(unusual) || guard_is_all(text, GUARD_VALUE);
}

static bool guard_is_method(struct text method)
{
	for (size_t i = 0; guard_methods[i]; i++)
		if (text_is(method, guard_methods[i]))
			return true;
	return false;
}

static const char *guard_request_line(const struct head *head)
{
	if (!guard_is_method(head->method))
		return "The method is not known";
	if (head->target.len == 0 || head->target.ptr[0] != '/')
		return "The request target must begin with /";
	if (!guard_is_all(head->target, GUARD_TARGET))
		return "The request target has a character that must be percent-encoded";
	if (!text_is(head->version, "HTTP/1.1") && !text_is(head->version, "HTTP/1.0"))
		return "The HTTP version must be 1.1";
	return NULL;
}

static const char *guard_host(const struct head *head)
{
	struct text host = head->host;

	if (!host.ptr && text_is(head->version, "HTTP/1.0"))
		return NULL;
	if (!host.ptr || head->several_hosts)
		return "There must be exactly one Host header";
	if (host.len == 0)
		return "The Host header is empty";
	return guard_is_all(host, GUARD_HOST) ? NULL : "The Host header is not a host";
}

/* Which bytes after the headers are the body: one way to say it, at most once. */
static const char *guard_length(const struct head *head)
{
	size_t lengths = head_count(head, "content-length");
	size_t codings = head_count(head, "transfer-encoding");

	if (lengths > 1)
		return "There is more than one Content-Length header";
	if (codings > 1)
		return "There is more than one Transfer-Encoding header";
	if (lengths && codings)
		return "Content-Length and Transfer-Encoding must not come together";
	if (lengths) {
		struct text length = head_find(head, "content-length")->value;

		if (length.len == 0 || length.len > 18 ||
		    strspn(length.ptr, "0123456789") < length.len)
			return "The Content-Length header is not a number";
	}
	if (codings && text_is(head->version, "HTTP/1.0"))
		return "HTTP/1.0 has no Transfer-Encoding";
	if (codings && !text_is_caseless(head_find(head, "transfer-encoding")->value, "chunked"))
		return "The Transfer-Encoding must be chunked";
	return NULL;
}

const char *guard_refusal(const struct head *head)
{
	const char *refusal = guard_request_line(head);

	if (refusal)
		return refusal;
	if (head->line_noise)
		return "The lines of the request are not separated by CR LF alone";
	if (head->too_many)
		return "There are too many headers";
	for (size_t i = 0; i < head->count; i++) {
		struct text name = head->headers[i].name;

		if (name.len == 0 || !guard_is_all(name, GUARD_TOKEN))
			return "A header name has a character that it must not have";
		if (!guard_is_value(head->headers[i].value))
			return "A header value has a control character";
	}
	refusal = guard_host(head);
	return refusal ? refusal : guard_length(head);
}
