/* SPDX-License-Identifier: Apache-2.0 */
/* One PostgreSQL server as the operator named it. Made at start, never changed, seen by all. */
#pragma once

#include "base/check.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>

struct dialer;
struct reach;
struct pooler;
struct spare;

enum node_role { NODE_UNKNOWN, NODE_PRIMARY, NODE_REPLICA };

struct node {
	unsigned index; /* in the configuration, the --primary first */
	char name
		[256]; /* "host:port" (the socket's path for a local one): logs, metrics, headers */
	const char *search_path;   /* set before any other statement; NULL: as the role has it */
	char **keywords, **values; /* for PQconnectStartParams, NULL-terminated */
	struct dialer *dialer;     /* begins connections; has a lock of its own */
	struct spare *spare;       /* of its cores (pg/spare.h); lock-free */
	struct reach *reach;       /* refused logins (pg/reach.h); lock-free */
	struct pooler *pooler;     /* what stands in between (pg/pooler.h); has a lock of its own */
};

/*
 * Reads a connection string or URI. NULL and error filled: it cannot be read, or names several
 * hosts. Adds what cqrsd pins (client_encoding, application_name, gssencmode unless given).
 * error never holds a password.
 */
struct node *node_new(unsigned index, const char *conninfo, char *error,
		      size_t error_room) must_check;
/* Its pools are freed and their loops turn no more. */
void node_free(struct node *node);
const char *node_role_text(enum node_role role);
/* The version of libpq that runs, "15.6". */
const char *node_library_version(void);
