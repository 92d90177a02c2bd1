/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two questions that need each other: is an expression never NULL within its query (proof_expr),
 * and is a column of a query never NULL (proof_query)? What a Var stands for is found in the range
 * table of its query (proof_var).
 */
#include "catalog/openapi/proof.h"

#include "catalog/openapi/scope.h"

#include <assert.h>
#include <string.h>

#define PROOF_STEPS_MAX 20000
#define PROOF_DEPTH_MAX 200

/* As PostgreSQL numbers them, from 14 to 18. */
enum { CMD_SELECT = 1, CMD_UPDATE = 2, CMD_INSERT = 3, CMD_DELETE = 4, CMD_MERGE = 5 };
enum { RTE_RELATION, RTE_SUBQUERY, RTE_JOIN, RTE_FUNCTION, RTE_VALUES = 5, RTE_CTE, RTE_GROUP = 9 };
enum { JOIN_FULL = 2 };
enum { RETURNING_DEFAULT, RETURNING_OLD, RETURNING_NEW };
enum { SETOP_UNION = 1, SETOP_INTERSECT, SETOP_EXCEPT };
enum { SVFOP_CURRENT_SCHEMA = 14 }; /* where the search path has none, it is NULL */
enum { SUBLINK_EXISTS = 0, SUBLINK_EXPR = 4, SUBLINK_ARRAY = 6 };

/* A column of a recursive CTE that is being judged: assumed, as an induction does. */
struct assumption {
	const struct node_tree *cte;
	int64_t column;
	const struct assumption *before;
};

struct proof {
	const struct facts *facts;
	const bool *params;
	unsigned params_count;
	unsigned steps, depth;
	const struct assumption *assumptions;
};

static bool proof_expr(struct proof *proof, const struct scope *scope,
		       const struct node_tree *expr) must_check;
static bool proof_query(struct proof *proof, const struct node_tree *query,
			const struct scope *outer, int64_t column) must_check;
static bool proof_entry_column(struct proof *proof, const struct scope *scope, int64_t index,
			       int64_t column) must_check;

/* --- names of either version ------------------------------------------------------------------ */

/* PostgreSQL 16 names nodes by their structs. */
static bool proof_is(const struct node_tree *node, const char *name, const char *name_before_16)
{
	return node_is(node, name) || node_is(node, name_before_16);
}

static const struct node_tree *proof_outputs(const struct node_tree *query)
{
	return node_field(query, node_number(query, "commandType") == CMD_SELECT ? "targetList"
										 : "returningList");
}

/* From 0; what is only sorted or grouped by is no column. NULL: there is none. */
static const struct node_tree *proof_output(const struct node_tree *query, int64_t column)
{
	const struct node_tree *list = proof_outputs(query);

	if (list->kind != NODE_LIST)
		return NULL;
	for (const struct node_tree *it = list->first; it; it = it->next)
		if (!node_has(it, "resjunk") && column-- == 0)
			return it;
	return NULL;
}

/* --- columns of the range table --------------------------------------------------------------- */

static bool proof_relation(struct proof *proof, const struct scope *scope,
			   const struct node_tree *entry, int64_t entry_index, int64_t column)
{
	const struct facts_relation *relation =
		facts_relation(proof->facts, node_number(entry, "relid"));
	bool is_target = node_number(scope->query, "commandType") != CMD_SELECT &&
			 node_number(scope->query, "resultRelation") == entry_index;

	if (!relation)
		return false;
	/* What a trigger INSTEAD OF returns for a view may be anything. */
	if (relation->view)
		return !is_target && proof_query(proof, relation->view, NULL, column - 1);
	return facts_is_not_null(relation, column);
}

static bool proof_function(struct proof *proof, const struct scope *scope,
			   const struct node_tree *entry, int64_t column)
{
	const struct node_tree *functions = node_field(entry, "functions");
	const struct node_tree *function = functions->kind == NODE_LIST ? functions->first : NULL;
	const struct node_tree *expr;
	int64_t columns = 0;

	for (const struct node_tree *it = function; it; it = it->next)
		columns += node_number(it, "funccolcount");
	if (column > columns)
		return column == columns + 1 && node_has(entry, "funcordinality");
	/* Several are as long as the longest of them. */
	if (!function || function->next)
		return false;
	expr = node_field(function, "funcexpr");
	if (node_is(expr, "FUNCEXPR") && node_has(expr, "funcretset"))
		return facts_function(proof->facts, node_number(expr, "funcid")) == FACTS_ROWS;
	return columns == 1 && proof_expr(proof, scope, expr);
}

