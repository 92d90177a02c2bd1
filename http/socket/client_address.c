/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text. */
#include "http/socket/client_address.h"

#include "http/socket/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static_assert(CLIENT_ADDRESS_BYTES_MAX >= INET6_ADDRSTRLEN + 3, "room for an address and /64");

static void client_address_text_v6(const struct in6_addr *address, char *out)
{
	struct in6_addr net = *address;

	if (IN6_IS_ADDR_V4MAPPED(address)) {
		(void)!inet_ntop(AF_INET, &address->s6_addr[12], out, CLIENT_ADDRESS_BYTES_MAX);
		return;
	}
	memset(&net.s6_addr[8], 0, 8);
	if (inet_ntop(AF_INET6, &net, out, CLIENT_ADDRESS_BYTES_MAX - 3))
		memcpy(out + strlen(out), "/64", sizeof("/64"));
}

void client_address_text(const struct sockaddr *address, char out[CLIENT_ADDRESS_BYTES_MAX + 1])
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	uid_t uid;

	out[0] = '\0';
	if (!address)
		return;
	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		(void)!inet_ntop(AF_INET, &v4.sin_addr, out, CLIENT_ADDRESS_BYTES_MAX);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		client_address_text_v6(&v6.sin6_addr, out);
	} else if (peer_uid(address, &uid)) {
		snprintf(out, CLIENT_ADDRESS_BYTES_MAX, "uid:%lu", (unsigned long)uid);
	}
}
