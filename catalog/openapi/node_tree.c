/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the text; what is within a node is read by recursion, up to a depth. */
#include "catalog/openapi/node_tree.h"

#include "catalog/words.h"

#include <string.h>

#define NODE_DEPTH_MAX 400

struct node_reader {
	const char *at, *end;
	struct arena *arena;
	unsigned depth;
};

static const struct node_tree node_nothing = { .kind = NODE_NOTHING };

static const struct node_tree *node_read_any(struct node_reader *reader);

static bool node_is_blank(char byte)
{
	return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

/* What pg_strtok ends an atom at. */
static bool node_ends_atom(char byte)
{
	return node_is_blank(byte) || byte == '(' || byte == ')' || byte == '{' || byte == '}';
}

static char node_peek(struct node_reader *reader)
{
	while (reader->at < reader->end && node_is_blank(*reader->at))
		reader->at++;
	return reader->at < reader->end ? *reader->at : '\0';
}

/* Without its backslashes. */
static struct text node_atom(struct node_reader *reader)
{
	const char *start = reader->at;
	struct text atom;
	char *out;

	while (reader->at < reader->end && !node_ends_atom(*reader->at))
		reader->at += *reader->at == '\\' && reader->at + 1 < reader->end ? 2 : 1;
	out = arena_alloc(reader->arena, (size_t)(reader->at - start) + 1);
	atom.ptr = out;
	for (const char *from = start; from < reader->at; from++) {
		if (*from == '\\' && from + 1 < reader->at)
			from++;
		*out++ = *from;
	}
	*out = '\0';
	atom.len = (size_t)(out - atom.ptr);
	return atom;
}

static struct node_tree *node_make(struct node_reader *reader, enum node_kind kind)
{
	struct node_tree *node = arena_zero(reader->arena, 1, sizeof(*node));

	node->kind = kind;
	return node;
}

static const struct node_tree *node_read_list(struct node_reader *reader)
{
	struct node_tree *list = node_make(reader, NODE_LIST);
	const struct node_tree **last = &list->first;

	for (reader->at++; node_peek(reader) != ')';) {
		/* Values are never shared: the link is in the node itself. */
		struct node_tree *item = (struct node_tree *)node_read_any(reader);

		if (!item)
			return NULL;
		*last = item;
		last = &item->next;
	}
	reader->at++;
	return list;
}

/* The bytes behind the length of a Datum: "4 [ 1 0 0 0 ]". */
static void node_read_bytes(struct node_reader *reader, struct node_tree *atom)
{
	const struct node_tree **last = &atom->first;
	struct node_tree *byte;

	if (node_peek(reader) != '[')
		return;
	reader->at++;
	while (node_peek(reader) != ']' && node_peek(reader) && !node_ends_atom(*reader->at)) {
		byte = node_make(reader, NODE_ATOM);
		byte->text = node_atom(reader);
		*last = byte;
		last = &byte->next;
	}
}

/* The name of the next field, behind what may stand there of the value before. */
static bool node_next_field(struct node_reader *reader, struct text *field)
{
	for (;;) {
		char next = node_peek(reader);

		if (next == '}' || next == '\0')
			return false;
		if (next == '(' || next == '{') {
			if (!node_read_any(reader))
				return false;
			continue;
		}
		if (next == ')')
			return false;
		*field = node_atom(reader);
		if (field->len > 1 && field->ptr[0] == ':')
			return true;
	}
}

static const struct node_tree *node_read_object(struct node_reader *reader)
{
	struct node_tree *object = node_make(reader, NODE_OBJECT);
	const struct node_tree **last = &object->first;
	struct text field;

	reader->at++;
	(void)!node_peek(reader);
	object->text = node_atom(reader);
	while (node_next_field(reader, &field)) {
		struct node_tree *value = (struct node_tree *)node_read_any(reader);

		if (!value)
			return NULL;
		if (value->kind == NODE_ATOM)
			node_read_bytes(reader, value);
		value->field = (struct text){ field.ptr + 1, field.len - 1 };
		*last = value;
		last = &value->next;
	}
	if (node_peek(reader) != '}')
		return NULL;
	reader->at++;
	return object;
}

/* A node of its own each time. NULL: it is none. */
static const struct node_tree *node_read_any(struct node_reader *reader)
{
	const struct node_tree *node = NULL;
	struct node_tree *atom;

	if (++reader->depth > NODE_DEPTH_MAX)
		return NULL;
	switch (node_peek(reader)) {
	case '\0':
	case ')':
	case '}':
		break;
	case '(':
		node = node_read_list(reader);
		break;
	case '{':
		node = node_read_object(reader);
		break;
	default:
		atom = node_make(reader, NODE_ATOM);
		/* An escaped one is no <>. */
		if (reader->end - reader->at >= 2 && !memcmp(reader->at, "<>", 2))
			atom->kind = NODE_NOTHING;
		atom->text = node_atom(reader);
		node = atom;
	}
	reader->depth--;
	return node;
}

const struct node_tree *node_tree_read(struct text text, struct arena *arena)
{
	struct node_reader reader = { text.ptr, text.ptr + text.len, arena, 0 };
	const struct node_tree *node = node_read_any(&reader);

	return node && node_peek(&reader) == '\0' ? node : NULL;
}

const struct node_tree *node_field(const struct node_tree *object, const char *name)
{
	if (object->kind == NODE_OBJECT)
		for (const struct node_tree *it = object->first; it; it = it->next)
			if (text_is(it->field, name))
				return it;
	return &node_nothing;
}

bool node_is(const struct node_tree *node, const char *name)
{
	return node->kind == NODE_OBJECT && text_is(node->text, name);
}

bool node_has(const struct node_tree *object, const char *name)
{
	const struct node_tree *value = node_field(object, name);

	switch (value->kind) {
	case NODE_NOTHING:
		return false;
	case NODE_ATOM:
		return !text_is(value->text, "false") && !text_is(value->text, "0");
	case NODE_LIST:
		return value->first != NULL;
	case NODE_OBJECT:
		return true;
	}
	return false;
}

int64_t node_number(const struct node_tree *object, const char *name)
{
	return text_signed(node_field(object, name)->text);
}

const struct node_tree *node_element(const struct node_tree *list, int64_t index)
{
	const struct node_tree *it = list->kind == NODE_LIST && index >= 0 ? list->first : NULL;

	for (; it && index > 0; index--)
		it = it->next;
	return it;
}