static bool proof_values(struct proof *proof, const struct scope *scope,
			 const struct node_tree *entry, int64_t column)
{
	const struct node_tree *rows = node_field(entry, "values_lists");

	if (rows->kind != NODE_LIST || !rows->first)
		return false;
	for (const struct node_tree *row = rows->first; row; row = row->next) {
		const struct node_tree *value = node_element(row, column - 1);

		if (!value || !proof_expr(proof, scope, value))
			return false;
	}
	return true;
}

static bool proof_cte(struct proof *proof, const struct scope *scope, const struct node_tree *entry,
		      int64_t column)
{
	struct text name = node_field(entry, "ctename")->text;
	const struct node_tree *cte = NULL;
	struct assumption assumption;
	bool holds;

	for (int64_t up = node_number(entry, "ctelevelsup"); scope && up > 0; up--)
		scope = scope->outer;
	if (scope)
		cte = node_field(scope->query, "cteList")->first;
	while (cte && !text_equal(node_field(cte, "ctename")->text, name))
		cte = cte->next;
	if (!cte)
		return false;
	for (const struct assumption *it = proof->assumptions; it; it = it->before)
		if (it->cte == cte && it->column == column)
			return true;
	assumption = (struct assumption){ cte, column, proof->assumptions };
	proof->assumptions = &assumption;
	holds = proof_query(proof, node_field(cte, "ctequery"), scope, column - 1);
	proof->assumptions = assumption.before;
	return holds;
}

/*
 * A FULL JOIN … USING: where one side is missing, the other is there. A side that is such a join
 * itself has its column merged; all that pads this join is judged by who asks for it.
 */
static bool proof_is_merged(struct proof *proof, const struct scope *scope, int64_t join,
			    const struct node_tree *expr)
{
	const struct node_tree *args = node_field(expr, "args");

	if (!proof_is(expr, "COALESCEEXPR", "COALESCE") ||
	    node_number(scope_entry(scope, join), "jointype") != JOIN_FULL)
		return false;
	for (const struct node_tree *it = args->first; it; it = it->next) {
		int64_t entry = node_number(it, "varno");

		if (!node_is(it, "VAR") || node_number(it, "varlevelsup") != 0 || entry < 1 ||
		    entry > SCOPE_ENTRIES_MAX || scope->padded[entry] > scope->padded[join] + 1 ||
		    !proof_entry_column(proof, scope, entry, node_number(it, "varattno")))
			return false;
	}
	return args->first != NULL;
}

static bool proof_join(struct proof *proof, const struct scope *scope,
		       const struct node_tree *entry, int64_t join, int64_t column)
{
	const struct node_tree *expr = node_element(node_field(entry, "joinaliasvars"), column - 1);

	return expr &&
	       (proof_is_merged(proof, scope, join, expr) || proof_expr(proof, scope, expr));
}

static bool proof_entry_column(struct proof *proof, const struct scope *scope, int64_t index,
			       int64_t column)
{
	const struct node_tree *entry = scope_entry(scope, index);
	const struct node_tree *expr;

	if (!entry)
		return false;
	/* The whole row of a table, or what the system knows of it. */
	if (column <= 0)
		return column == 0 && node_number(entry, "rtekind") == RTE_RELATION;
	switch (node_number(entry, "rtekind")) {
	case RTE_RELATION:
		return proof_relation(proof, scope, entry, index, column);
	case RTE_SUBQUERY:
		return proof_query(proof, node_field(entry, "subquery"), scope, column - 1);
	case RTE_JOIN:
		return proof_join(proof, scope, entry, index, column);
	case RTE_FUNCTION:
		return proof_function(proof, scope, entry, column);
	case RTE_VALUES:
		return proof_values(proof, scope, entry, column);
	case RTE_CTE:
		return proof_cte(proof, scope, entry, column);
	case RTE_GROUP:
		expr = node_element(node_field(entry, "groupexprs"), column - 1);
		return expr && proof_expr(proof, scope, expr);
	default:
		return false;
	}
}

/* Does a row of the entry come out as the condition has seen it? A view's trigger, or a rule, may
 * change it. */
static bool proof_is_as_found(const struct proof *proof, const struct scope *scope, int64_t entry)
{
	int64_t command = node_number(scope->query, "commandType");
	const struct facts_relation *relation;

	if (command == CMD_SELECT)
		return true;
	if (node_number(scope->query, "resultRelation") != entry)
		return command == CMD_UPDATE || command == CMD_DELETE;
	relation = facts_relation(proof->facts, node_number(scope_entry(scope, entry), "relid"));
	return command == CMD_DELETE && relation && relation->is_plain;
}

