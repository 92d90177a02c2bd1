/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers first, so that an address never waits for a name server. */
#include "http/address.h"

#include "http/http.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_BACKLOG 4096

static bool address_resolve(const char *address, struct addrinfo **found, char *error,
			    size_t error_room)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	const char *colon = strrchr(address, ':');
	const char *host = address;
	size_t len = colon ? (size_t)(colon - address) : 0;
	char name[256];
	int code;

	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (colon && memchr(address, ':', len)) {
		colon = NULL; /* an IPv6 address needs its brackets */
	}
	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strtoul(colon + 1, NULL, 10) > UINT16_MAX || len >= sizeof(name)) {
		snprintf(error, error_room, "%s: must be HOST:PORT, the port at most 65535",
			 address);
		return false;
	}
	memcpy(name, host, len);
	name[len] = '\0';
	host = name[0] && strcmp(name, "*") != 0 ? name : NULL;
	code = getaddrinfo(host, colon + 1, &hints, found);
	if (code == EAI_NONAME) {
		hints.ai_flags &= ~AI_NUMERICHOST;
		code = getaddrinfo(host, colon + 1, &hints, found);
	}
	if (code != 0)
		snprintf(error, error_room, "%s: %s", address, gai_strerror(code));
	return code == 0;
}

static bool address_open(const struct addrinfo *info, bool reuse_port, bool listens, int *fd)
{
	static const int on = 1;

	*fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return false;
	/* What is set here, the accepted sockets inherit. */
	if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (!reuse_port || setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
	    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	    bind(*fd, info->ai_addr, info->ai_addrlen) == 0 &&
	    (!listens || listen(*fd, ADDRESS_BACKLOG) == 0))
		return true;
	close(*fd);
	return false;
}

static int address_take(const char *address, bool reuse_port, bool listens, char *error,
			size_t error_room)
{
	struct addrinfo *found;
	int fd = -1;

	if (!address_resolve(address, &found, error, error_room))
		return -1;
	for (const struct addrinfo *info = found; info; info = info->ai_next) {
		if (address_open(info, reuse_port, listens, &fd))
			break;
		snprintf(error, error_room, "%s: %s", address, strerror(errno));
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

int address_listen(const char *address, bool reuse_port, char *error, size_t error_room)
{
	return address_take(address, reuse_port, true, error, error_room);
}

uint16_t address_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name;
	socklen_t len = sizeof(name);
	int done = getsockname(fd, &name.any, &len);

	assert(done == 0);
	return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

static bool address_is_loopback(const struct sockaddr *name)
{
	if (name->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)name;

		return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
	}
	if (name->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)name;

		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	}
	return false;
}

bool listener_address_is_loopback(const char *address, bool *loopback, char *error,
				  size_t error_room)
{
	struct addrinfo *found;

	if (!address_resolve(address, &found, error, error_room))
		return false;
	*loopback = true;
	for (const struct addrinfo *info = found; info; info = info->ai_next)
		*loopback &= address_is_loopback(info->ai_addr);
	freeaddrinfo(found);
	return true;
}

bool listener_address_is_free(const char *address, char *error, size_t error_room)
{
	/* It does not listen: a client that connected in that moment would be reset. */
	int fd = address_take(address, false, false, error, error_room);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}
