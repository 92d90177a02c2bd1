/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's word, never the client's: a client may bind its socket to any path. */
#include "http/socket/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_PREFIX "uid:"

bool peer_address(int fd, struct sockaddr_un *address)
{
	struct ucred peer;
	int domain;
	socklen_t len = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_UNIX)
		return false;
	len = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), PEER_PREFIX "%lu",
		 (unsigned long)peer.uid);
	return true;
}

bool peer_uid(const struct sockaddr *address, uid_t *uid)
{
	struct sockaddr_un name;

	if (!address || address->sa_family != AF_UNIX)
		return false;
	memcpy(&name, address, sizeof(name));
	if (strncmp(name.sun_path, PEER_PREFIX, strlen(PEER_PREFIX)) != 0)
		return false;
	*uid = (uid_t)strtoul(name.sun_path + strlen(PEER_PREFIX), NULL, 10);
	return true;
}
