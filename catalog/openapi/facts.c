/* SPDX-License-Identifier: Apache-2.0 */
/* Lists are short: what is named in one statement. They are searched from their beginning. */
#include "catalog/openapi/facts.h"

#include "catalog/words.h"

#include <string.h>

int64_t facts_number(const struct json *json)
{
	return json && json_kind(json) == JSON_NUMBER ? text_signed(json_source(json)) : 0;
}

/* The statement of a function's body: the first Query of lists within lists. */
static const struct node_tree *facts_first_query(const struct node_tree *node)
{
	while (node && node->kind == NODE_LIST)
		node = node->first;
	return node && node_is(node, "QUERY") ? node : NULL;
}

static const struct node_tree *facts_tree(const struct json *json, struct arena *arena)
{
	if (!json || json_kind(json) != JSON_STRING)
		return NULL;
	return facts_first_query(node_tree_read(json_text(json), arena));
}

static void facts_read_relations(struct facts *facts, const struct json *list, struct arena *arena)
{
	struct facts_relation *relations =
		arena_zero(arena, json_length(list) + 1, sizeof(*relations));

	for (const struct json *it = json_first(list); it; it = json_next(it)) {
		const struct json *plain;

		if (json_kind(it) != JSON_OBJECT)
			continue;
		plain = json_get(it, "plain");
		relations[facts->relations_count++] = (struct facts_relation){
			.oid = (uint32_t)facts_number(json_get(it, "oid")),
			.not_null = json_get(it, "notnull"),
			.view = facts_tree(json_get(it, "tree"), arena),
			.is_plain = plain && json_kind(plain) == JSON_BOOL && json_bool(plain),
		};
	}
	facts->relations = relations;
}

static const struct json *facts_list(const struct json *json, const char *name)
{
	const struct json *list = json_get(json, name);

	return list && json_kind(list) == JSON_ARRAY ? list : NULL;
}

bool facts_read(struct facts *facts, struct text text, struct arena *arena)
{
	const struct json *relations;
	struct json_error error;

	*facts = (struct facts){ .json = json_read(text, &error) };
	if (facts->json && json_kind(facts->json) == JSON_OBJECT) {
		facts->types = facts_list(facts->json, "types");
		facts->functions = facts_list(facts->json, "functions");
		facts->safe_casts = facts_list(facts->json, "casts");
		relations = facts_list(facts->json, "relations");
		if (facts->types && facts->functions && facts->safe_casts && relations) {
			facts->query = facts_tree(json_get(facts->json, "tree"), arena);
			facts_read_relations(facts, relations, arena);
			return true;
		}
	}
	facts_fini(facts);
	return false;
}

void facts_fini(struct facts *facts)
{
	if (facts->json)
		json_free(facts->json);
	facts->json = NULL;
}

const struct json *facts_type(const struct facts *facts, int64_t oid)
{
	for (const struct json *it = json_first(facts->types); it; it = json_next(it))
		if (json_kind(it) == JSON_OBJECT && facts_number(json_get(it, "oid")) == oid)
			return it;
	return NULL;
}

enum facts_class facts_function(const struct facts *facts, int64_t oid)
{
	static const char *const words[] = {
		[FACTS_ALWAYS] = "always", [FACTS_STRICT] = "strict",   [FACTS_COUNT] = "count",
		[FACTS_GROUP] = "group",   [FACTS_GATHERS] = "gathers", [FACTS_WINDOW] = "window",
		[FACTS_ROWS] = "rows",
	};

	for (const struct json *it = json_first(facts->functions); it; it = json_next(it)) {
		const struct json *class = json_get(it, "class");

		if (facts_number(json_get(it, "oid")) != oid || !class ||
		    json_kind(class) != JSON_STRING)
			continue;
		for (int i = FACTS_ALWAYS; i <= FACTS_ROWS; i++)
			if (text_is(json_text(class), words[i]))
				return (enum facts_class)i;
	}
	return FACTS_UNKNOWN;
}

const struct facts_relation *facts_relation(const struct facts *facts, int64_t oid)
{
	for (unsigned i = 0; i < facts->relations_count; i++)
		if (facts->relations[i].oid == oid)
			return &facts->relations[i];
	return NULL;
}

static bool facts_has(const struct json *list, int64_t number)
{
	if (!list || json_kind(list) != JSON_ARRAY)
		return false;
	for (const struct json *it = json_first(list); it; it = json_next(it))
		if (facts_number(it) == number)
			return true;
	return false;
}

bool facts_is_not_null(const struct facts_relation *relation, int64_t column)
{
	return column > 0 && facts_has(relation->not_null, column);
}

bool facts_cast_is_safe(const struct facts *facts, int64_t type_oid)
{
	return facts_has(facts->safe_casts, type_oid);
}
