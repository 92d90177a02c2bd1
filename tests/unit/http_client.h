/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A raw HTTP client for tests of the listener: bytes out, replies in. It turns the listener's loop
 * while it waits, so that client and server share the test's thread.
 */
#pragma once

#include "base/buf.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct http_client {
	struct loop *loop;
	int fd;
	struct buf in; /* what came and was not taken yet */
};

struct http_reply {
	unsigned status;  /* 0: the connection ended before a whole reply */
	char head[4096];  /* status line and headers, NUL-terminated */
	char body[65536]; /* NUL-terminated */
	size_t body_len;
};

void http_client_open(struct http_client *client, struct loop *loop, uint16_t port);
/* From an address of the loopback network, "127.0.0.2". */
void http_client_open_from(struct http_client *client, struct loop *loop, uint16_t port,
			   const char *source);
void http_client_close(struct http_client *client);
/* False: the server has reset the connection before all was sent. */
bool http_client_send(struct http_client *client, const char *bytes, size_t len);
void http_client_say(struct http_client *client, const char *format, ...) printf_like(2, 3);
/* The next reply; without_body for the answer to a HEAD. Lives until the next call. */
const struct http_reply *http_client_read(struct http_client *client);
const struct http_reply *http_client_read_head(struct http_client *client);
/* Has the server ended the connection, within some turns? What still comes is thrown away. */
bool http_client_ended(struct http_client *client);
/* Is nothing there to read, after some turns? */
bool http_client_silent(struct http_client *client);
/* The value of a header of the reply, or NULL. Lives until the next call. */
const char *http_reply_header(const struct http_reply *reply, const char *name);
