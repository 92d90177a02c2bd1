/* SPDX-License-Identifier: Apache-2.0 */
/* Names are compared as bytes, never resolved: what a name resolves to is the attacker's choice. */
#include "http/head/origin.h"

#include "http/head/head.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

/* Host, or what follows :// in an Origin, taken apart. */
struct authority {
	struct text name; /* without the dot at its end; with the brackets of an IPv6 literal */
	struct text port; /* digits; empty: none */
};

/* --- names and literals ----------------------------------------------------------------------- */

static bool origin_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool origin_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* False: neither a name nor a literal, or what follows it is no port. */
static bool authority_read(struct text text, struct authority *authority)
{
	size_t len = 0;

	if (text.len && text.ptr[0] == '[') {
		const char *end = memchr(text.ptr, ']', text.len);

		if (!end)
			return false;
		len = (size_t)(end - text.ptr) + 1;
	} else {
		while (len < text.len && text.ptr[len] != ':')
			len++;
	}
	authority->name = (struct text){ text.ptr, len };
	authority->port = (struct text){ text.ptr + len, 0 };
	if (len && text.ptr[len - 1] == '.')
		authority->name.len--;
	if (len < text.len) {
		if (text.ptr[len] != ':')
			return false;
		authority->port = (struct text){ text.ptr + len + 1, text.len - len - 1 };
	}
	for (size_t i = 0; i < authority->port.len; i++)
		if (!origin_is_digit(authority->port.ptr[i]))
			return false;
	return authority->name.len > 0;
}

/* Four numbers of at most 255; browsers write no other form. */
static bool origin_is_ipv4(struct text name)
{
	unsigned dots = 0, number = 0, digits = 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (c == '.') {
			if (!digits)
				return false;
			dots++;
			number = digits = 0;
		} else if (origin_is_digit(c)) {
			number = number * 10 + (unsigned)(c - '0');
			if (++digits > 3 || number > 255)
				return false;
		} else {
			return false;
		}
	}
	return dots == 3 && digits;
}

static bool origin_is_ipv6(struct text name)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (name.ptr[0] != '[' || name.len < 4 || name.len - 2 >= sizeof(copy))
		return false;
	memcpy(copy, name.ptr + 1, name.len - 2);
	copy[name.len - 2] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1;
}

static bool origin_is_same_name(struct text name, const char *other)
{
	size_t len = strlen(other);

	if (len && other[len - 1] == '.')
		len--;
	return name.len == len && strncasecmp(name.ptr, other, len) == 0;
}

static bool origin_may_name(const struct origin_policy *policy, struct text host)
{
	struct authority authority;

	if (!authority_read(host, &authority))
		return false;
	if (origin_is_ipv4(authority.name) || origin_is_ipv6(authority.name) ||
	    origin_is_same_name(authority.name, "localhost"))
		return true;
	for (size_t i = 0; i < policy->hosts_count; i++)
		if (origin_is_same_name(authority.name, policy->hosts[i]))
			return true;
	return false;
}

/* --- origins ---------------------------------------------------------------------------------- */

/* scheme://authority and nothing behind it. */
static bool origin_read(struct text origin, struct text *scheme, struct authority *authority)
{
	size_t len = 0;

	while (len < origin.len && origin.ptr[len] != ':')
		len++;
	if (len == 0 || origin.len < len + 4 || memcmp(origin.ptr + len, "://", 3) != 0)
		return false;
	*scheme = (struct text){ origin.ptr, len };
	return authority_read((struct text){ origin.ptr + len + 3, origin.len - len - 3 },
			      authority);
}

static struct text origin_port(struct text scheme, struct text port)
{
	if (port.len)
		return port;
	if (text_is_caseless(scheme, "https"))
		return TEXT("443");
	return text_is_caseless(scheme, "http") ? TEXT("80") : port;
}

static bool origin_is_same_authority(struct text scheme, const struct authority *a,
				     const struct authority *b)
{
	return a->name.len == b->name.len &&
	       strncasecmp(a->name.ptr, b->name.ptr, a->name.len) == 0 &&
	       text_equal(origin_port(scheme, a->port), origin_port(scheme, b->port));
}

static bool origin_is_listed(const struct origin_policy *policy, struct text origin)
{
	struct authority authority, listed_authority;
	struct text scheme, listed_scheme;

	if (policy->origins_count == 0 || !origin_read(origin, &scheme, &authority))
		return false;
	for (size_t i = 0; i < policy->origins_count; i++)
		if (origin_read(text_of(policy->origins[i]), &listed_scheme, &listed_authority) &&
		    scheme.len == listed_scheme.len &&
		    strncasecmp(scheme.ptr, listed_scheme.ptr, scheme.len) == 0 &&
		    origin_is_same_authority(scheme, &authority, &listed_authority))
			return true;
	return false;
}

static bool origin_is_host(struct text origin, struct text host)
{
	struct authority of_origin, of_host;
	struct text scheme;

	return host.ptr && origin_read(origin, &scheme, &of_origin) &&
	       authority_read(host, &of_host) &&
	       origin_is_same_authority(scheme, &of_origin, &of_host);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static enum origin_verdict origin_of_browser(const struct origin_policy *policy,
					     const struct origin_asked *asked)
{
	bool listed =
		asked->origin.ptr && !asked->several && origin_is_listed(policy, asked->origin);

	if (listed)
		return ORIGIN_LISTED;
	if (text_is(asked->method, "GET") || text_is(asked->method, "HEAD"))
		return ORIGIN_OWN;
	if (asked->several)
		return ORIGIN_FORBIDDEN;
	if (asked->origin.ptr && !origin_is_host(asked->origin, asked->host))
		return ORIGIN_FORBIDDEN;
	if (asked->fetch_site.ptr && !text_is(asked->fetch_site, "same-origin") &&
	    !text_is(asked->fetch_site, "none"))
		return ORIGIN_FORBIDDEN;
	return ORIGIN_OWN;
}

enum origin_verdict origin_judge(const struct origin_policy *policy,
				 const struct origin_asked *asked)
{
	if (policy->checks_host && asked->host.ptr && !origin_may_name(policy, asked->host))
		return ORIGIN_FORBIDDEN_HOST;
	if (!asked->origin.ptr && !asked->fetch_site.ptr)
		return ORIGIN_OWN;
	return origin_of_browser(policy, asked);
}

/* --- options ---------------------------------------------------------------------------------- */

const char *origin_wrong_host(const char *value)
{
	for (const char *at = value; *at; at++)
		if (!origin_is_letter(*at) && !origin_is_digit(*at) && !strchr("-._", *at))
			return "wants a name without scheme and port, like api.example.org";
	return *value ? NULL : "is empty";
}

const char *origin_wrong_origin(const char *value)
{
	struct authority authority;
	struct text scheme;

	if (strcmp(value, "null") == 0)
		return "null stands for any page that hides where it comes from";
	if (!origin_read(text_of(value), &scheme, &authority) ||
	    strpbrk(authority.name.ptr, "/*@ \"\\?#,"))
		return "wants scheme://name or scheme://name:port, like https://shop.example.org";
	return NULL;
}
