/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of answers that were kept, as they outlive the process: what to ask again, never what was
 * answered, and nothing of who asked. As text, a line of JSON for each, the hottest first:
 *
 *   cqrsd cache-warm 1 KEYS SUM
 *   ["OPERATION","VERSION","VALUE",null]
 *
 * SUM is a hash of all behind the first line. Bounded in keys and bytes. One thread at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct warm_key {
	const char *operation;
	const char *version;       /* of its text, as in struct operation */
	const char *const *values; /* [count], NULL: of NULL */
	unsigned count;
};

struct warm_list {
	struct arena arena;
	struct warm_key *keys; /* [count] */
	size_t count, room;
	struct buf lines; /* the keys as text */
	bool of_file;     /* they are of a process before */
};

struct warm_list *warm_list_new(void) must_check;
void warm_list_free(struct warm_list *list);
/* Copies it. False, and nothing is added: it is too long, or there is no room for more. */
bool warm_list_add(struct warm_list *list, const struct warm_key *key) must_check;
void warm_list_write(const struct warm_list *list, struct buf *out);
/* NULL: it is damaged, or something else; error says what. */
struct warm_list *warm_list_read(struct text text, char *error, size_t error_room) must_check;