/* Of OLD and NEW, is there such a row? */
static bool proof_is_returned(const struct scope *scope, int64_t of)
{
	int64_t command = node_number(scope->query, "commandType");

	return of == RETURNING_DEFAULT || command == CMD_UPDATE ||
	       (of == RETURNING_OLD && command == CMD_DELETE) ||
	       (of == RETURNING_NEW && command == CMD_INSERT);
}

static bool proof_var(struct proof *proof, const struct scope *scope, const struct node_tree *var)
{
	int64_t entry = node_number(var, "varno"), column = node_number(var, "varattno");

	for (int64_t up = node_number(var, "varlevelsup"); scope && up > 0; up--)
		scope = scope->outer;
	if (!scope || entry < 1 || entry > SCOPE_ENTRIES_MAX || scope->padded[entry])
		return false;
	if (!proof_is_returned(scope, node_number(var, "varreturningtype")))
		return false;
	/* Where rows of the source may be missing, only those of the target are there. */
	if (node_number(scope->query, "commandType") == CMD_MERGE &&
	    node_number(scope->query, "resultRelation") != entry)
		return false;
	/* What has passed the condition is what is returned, but for what a command changes. */
	if (proof_is_as_found(proof, scope, entry) && scope_is_strict(scope, entry, column))
		return true;
	return proof_entry_column(proof, scope, entry, column);
}

/* --- expressions ------------------------------------------------------------------------------ */

static bool proof_all(struct proof *proof, const struct scope *scope, const struct node_tree *list)
{
	if (list->kind != NODE_LIST)
		return list->kind == NODE_NOTHING;
	for (const struct node_tree *it = list->first; it; it = it->next)
		if (!proof_expr(proof, scope, it))
			return false;
	return true;
}

static bool proof_any(struct proof *proof, const struct scope *scope, const struct node_tree *list)
{
	if (list->kind != NODE_LIST)
		return false;
	for (const struct node_tree *it = list->first; it; it = it->next)
		if (proof_expr(proof, scope, it))
			return true;
	return false;
}

static bool proof_call(struct proof *proof, const struct scope *scope, const struct node_tree *call,
		       const char *function)
{
	/* concat(VARIADIC NULL) is NULL, whatever the function. */
	if (node_has(call, "funcretset") || node_has(call, "opretset") ||
	    node_has(call, "funcvariadic"))
		return false;
	switch (facts_function(proof->facts, node_number(call, function))) {
	case FACTS_ALWAYS:
		return true;
	case FACTS_STRICT:
		return proof_all(proof, scope, node_field(call, "args"));
	case FACTS_UNKNOWN:
	case FACTS_COUNT:
	case FACTS_GROUP:
	case FACTS_GATHERS:
	case FACTS_WINDOW:
	case FACTS_ROWS:
		return false;
	}
	return false;
}

static bool proof_aggregate(struct proof *proof, const struct scope *scope,
			    const struct node_tree *aggregate)
{
	const struct node_tree *first = node_field(aggregate, "args")->first;
	bool some_rows =
		node_has(scope->query, "groupClause") && !node_has(scope->query, "groupingSets") &&
		!node_has(aggregate, "aggfilter") && node_number(aggregate, "agglevelsup") == 0;

	switch (facts_function(proof->facts, node_number(aggregate, "aggfnoid"))) {
	case FACTS_COUNT:
		return true;
	case FACTS_GATHERS:
		return some_rows;
	case FACTS_GROUP:
		return some_rows && first && proof_expr(proof, scope, node_field(first, "expr"));
	case FACTS_UNKNOWN:
	case FACTS_ALWAYS:
	case FACTS_STRICT:
	case FACTS_WINDOW:
	case FACTS_ROWS:
		return false;
	}
	return false;
}

/* What it takes is of the rows of its frame, whichever the row itself is. */
static bool proof_window(struct proof *proof, const struct scope *some,
			 const struct node_tree *window)
{
	const struct scope *scope = some->all ? some->all : some;
	const struct node_tree *args = node_field(window, "args");

	switch (facts_function(proof->facts, node_number(window, "winfnoid"))) {
	case FACTS_COUNT:
		return true;
	case FACTS_WINDOW:
		return proof_all(proof, scope, args);
	case FACTS_GROUP:
		return args->first && proof_expr(proof, scope, args->first) &&
		       scope_frame_has_row(scope, window);
	case FACTS_GATHERS:
		return scope_frame_has_row(scope, window);
	case FACTS_UNKNOWN:
	case FACTS_ALWAYS:
	case FACTS_STRICT:
	case FACTS_ROWS:
		return false;
	}
	return false;
}

