/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of nodes in the text form of PostgreSQL (pg_node_tree): {NAME :field value …},
 * (element …), atoms, and <> for nothing. What a node or a field means is not known here.
 * Source: src/backend/nodes/read.c of PostgreSQL.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum node_kind {
	NODE_NOTHING, /* <> */
	NODE_ATOM,
	NODE_LIST,
	NODE_OBJECT,
};

struct node_tree {
	enum node_kind kind;
	struct text text;  /* of an atom: its bytes; of an object: its name */
	struct text field; /* in an object: by which it is found there */
	/* Of a list its elements, of an object its fields, of a Datum (4 [ 1 0 0 0 ]) its bytes. */
	const struct node_tree *first;
	const struct node_tree *next;
};

/* NULL: no such text, or nodes are within each other too often. All of it lives in the arena. */
const struct node_tree *node_tree_read(struct text text, struct arena *arena) must_check;
/* The value of a field; never NULL: nothing, where the object has no such field. */
const struct node_tree *node_field(const struct node_tree *object, const char *name);
bool node_is(const struct node_tree *node, const char *name) must_check;
/* Is the field there, and neither <>, an empty list, "false" nor 0? */
bool node_has(const struct node_tree *object, const char *name) must_check;
/* The field as a number; 0: it is none. */
int64_t node_number(const struct node_tree *object, const char *name) must_check;
/* The element of a list, from 0; NULL: it has none. */
const struct node_tree *node_element(const struct node_tree *list, int64_t index);
