/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One conn to one node for the verbs that end by themselves, and for serve before it begins: asks,
 * turns its own loop until the answer is there, and goes on.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/node.h"
#include "pg/pool.h"

#include <stdbool.h>

struct asker {
	struct loop *loop;
	struct metrics *metrics;
	struct node *node;
	struct pool *pool;
	struct arena arena; /* of answers, until asker_fini */
	struct buf out;     /* the rows of the last answer, as JSON objects */
};

/*
 * Reads the conninfo and begins to connect. search_path: borrowed, in force before the first
 * statement; NULL: as the role has it. False: error says why.
 */
bool asker_init(struct asker *asker, const char *conninfo, enum node_role role,
		const char *search_path, char *error, size_t error_room) must_check;
void asker_fini(struct asker *asker);
/*
 * What the calling thread does besides, each turn that one of its askers waits (some tens of
 * milliseconds at most); false: what was asked ends as CALL_LOST. NULL: nothing.
 */
void asker_meanwhile(bool (*on_turn)(void *arg), void *arg);
/* Sends the call (kind and statement are set, the rest is filled here); turns until it is done. */
enum call_end asker_call(struct asker *asker, struct call *call) must_check;
/* SQL text without parameters, as a query or as a command of its own transaction. */
enum call_end asker_ask(struct asker *asker, enum call_kind kind, const char *text,
			struct call *call) must_check;
/* The same for a query with $1, a text. */
enum call_end asker_ask_about(struct asker *asker, const char *text, const char *value,
			      struct call *call) must_check;
/* Does a pooler that shares its server connections stand in between (pg/wire/pooler.h)? */
bool asker_is_shared(struct asker *asker) must_check;
/* One line on stderr: what PostgreSQL said, or why it could not be asked. */
void asker_complain(const struct asker *asker, const char *verb, const struct call *call);
/* The same, of the schema cqrsd, and what to do about it. rights: "SELECT ON …" that it takes. */
void asker_complain_of_schema(const struct asker *asker, const char *verb, const struct call *call,
			      const char *rights);
