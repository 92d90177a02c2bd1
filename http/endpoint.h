/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the service can be reached: HOST:PORT, for which each loop has a socket of its own
 * (SO_REUSEPORT), or unix:PATH, whose one socket all loops accept from. Main thread.
 */
#pragma once

#include "base/check.h"
#include "http/socket/unix_socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENDPOINT_TEXT_BYTES 300

struct endpoint {
	const char *text; /* as the operator wrote it; borrowed */
	bool is_unix;
	uint16_t port; /* of HOST:PORT, once a socket is bound to it */
	int fd;        /* of unix:PATH: the socket; -1: closed */
	struct unix_socket file;
};

bool endpoint_is_unix(const char *text) must_check;
/* Only what it says. beyond: can others than this machine reach it? False: error says why not. */
bool endpoint_check(const char *text, bool *beyond, char *error, size_t error_room) must_check;
/*
 * Nothing else is there: with SO_REUSEPORT another service would share the port unnoticed. False:
 * error says why ("127.0.0.1:8080: Address already in use").
 */
bool endpoint_open(struct endpoint *endpoint, const char *text, char *error,
		   size_t error_room) must_check;
/*
 * A descriptor that listens there, for one more loop; the port that the kernel picked for the first
 * is that of the others. shared: there will be others. -1: error says why.
 */
int endpoint_listen(struct endpoint *endpoint, bool shared, char *error,
		    size_t error_room) must_check;
/* "http://127.0.0.1:8080", "unix:/run/cqrsd/api.sock". */
void endpoint_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_BYTES]);
/* The path is taken away, so that new clients find the next instance, or none. */
void endpoint_leave(struct endpoint *endpoint);
/* Leaves and closes; what endpoint_listen has given away stays open. */
void endpoint_close(struct endpoint *endpoint);
