/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of joins is walked twice: which entries are padded, and which conditions hold. */
#include "catalog/openapi/scope.h"

#include <string.h>

/* As PostgreSQL numbers them, from 14 to 18. */
enum { SCOPE_CMD_SELECT = 1, SCOPE_SUBLINK_ANY = 2 };
enum { SCOPE_RTE_JOIN = 2, SCOPE_RTE_VALUES = 5, SCOPE_RTE_GROUP = 9 };
enum { JOIN_INNER, JOIN_LEFT, JOIN_FULL, JOIN_RIGHT };
enum { IS_NULL, IS_NOT_NULL };
enum { IS_TRUE, IS_NOT_TRUE, IS_FALSE, IS_NOT_FALSE };
/* Bits of frameOptions: frames by values, what makes one begin or end by an offset … */
enum { FRAME_RANGE = 0x2, FRAME_START_BEFORE = 0x800, FRAME_END_BEHIND = 0x4000 };
/* … and what leaves the row out: it ends before, begins behind, or has EXCLUDE. */
enum { FRAME_WITHOUT_ROW = 0x40 | 0x1000 | 0x80 | 0x2000 | 0x8000 | 0x10000 };

#define SCOPE_DEPTH_MAX 100 /* of conditions within each other */

const struct node_tree *scope_entry(const struct scope *scope, int64_t entry)
{
	if (entry < 1 || entry > SCOPE_ENTRIES_MAX)
		return NULL;
	return node_element(node_field(scope->query, "rtable"), entry - 1);
}

/* From nothing, or from VALUES. */
static bool scope_is_of_constants(const struct node_tree *query)
{
	const struct node_tree *from = node_field(query, "jointree"), *entry;
	const struct node_tree *item = node_field(from, "fromlist")->first;

	if (node_has(from, "quals") || (item && item->next))
		return false;
	if (!item)
		return true;
	entry = node_element(node_field(query, "rtable"), node_number(item, "rtindex") - 1);
	return node_is(item, "RANGETBLREF") && entry &&
	       node_number(entry, "rtekind") == SCOPE_RTE_VALUES;
}

/* Aggregates without groups, or a SELECT without FROM. */
bool scope_has_a_row(const struct node_tree *query)
{
	static const char *const none_or_more[] = {
		"groupClause", "groupingSets",  "havingQual",    "limitOffset",
		"limitCount",  "setOperations", "hasTargetSRFs", "distinctClause",
	};

	if (!node_is(query, "QUERY") || node_number(query, "commandType") != SCOPE_CMD_SELECT)
		return false;
	for (size_t i = 0; i < sizeof(none_or_more) / sizeof(none_or_more[0]); i++)
		if (node_has(query, none_or_more[i]))
			return false;
	return node_has(query, "hasAggs") || scope_is_of_constants(query);
}

/* LEFT JOIN LATERAL (SELECT count(*) …) ON true: there is a row on the right, whatever there is. */
static bool scope_always_meets(const struct scope *scope, const struct node_tree *join)
{
	const struct node_tree *right = node_field(join, "rarg"), *on = node_field(join, "quals");
	const struct node_tree *entry, *byte;

	if (!node_is(right, "RANGETBLREF") || !node_is(on, "CONST") ||
	    node_has(on, "constisnull") || node_number(on, "constlen") != 1)
		return false;
	byte = node_field(on, "constvalue")->first;
	entry = scope_entry(scope, node_number(right, "rtindex"));
	return byte && text_is(byte->text, "1") && entry &&
	       scope_has_a_row(node_field(entry, "subquery"));
}

static void scope_pad(struct scope *scope, const struct node_tree *item, unsigned joins)
{
	int64_t kind, entry;

	if (node_is(item, "RANGETBLREF") || node_is(item, "JOINEXPR")) {
		entry = node_number(item, "rtindex");
		if (entry > 0 && entry <= SCOPE_ENTRIES_MAX)
			scope->padded[entry] = joins;
	}
	if (node_is(item, "FROMEXPR")) {
		for (const struct node_tree *it = node_field(item, "fromlist")->first; it;
		     it = it->next)
			scope_pad(scope, it, joins);
	} else if (node_is(item, "JOINEXPR")) {
		kind = node_number(item, "jointype");
		if (kind == JOIN_LEFT && scope_always_meets(scope, item))
			kind = JOIN_INNER;
		scope_pad(scope, node_field(item, "larg"),
			  joins + (kind != JOIN_INNER && kind != JOIN_LEFT));
		scope_pad(scope, node_field(item, "rarg"),
			  joins + (kind != JOIN_INNER && kind != JOIN_RIGHT));
	}
}

