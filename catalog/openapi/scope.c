/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of joins is walked twice: which entries are padded, and which conditions hold. */
#include "catalog/openapi/scope.h"

#include <string.h>

/* As PostgreSQL numbers them, from 14 to 18. */
enum { SCOPE_RTE_JOIN = 2 };
enum { JOIN_INNER, JOIN_LEFT, JOIN_FULL, JOIN_RIGHT };
enum { IS_NULL, IS_NOT_NULL };

const struct node_tree *scope_entry(const struct scope *scope, int64_t entry)
{
	if (entry < 1 || entry > SCOPE_ENTRIES_MAX)
		return NULL;
	return node_element(node_field(scope->query, "rtable"), entry - 1);
}

static void scope_pad(struct scope *scope, const struct node_tree *item, bool padded)
{
	int64_t kind, entry;

	if (node_is(item, "RANGETBLREF") || node_is(item, "JOINEXPR")) {
		entry = node_number(item, "rtindex");
		if (entry > 0 && entry <= SCOPE_ENTRIES_MAX)
			scope->padded[entry] = padded;
	}
	if (node_is(item, "FROMEXPR")) {
		for (const struct node_tree *it = node_field(item, "fromlist")->first; it;
		     it = it->next)
			scope_pad(scope, it, padded);
	} else if (node_is(item, "JOINEXPR")) {
		kind = node_number(item, "jointype");
		scope_pad(scope, node_field(item, "larg"),
			  padded || (kind != JOIN_INNER && kind != JOIN_LEFT));
		scope_pad(scope, node_field(item, "rarg"),
			  padded || (kind != JOIN_INNER && kind != JOIN_RIGHT));
	}
}

/* The column itself, under casts that keep it, of this query and no join's; NULL: it is none. */
static const struct node_tree *scope_column(const struct scope *scope, const struct node_tree *expr)
{
	const struct node_tree *entry, *alias;

	while (node_is(expr, "RELABELTYPE"))
		expr = node_field(expr, "arg");
	if (!node_is(expr, "VAR") || node_number(expr, "varlevelsup") != 0)
		return NULL;
	entry = scope_entry(scope, node_number(expr, "varno"));
	if (!entry || node_number(entry, "rtekind") != SCOPE_RTE_JOIN)
		return expr;
	alias = node_element(node_field(entry, "joinaliasvars"), node_number(expr, "varattno") - 1);
	return alias ? scope_column(scope, alias) : NULL;
}

static void scope_note_strict(struct scope *scope, const struct node_tree *expr)
{
	const struct node_tree *column = scope_column(scope, expr);

	if (!column || node_number(column, "varattno") <= 0 ||
	    scope->strict_count == SCOPE_STRICT_MAX)
		return;
	scope->strict[scope->strict_count].entry = node_number(column, "varno");
	scope->strict[scope->strict_count].column = node_number(column, "varattno");
	scope->strict_count++;
}

static bool scope_has_strict_operator(const struct facts *facts, const struct node_tree *operator)
{
	return facts_function(facts, node_number(operator, "opfuncid")) == FACTS_STRICT;
}

/* All rows have passed the condition: what would have made it NULL if it were NULL? */
static void scope_note_condition(const struct facts *facts, struct scope *scope,
				 const struct node_tree *condition)
{
	const struct node_tree *args = node_field(condition, "args");

	if (condition->kind == NODE_LIST)
		args = condition;
	if (condition->kind == NODE_LIST ||
	    (node_is(condition, "BOOLEXPR") &&
	     text_is(node_field(condition, "boolop")->text, "and"))) {
		for (const struct node_tree *it = args->first; it; it = it->next)
			scope_note_condition(facts, scope, it);
	} else if (node_is(condition, "OPEXPR") && scope_has_strict_operator(facts, condition)) {
		for (const struct node_tree *it = args->first; it; it = it->next)
			scope_note_strict(scope, it);
	} else if (node_is(condition, "SCALARARRAYOPEXPR") && node_has(condition, "useOr") &&
		   scope_has_strict_operator(facts, condition) && args->first) {
		scope_note_strict(scope, args->first);
	} else if (node_is(condition, "NULLTEST") && !node_has(condition, "argisrow") &&
		   node_number(condition, "nulltesttype") == IS_NOT_NULL) {
		scope_note_strict(scope, node_field(condition, "arg"));
	}
}

/* Conditions that every row of the query has passed: no ON of an outer join, nothing below one. */
static void scope_note_conditions(const struct facts *facts, struct scope *scope,
				  const struct node_tree *item)
{
	int64_t kind;

	if (node_is(item, "FROMEXPR")) {
		scope_note_condition(facts, scope, node_field(item, "quals"));
		for (const struct node_tree *it = node_field(item, "fromlist")->first; it;
		     it = it->next)
			scope_note_conditions(facts, scope, it);
	} else if (node_is(item, "JOINEXPR")) {
		kind = node_number(item, "jointype");
		if (kind == JOIN_INNER)
			scope_note_condition(facts, scope, node_field(item, "quals"));
		if (kind == JOIN_INNER || kind == JOIN_LEFT)
			scope_note_conditions(facts, scope, node_field(item, "larg"));
		if (kind == JOIN_INNER || kind == JOIN_RIGHT)
			scope_note_conditions(facts, scope, node_field(item, "rarg"));
	}
}

void scope_init(struct scope *scope, const struct facts *facts, const struct node_tree *query,
		const struct scope *outer)
{
	memset(scope, 0, sizeof(*scope));
	scope->query = query;
	scope->outer = outer;
	scope_pad(scope, node_field(query, "jointree"), false);
	scope_note_conditions(facts, scope, node_field(query, "jointree"));
	for (unsigned i = 0; i < scope->strict_count; i++)
		if (scope->strict[i].entry <= SCOPE_ENTRIES_MAX)
			scope->padded[scope->strict[i].entry] = false;
}

bool scope_is_strict(const struct scope *scope, int64_t entry, int64_t column)
{
	for (unsigned i = 0; i < scope->strict_count; i++)
		if (scope->strict[i].entry == entry && scope->strict[i].column == column)
			return true;
	return false;
}
