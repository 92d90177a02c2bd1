/* SPDX-License-Identifier: Apache-2.0 */
/* Names are compared without case. A row that ends with '-' stands for all that begin with it. */
#include "http/head/user_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* RFC 9110, section 5.6.2. */
#define USER_HEADER_LETTERS                                                                        \
	"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *const of_http[] = {
	"Accept",
	"Accept-",
	"Access-Control-",
	"Authorization",
	"Cache-Control",
	"Connection",
	"Content-",
	"Cookie",
	"Date",
	"Expect",
	"Forwarded",
	"Host",
	"If-",
	"Keep-Alive",
	"Origin",
	"Pragma",
	"Proxy-",
	"Range",
	"Referer",
	"Sec-",
	"TE",
	"Trailer",
	"Transfer-Encoding",
	"Upgrade",
	"User-Agent",
	"Via",
};
static const char *const of_cqrsd[] = {
	"Consistency",     "Consistency-Token", "Idempotency-Key", "Prefer",     "Priority",
	"Request-Timeout", "X-Request-Id",      "traceparent",     "tracestate",
};

static bool user_header_is_among(const char *name, const char *const *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(rows[i]);

		if (rows[i][len - 1] == '-' ? strncasecmp(name, rows[i], len) == 0
					    : strcasecmp(name, rows[i]) == 0)
			return true;
	}
	return false;
}

const char *user_header_wrong(const char *name)
{
	if (!*name || name[strspn(name, USER_HEADER_LETTERS)])
		return "is no name of a header: letters, digits and hyphens";
	if (user_header_is_among(name, of_http, sizeof(of_http) / sizeof(of_http[0])))
		return "is used by HTTP itself; choose a name of its own, such as X-User-Id";
	if (user_header_is_among(name, of_cqrsd, sizeof(of_cqrsd) / sizeof(of_cqrsd[0])))
		return "is used by cqrsd for something else; choose another, such as X-User-Id";
	return NULL;
}