/* The expressions that a join, or GROUP BY, gives names to; nothing: the entry is neither. */
static const struct node_tree *scope_aliases(const struct node_tree *entry)
{
	int64_t kind = node_number(entry, "rtekind");

	return node_field(entry, kind == SCOPE_RTE_JOIN    ? "joinaliasvars"
				 : kind == SCOPE_RTE_GROUP ? "groupexprs"
							   : "");
}

/*
 * The column itself, under casts that keep it, of this query: that of a table, where a join or
 * GROUP BY names one; NULL: it is none.
 */
static const struct node_tree *scope_column(const struct scope *scope, const struct node_tree *expr)
{
	const struct node_tree *entry, *alias = NULL, *column = NULL;

	while (node_is(expr, "RELABELTYPE"))
		expr = node_field(expr, "arg");
	if (!node_is(expr, "VAR") || node_number(expr, "varlevelsup") != 0)
		return NULL;
	entry = scope_entry(scope, node_number(expr, "varno"));
	if (entry)
		alias = node_element(scope_aliases(entry), node_number(expr, "varattno") - 1);
	if (alias)
		column = scope_column(scope, alias);
	return column ? column : expr;
}

static void scope_note_column(struct scope *scope, const struct node_tree *column)
{
	if (node_number(column, "varattno") <= 0 || scope->strict_count == SCOPE_STRICT_MAX)
		return;
	scope->strict[scope->strict_count].entry = node_number(column, "varno");
	scope->strict[scope->strict_count].column = node_number(column, "varattno");
	scope->strict_count++;
}

static bool scope_is_strict_call(const struct facts *facts, const struct node_tree *call,
				 const char *function)
{
	return !node_has(call, "funcvariadic") &&
	       facts_function(facts, node_number(call, function)) == FACTS_STRICT;
}

/* The value is not NULL: which columns would have made it so? */
static void scope_note_strict(const struct facts *facts, struct scope *scope,
			      const struct node_tree *expr, unsigned depth)
{
	const struct node_tree *column = scope_column(scope, expr), *args, *array;

	if (depth == SCOPE_DEPTH_MAX)
		return;
	if (column) {
		scope_note_column(scope, column);
		return;
	}
	args = node_field(expr, "args");
	if ((node_is(expr, "OPEXPR") && scope_is_strict_call(facts, expr, "opfuncid")) ||
	    (node_is(expr, "FUNCEXPR") && scope_is_strict_call(facts, expr, "funcid"))) {
		for (const struct node_tree *it = args->first; it; it = it->next)
			scope_note_strict(facts, scope, it, depth + 1);
	} else if (node_is(expr, "SCALARARRAYOPEXPR") && args->first &&
		   scope_is_strict_call(facts, expr, "opfuncid")) {
		/* An empty array has no element to compare with. */
		array = args->first->next;
		if (array && (node_is(array, "ARRAY") || node_is(array, "ARRAYEXPR")) &&
		    node_has(array, "elements") && !node_has(array, "multidims"))
			scope_note_strict(facts, scope, args->first, depth + 1);
	}
}

static void scope_note_condition(const struct facts *facts, struct scope *scope,
				 const struct node_tree *condition, bool truth, unsigned depth);

/* One of them holds: what each of them says. */
static void scope_note_any(const struct facts *facts, struct scope *scope,
			   const struct node_tree *conditions, bool truth, unsigned depth)
{
	unsigned before = scope->strict_count, kept;
	const struct node_tree *it = conditions->first;
	struct scope other;

	if (!it)
		return;
	scope_note_condition(facts, scope, it, truth, depth);
	for (it = it->next; it; it = it->next) {
		other = *scope;
		other.strict_count = 0;
		scope_note_condition(facts, &other, it, truth, depth);
		kept = before;
		for (unsigned i = before; i < scope->strict_count; i++)
			if (scope_is_strict(&other, scope->strict[i].entry,
					    scope->strict[i].column))
				scope->strict[kept++] = scope->strict[i];
		scope->strict_count = kept;
	}
}

static void scope_note_all(const struct facts *facts, struct scope *scope,
			   const struct node_tree *conditions, bool truth, unsigned depth)
{
	for (const struct node_tree *it = conditions->first; it; it = it->next)
		scope_note_condition(facts, scope, it, truth, depth);
}

static void scope_note_test(const struct facts *facts, struct scope *scope,
			    const struct node_tree *test, bool truth, unsigned depth)
{
	const struct node_tree *arg = node_field(test, "arg");
	int64_t type = node_number(test, "booltesttype");

	/* Each test is followed by its opposite. */
	if (type % 2 != !truth)
		return;
	if (type <= IS_NOT_FALSE)
		scope_note_condition(facts, scope, arg, type < IS_FALSE, depth);
}

