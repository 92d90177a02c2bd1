/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health verb: GET /readyz on the admin address; exit 0 when it answers 200. For container
 * health checks, so it needs no other program in the image.
 */
#include "base/clock.h"
#include "cmd/start.h"
#include "cmd/verbs.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define HEALTH_TIMEOUT_S 3
#define HEALTH_UNIX "unix:"
#define HEALTH_REPLY_BYTES_MAX 65536

/* HOST:PORT or [V6]:PORT, taken apart in place. */
static bool health_split(char *address, char **host, char **port)
{
	char *colon = strrchr(address, ':');

	if (!colon)
		return false;
	*colon = '\0';
	*host = address;
	*port = colon + 1;
	if (**host == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		++*host;
	}
	if (**host == '\0' || !strcmp(*host, "*") || !strcmp(*host, "0.0.0.0"))
		*host = (char *)"127.0.0.1";
	else if (!strcmp(*host, "::"))
		*host = (char *)"::1";
	return true;
}

/* Connected, with a limit to each wait; -1: not. */
static int health_open(int family, int protocol, const struct sockaddr *name, socklen_t len)
{
	struct timeval limit = { .tv_sec = HEALTH_TIMEOUT_S };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, name, len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int health_connect_unix(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t len = strcspn(path, "?"); /* what follows is for serve */

	if (len >= sizeof(name.sun_path))
		return -1;
	memcpy(name.sun_path, path, len);
	return health_open(AF_UNIX, 0, (const struct sockaddr *)&name, sizeof(name));
}

static int health_connect(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int fd = -1;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -1;
	for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
		fd = health_open(at->ai_family, at->ai_protocol, at->ai_addr, at->ai_addrlen);
	freeaddrinfo(found);
	return fd;
}

/* The whole reply, NUL-terminated; false: none came. */
static bool health_ask(int fd, char *reply, size_t room)
{
	static const char question[] =
		"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	size_t len = 0;
	ssize_t got;

	if (write(fd, question, sizeof(question) - 1) != (ssize_t)sizeof(question) - 1)
		return false;
	while (len < room - 1 && (got = read(fd, reply + len, room - 1 - len)) > 0)
		len += (size_t)got;
	reply[len] = '\0';
	return len > 0;
}

int health_main(int argc, char **argv)
{
	static char reply[HEALTH_REPLY_BYTES_MAX];
	struct options options;
	char address[300], *host = NULL, *port = NULL, *body;
	bool is_unix, ready;
	int code, fd;

	if (!start_options(&options, VERB_HEALTH, "health", argc, argv, &code))
		return code;
	snprintf(address, sizeof(address), "%s", options.admin_listen);
	is_unix = strncmp(address, HEALTH_UNIX, strlen(HEALTH_UNIX)) == 0;
	if (!is_unix && !health_split(address, &host, &port)) {
		fprintf(stderr, "cqrsd health: --admin-listen: want HOST:PORT or unix:PATH\n");
		return EXIT_USAGE;
	}
	fd = is_unix ? health_connect_unix(address + strlen(HEALTH_UNIX))
		     : health_connect(host, port);
	if (fd < 0 || !health_ask(fd, reply, sizeof(reply))) {
		fprintf(stderr, "cqrsd health: no answer from %s\n", options.admin_listen);
		if (fd >= 0)
			close(fd);
		return EXIT_FAILED;
	}
	close(fd);
	ready = strncmp(reply, "HTTP/1.1 200", 12) == 0;
	body = strstr(reply, "\r\n\r\n");
	if (options.json && body)
		printf("%s", body + 4);
	else
		printf("%s\n", ready ? "ready" : "not ready");
	return ready ? EXIT_DONE : EXIT_FAILED;
}