/* x IN (1, 2) */
static bool proof_array_operator(struct proof *proof, const struct scope *scope,
				 const struct node_tree *expr)
{
	const struct node_tree *value = node_field(expr, "args")->first;
	const struct node_tree *array = value ? value->next : NULL;

	return array && proof_is(array, "ARRAYEXPR", "ARRAY") && !node_has(array, "multidims") &&
	       facts_function(proof->facts, node_number(expr, "opfuncid")) == FACTS_STRICT &&
	       proof_expr(proof, scope, value) &&
	       proof_all(proof, scope, node_field(array, "elements"));
}

/* A branch is judged where its condition holds, and where those before it do not. */
static bool proof_case(struct proof *proof, const struct scope *scope, const struct node_tree *node)
{
	const struct node_tree *branches = node_field(node, "args");
	struct scope rest, here;

	scope_of_some(&rest, scope);
	for (const struct node_tree *it = branches->first; it; it = it->next) {
		const struct node_tree *condition = node_field(it, "expr");

		here = rest;
		scope_assume(&here, proof->facts, condition, true);
		if (!proof_expr(proof, &here, node_field(it, "result")))
			return false;
		/* What is NULL does not hold either. */
		if (proof_expr(proof, &rest, condition))
			scope_assume(&rest, proof->facts, condition, false);
	}
	return proof_expr(proof, &rest, node_field(node, "defresult"));
}

static bool proof_sublink(struct proof *proof, const struct scope *scope,
			  const struct node_tree *sublink)
{
	const struct node_tree *query = node_field(sublink, "subselect");

	switch (node_number(sublink, "subLinkType")) {
	case SUBLINK_EXISTS:
	case SUBLINK_ARRAY:
		return true;
	case SUBLINK_EXPR:
		return scope_has_a_row(query) && proof_query(proof, query, scope, 0);
	default:
		return false;
	}
}

static bool proof_param(const struct proof *proof, const struct node_tree *param)
{
	int64_t id = node_number(param, "paramid");

	return node_number(param, "paramkind") == 0 && id > 0 && id <= proof->params_count &&
	       proof->params[id - 1];
}