/* All rows have passed the condition, or (truth is false) its opposite. */
static void scope_note_condition(const struct facts *facts, struct scope *scope,
				 const struct node_tree *condition, bool truth, unsigned depth)
{
	const struct node_tree *args = node_field(condition, "args");
	struct text operator= node_field(condition, "boolop")->text;

	if (depth == SCOPE_DEPTH_MAX)
		return;
	depth++;
	if (condition->kind == NODE_LIST) {
		scope_note_all(facts, scope, condition, truth, depth);
	} else if (node_is(condition, "BOOLEXPR")) {
		if (text_is(operator, "not"))
			scope_note_all(facts, scope, args, !truth, depth);
		else if (text_is(operator, truth ? "and" : "or"))
			scope_note_all(facts, scope, args, truth, depth);
		else
			scope_note_any(facts, scope, args, truth, depth);
	} else if (node_is(condition, "NULLTEST")) {
		if ((node_number(condition, "nulltesttype") == IS_NOT_NULL) == truth)
			scope_note_strict(facts, scope, node_field(condition, "arg"), depth);
	} else if (node_is(condition, "BOOLEANTEST")) {
		scope_note_test(facts, scope, condition, truth, depth);
	} else if (node_is(condition, "SCALARARRAYOPEXPR") && truth &&
		   node_has(condition, "useOr") &&
		   scope_is_strict_call(facts, condition, "opfuncid") && args->first) {
		scope_note_strict(facts, scope, args->first, depth);
	} else if (node_is(condition, "SUBLINK") && truth &&
		   node_number(condition, "subLinkType") == SCOPE_SUBLINK_ANY) {
		scope_note_condition(facts, scope, node_field(condition, "testexpr"), truth, depth);
	} else {
		scope_note_strict(facts, scope, condition, depth);
	}
}

/* Conditions that every row of the query has passed: no ON of an outer join, nothing below one. */
static void scope_note_conditions(const struct facts *facts, struct scope *scope,
				  const struct node_tree *item)
{
	int64_t kind;

	if (node_is(item, "FROMEXPR")) {
		scope_note_condition(facts, scope, node_field(item, "quals"), true, 0);
		for (const struct node_tree *it = node_field(item, "fromlist")->first; it;
		     it = it->next)
			scope_note_conditions(facts, scope, it);
	} else if (node_is(item, "JOINEXPR")) {
		kind = node_number(item, "jointype");
		if (kind == JOIN_INNER)
			scope_note_condition(facts, scope, node_field(item, "quals"), true, 0);
		if (kind == JOIN_INNER || kind == JOIN_LEFT)
			scope_note_conditions(facts, scope, node_field(item, "larg"));
		if (kind == JOIN_INNER || kind == JOIN_RIGHT)
			scope_note_conditions(facts, scope, node_field(item, "rarg"));
	}
}

/* A row with something in it was not made by an outer join. */
static void scope_unpad(struct scope *scope)
{
	for (unsigned i = 0; i < scope->strict_count; i++)
		if (scope->strict[i].entry <= SCOPE_ENTRIES_MAX)
			scope->padded[scope->strict[i].entry] = 0;
}

void scope_init(struct scope *scope, const struct facts *facts, const struct node_tree *query,
		const struct scope *outer)
{
	memset(scope, 0, sizeof(*scope));
	scope->query = query;
	scope->outer = outer;
	scope_pad(scope, node_field(query, "jointree"), 0);
	scope_note_conditions(facts, scope, node_field(query, "jointree"));
	/* A subtotal has NULLs that are not in the rows that it is made of. */
	if (!node_has(query, "groupingSets"))
		scope_note_condition(facts, scope, node_field(query, "havingQual"), true, 0);
	scope_unpad(scope);
}

void scope_of_some(struct scope *some, const struct scope *scope)
{
	*some = *scope;
	if (!some->all)
		some->all = scope;
}

void scope_assume(struct scope *scope, const struct facts *facts, const struct node_tree *condition,
		  bool truth)
{
	scope_note_condition(facts, scope, condition, truth, 0);
	scope_unpad(scope);
}

/* One that is not said goes from the beginning to the row. What lies by an offset from a value
 * such as infinity is not judged. */
bool scope_frame_has_row(const struct scope *scope, const struct node_tree *window)
{
	const struct node_tree *clause = node_field(scope->query, "windowClause")->first;
	int64_t options;

	if (node_has(window, "aggfilter"))
		return false;
	while (clause && node_number(clause, "winref") != node_number(window, "winref"))
		clause = clause->next;
	if (!clause)
		return false;
	options = node_number(clause, "frameOptions");
	return !(options & FRAME_WITHOUT_ROW) &&
	       !(options & FRAME_RANGE && options & (FRAME_START_BEFORE | FRAME_END_BEHIND));
}

bool scope_is_strict(const struct scope *scope, int64_t entry, int64_t column)
{
	for (unsigned i = 0; i < scope->strict_count; i++)
		if (scope->strict[i].entry == entry && scope->strict[i].column == column)
			return true;
	return false;
}
