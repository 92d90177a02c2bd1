/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.1 reply, read as its bytes arrive: by length, in chunks, or until the connection ends.
 * Keeps the first bytes of the body and what the Consistency header says. Strict enough for a load
 * generator: what it cannot read is REPLY_BAD, and the connection is of no more use.
 */
#pragma once

#include "base/buf.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_HEAD_BYTES_MAX 16384
#define REPLY_BODY_BYTES_KEPT 65536

enum reply_state {
	REPLY_HEAD,
	REPLY_COUNTED,      /* so many bytes of the body are to come */
	REPLY_CHUNK_SIZE,   /* a line with the size of the next chunk */
	REPLY_CHUNK,        /* so many bytes of this chunk are to come */
	REPLY_CHUNK_END,    /* the line end after a chunk */
	REPLY_TRAILER,      /* lines after the last chunk, up to an empty one */
	REPLY_UNTIL_CLOSED, /* the body ends with the connection */
	REPLY_DONE,
	REPLY_BAD,
};

struct reply {
	enum reply_state state;
	int status;
	bool close; /* the server will close after it */
	bool chunked;
	int64_t to_come; /* bytes of the body or chunk; -1: no length was given */
	int64_t body_bytes;
	int64_t waited_us; /* from the Consistency header; -1: it does not say */
	char served[64];   /* "replica/fresh"; empty: no such header */
	struct buf head;   /* the head, later a line between chunks */
	struct buf body;   /* its first REPLY_BODY_BYTES_KEPT */
};

void reply_init(struct reply *reply);
void reply_fini(struct reply *reply);
/* Ready for the next one; keeps its memory. */
void reply_start(struct reply *reply);
/* Bytes from the server. Bytes after the end of the reply make it bad: nobody asked for more. */
void reply_feed(struct reply *reply, const char *ptr, size_t len);
/* The connection ended. Not DONE after that: the reply was cut short. */
void reply_ended(struct reply *reply);
/* The "code" of a problem document, else absent. Borrowed from the reply. */
struct text reply_code(const struct reply *reply);
