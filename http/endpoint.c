/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the two it is, is asked here and nowhere else. */
#include "http/endpoint.h"

#include "http/address.h"
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool endpoint_is_unix(const char *text)
{
	return unix_socket_is_meant(text);
}

bool endpoint_check(const char *text, bool *beyond, char *error, size_t error_room)
{
	struct unix_socket file;
	bool loopback;

	*beyond = false;
	if (unix_socket_is_meant(text))
		return unix_socket_parse(&file, text, error, error_room);
	if (!listener_address_is_loopback(text, &loopback, error, error_room))
		return false;
	*beyond = !loopback;
	return true;
}

bool endpoint_open(struct endpoint *endpoint, const char *text, char *error, size_t error_room)
{
	*endpoint =
		(struct endpoint){ .text = text, .is_unix = unix_socket_is_meant(text), .fd = -1 };
	if (!endpoint->is_unix)
		return listener_address_is_free(text, error, error_room);
	if (!unix_socket_parse(&endpoint->file, text, error, error_room))
		return false;
	endpoint->fd = unix_socket_listen(&endpoint->file, error, error_room);
	return endpoint->fd >= 0;
}

/* HOST:PORT with the port that the kernel gave the first socket. */
static void endpoint_address(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_BYTES])
{
	const char *colon = strrchr(endpoint->text, ':');

	if (endpoint->port && colon)
		snprintf(out, ENDPOINT_TEXT_BYTES, "%.*s:%u", (int)(colon - endpoint->text),
			 endpoint->text, endpoint->port);
	else
		snprintf(out, ENDPOINT_TEXT_BYTES, "%s", endpoint->text);
}

int endpoint_listen(struct endpoint *endpoint, bool shared, char *error, size_t error_room)
{
	char address[ENDPOINT_TEXT_BYTES];
	int fd;

	if (endpoint->is_unix) {
		fd = fcntl(endpoint->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			snprintf(error, error_room, "%s: %s", endpoint->text, strerror(errno));
		return fd;
	}
	endpoint_address(endpoint, address);
	fd = address_listen(address, shared, error, error_room);
	if (fd >= 0)
		endpoint->port = address_port(fd);
	return fd;
}

void endpoint_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_BYTES])
{
	char address[ENDPOINT_TEXT_BYTES];

	if (endpoint->is_unix) {
		snprintf(out, ENDPOINT_TEXT_BYTES, "unix:%s", endpoint->file.path);
		return;
	}
	endpoint_address(endpoint, address);
	snprintf(out, ENDPOINT_TEXT_BYTES, "http://%.*s", ENDPOINT_TEXT_BYTES - 8, address);
}

void endpoint_leave(struct endpoint *endpoint)
{
	if (endpoint->is_unix)
		unix_socket_remove(&endpoint->file);
}

void endpoint_close(struct endpoint *endpoint)
{
	endpoint_leave(endpoint);
	if (endpoint->fd >= 0)
		close(endpoint->fd);
	endpoint->fd = -1;
}
