/* SPDX-License-Identifier: Apache-2.0 */
/* One PostgreSQL server as the operator named it. Made at start, never changed, seen by all. */
#pragma once

#include "base/check.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>

struct dialer;
struct reconnect;
struct pooler;
struct core_reserve;

enum node_role { NODE_UNKNOWN, NODE_PRIMARY, NODE_REPLICA };

struct node {
	unsigned index;    /* in the configuration, the --primary first */
	char name[256];    /* "host:port" (the socket's path for a local one): logs, metrics */
	const char *shown; /* as replies name it: its name, its number, or NULL: not at all */
	char number[4];    /* index, in decimals */
	const char *search_path;   /* set before any other statement; NULL: as the role has it */
	char **keywords, **values; /* for PQconnectStartParams, NULL-terminated */
	struct dialer *dialer;     /* begins connections; has a lock of its own */
	/* of its cores (pg/admission/core_reserve.h); lock-free */
	struct core_reserve *core_reserve;
	struct reconnect *reconnect; /* refused logins (pg/reconnect.h); lock-free */
	/* what stands in between (pg/wire/pooler.h); has a lock of its own */
	struct pooler *pooler;
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
/* What replies tell of it from now on; the name until then. Before any loop turns. */
enum node_in_replies {
	NODE_IN_REPLIES_ADDRESS, /* as the words of --node-in-replies */
	NODE_IN_REPLIES_NUMBER,
	NODE_IN_REPLIES_NONE,
};
void node_show(struct node *node, enum node_in_replies how);
const char *node_role_text(enum node_role role);
/* The version of libpq that runs, "15.6". */
const char *node_library_version(void);
