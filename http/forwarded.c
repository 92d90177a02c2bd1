/* SPDX-License-Identifier: Apache-2.0 */
/* What is no address is left out: a client without one is not limited by it. */
#include "http/forwarded.h"

#include "http/connection.h"
#include "http/head/head.h"
#include "http/socket/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define FORWARDED_FOR "x-forwarded-for"
#define FORWARDED_CERTIFICATE "x-client-cert"

/* ptr NULL: there is none. */
static struct text forwarded_last(const struct head *head)
{
	struct text value = { NULL, 0 };

	if (!head_find(head, FORWARDED_FOR))
		return value;
	for (size_t i = 0; i < head->count; i++)
		if (text_is_caseless(head->headers[i].name, FORWARDED_FOR))
			value = head->headers[i].value;
	for (size_t at = value.len; at > 0; at--)
		if (value.ptr[at - 1] == ',')
			return text_trim((struct text){ value.ptr + at, value.len - at });
	return value;
}

/* "10.0.0.2", "2001:db8::1", "[2001:db8::1]", as a name of callers; empty: not an address. */
static void forwarded_name(struct text value, char out[CLIENT_ADDRESS_BYTES_MAX + 1])
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];

	out[0] = '\0';
	if (value.len >= 2 && value.ptr[0] == '[' && value.ptr[value.len - 1] == ']')
		value = (struct text){ value.ptr + 1, value.len - 2 };
	if (!value.ptr || value.len >= sizeof(text))
		return;
	memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		client_address_text((const struct sockaddr *)&v4, out);
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		client_address_text((const struct sockaddr *)&v6, out);
}

void forwarded_take(struct connection *connection, const struct head *head)
{
	struct exchange *exchange = &connection->exchange;
	struct arena *arena = &exchange->request->arena;
	const struct header *certificate = head_find(head, FORWARDED_CERTIFICATE);
	char name[CLIENT_ADDRESS_BYTES_MAX + 1];

	forwarded_name(forwarded_last(head), name);
	if (name[0])
		exchange->request->caller = exchange->request->address =
			arena_text(arena, text_of(name));
	if (certificate && head_count(head, FORWARDED_CERTIFICATE) == 1 && certificate->value.len)
		exchange->asked->certificate = arena_text(arena, certificate->value);
}