/* What is never NULL, whatever is in it. */
static bool proof_is_never_null(const struct node_tree *expr)
{
	static const char *const names[] = {
		"NULLTEST", "BOOLEANTEST", "DISTINCTEXPR", "ARRAYEXPR",        "ARRAY",
		"ROW",      "ROWEXPR",     "GROUPINGFUNC", "MERGESUPPORTFUNC",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (node_is(expr, names[i]))
			return true;
	return false;
}

/* Nodes with parts that decide. */
static bool proof_compound(struct proof *proof, const struct scope *scope,
			   const struct node_tree *expr)
{
	if (proof_is(expr, "COALESCEEXPR", "COALESCE") || proof_is(expr, "MINMAXEXPR", "MINMAX"))
		return proof_any(proof, scope, node_field(expr, "args"));
	if (proof_is(expr, "CASEEXPR", "CASE"))
		return proof_case(proof, scope, expr);
	if (node_is(expr, "BOOLEXPR"))
		return proof_all(proof, scope, node_field(expr, "args"));
	if (node_is(expr, "RELABELTYPE") || proof_is(expr, "COLLATEEXPR", "COLLATE") ||
	    node_is(expr, "COERCETODOMAIN") || node_is(expr, "ARRAYCOERCEEXPR"))
		return proof_expr(proof, scope, node_field(expr, "arg"));
	if (node_is(expr, "COERCEVIAIO"))
		return facts_cast_is_safe(proof->facts, node_number(expr, "resulttype")) &&
		       proof_expr(proof, scope, node_field(expr, "arg"));
	if (node_is(expr, "SCALARARRAYOPEXPR"))
		return proof_array_operator(proof, scope, expr);
	if (node_is(expr, "SUBLINK"))
		return proof_sublink(proof, scope, expr);
	if (node_is(expr, "AGGREF"))
		return proof_aggregate(proof, scope, expr);
	if (node_is(expr, "WINDOWFUNC"))
		return proof_window(proof, scope, expr);
	return false;
}

static bool proof_expr(struct proof *proof, const struct scope *scope, const struct node_tree *expr)
{
	bool holds;

	if (++proof->steps > PROOF_STEPS_MAX || proof->depth == PROOF_DEPTH_MAX)
		return false;
	proof->depth++;
	if (node_is(expr, "VAR"))
		holds = proof_var(proof, scope, expr);
	else if (node_is(expr, "CONST"))
		holds = !node_has(expr, "constisnull");
	else if (node_is(expr, "PARAM"))
		holds = proof_param(proof, expr);
	else if (node_is(expr, "FUNCEXPR"))
		holds = proof_call(proof, scope, expr, "funcid");
	else if (node_is(expr, "OPEXPR"))
		holds = proof_call(proof, scope, expr, "opfuncid");
	else if (node_is(expr, "SQLVALUEFUNCTION"))
		holds = node_number(expr, "op") < SVFOP_CURRENT_SCHEMA;
	else
		holds = proof_is_never_null(expr) || proof_compound(proof, scope, expr);
	proof->depth--;
	return holds;
}

/* --- queries ---------------------------------------------------------------------------------- */

static bool proof_set_operation(struct proof *proof, const struct scope *scope,
				const struct node_tree *node, int64_t column)
{
	const struct node_tree *left = node_field(node, "larg"), *right = node_field(node, "rarg");

	if (++proof->steps > PROOF_STEPS_MAX)
		return false;
	if (node_is(node, "RANGETBLREF"))
		return proof_entry_column(proof, scope, node_number(node, "rtindex"), column + 1);
	if (!proof_is(node, "SETOPERATIONSTMT", "SETOPERATIONSTMT"))
		return false;
	switch (node_number(node, "op")) {
	case SETOP_UNION:
		return proof_set_operation(proof, scope, left, column) &&
		       proof_set_operation(proof, scope, right, column);
	case SETOP_INTERSECT:
		return proof_set_operation(proof, scope, left, column) ||
		       proof_set_operation(proof, scope, right, column);
	case SETOP_EXCEPT:
		return proof_set_operation(proof, scope, left, column);
	default:
		return false;
	}
}

/* Functions that return sets in the list of columns: the shorter ones are filled up with NULLs. */
static unsigned proof_sets(const struct node_tree *node, unsigned depth)
{
	unsigned sets = node_has(node, "funcretset") || node_has(node, "opretset");

	if (depth == PROOF_DEPTH_MAX)
		return 2;
	/* A subquery has a list of its own. */
	if (node_is(node, "QUERY") || (node->kind != NODE_LIST && node->kind != NODE_OBJECT))
		return 0;
	for (const struct node_tree *it = node->first; it; it = it->next)
		sets += proof_sets(it, depth + 1);
	return sets;
}

static bool proof_target(struct proof *proof, const struct scope *scope,
			 const struct node_tree *target)
{
	const struct node_tree *expr = node_field(target, "expr");
	bool is_set = node_is(expr, "FUNCEXPR") && node_has(expr, "funcretset");

	/* A subtotal has NULLs in the place of what it does not group by. */
	if (node_has(scope->query, "groupingSets"))
		return (node_is(expr, "AGGREF") || node_is(expr, "GROUPINGFUNC")) &&
		       proof_expr(proof, scope, expr);
	if (is_set)
		return facts_function(proof->facts, node_number(expr, "funcid")) == FACTS_ROWS &&
		       proof_sets(proof_outputs(scope->query), 0) == 1;
	return proof_expr(proof, scope, expr);
}

static bool proof_query(struct proof *proof, const struct node_tree *query,
			const struct scope *outer, int64_t column)
{
	const struct node_tree *target;
	struct scope scope;
	bool holds;

	if (!node_is(query, "QUERY") || proof->depth == PROOF_DEPTH_MAX)
		return false;
	proof->depth++;
	scope_init(&scope, proof->facts, query, outer);
	target = proof_output(query, column);
	if (!target)
		holds = false;
	else if (node_has(query, "setOperations"))
		holds = proof_set_operation(proof, &scope, node_field(query, "setOperations"),
					    column);
	else
		holds = proof_target(proof, &scope, target);
	proof->depth--;
	return holds;
}

/* --- from outside ----------------------------------------------------------------------------- */

unsigned proof_columns(const struct facts *facts)
{
	unsigned count = 0;

	while (facts->query && proof_output(facts->query, count))
		count++;
	return count;
}

struct text proof_column_name(const struct facts *facts, unsigned column)
{
	const struct node_tree *target = proof_output(facts->query, column);

	assert(target);
	return node_field(target, "resname")->text;
}

bool proof_is_not_null(const struct facts *facts, const bool *params, unsigned params_count,
		       unsigned column)
{
	struct proof proof = { .facts = facts, .params = params, .params_count = params_count };

	return facts->query && proof_query(&proof, facts->query, NULL, column);
}
