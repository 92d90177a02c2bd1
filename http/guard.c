/* SPDX-License-Identifier: Apache-2.0 */
/* The request guard: RFC 9112 sections 3, 5 and 6, without any of the leniency they permit. */
#include "http/guard.h"

#include <string.h>

static const char *const guard_methods[] = {
	"GET", "POST", "QUERY", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", NULL,
};

/* Not ctype.h: it depends on the locale. */
static bool guard_is_alphanumeric(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool guard_is_among(unsigned char c, const char *set)
{
	return c && strchr(set, c);
}

/* RFC 9110 section 5.6.2. */
static bool guard_is_token(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (!guard_is_alphanumeric(c) && !guard_is_among(c, "!#$%&'*+-.^_`|~"))
			return false;
	}
	return text.len > 0;
}

static bool guard_is_field_value(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static const char *guard_request_line(const struct head *head)
{
	bool known = false;

	for (size_t i = 0; guard_methods[i]; i++)
		known |= text_is(head->method, guard_methods[i]);
	if (!known)
		return "The method is not known";
	if (head->target.len == 0 || head->target.ptr[0] != '/')
		return "The request target must begin with /";
	for (size_t i = 0; i < head->target.len; i++) {
		unsigned char c = (unsigned char)head->target.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return "The request target has a character that must be percent-encoded";
	}
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
	for (size_t i = 0; i < host.len; i++) {
		unsigned char c = (unsigned char)host.ptr[i];

		if (!guard_is_alphanumeric(c) && !guard_is_among(c, "-._~:[]%!$&'()*+;="))
			return "The Host header is not a host";
	}
	return NULL;
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
		if (!guard_is_token(head->headers[i].name))
			return "A header name has a character that it must not have";
		if (!guard_is_field_value(head->headers[i].value))
			return "A header value has a control character";
	}
	refusal = guard_host(head);
	return refusal ? refusal : guard_length(head);
}
