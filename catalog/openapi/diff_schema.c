/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two schemas are compared by what they say in all: the kinds of JSON that they let pass, and of
 * each kind what its parts (allOf, oneOf, anyOf) say of it.
 */
#include "catalog/openapi/diff_schema.h"

#include "catalog/openapi/facts.h"

#include <stdlib.h>
#include <string.h>

#define VIEW_PARTS_MAX 16
#define VIEW_DEPTH_MAX 8  /* of alternatives within each other */
#define DIFF_DEPTH_MAX 20 /* of values within each other; of what is deeper nothing is said */

enum {
	KIND_NULL = 1,
	KIND_BOOLEAN = 2,
	KIND_INTEGER = 4,
	KIND_NUMBER = 8, /* with KIND_INTEGER */
	KIND_STRING = 16,
	KIND_ARRAY = 32,
	KIND_OBJECT = 64,
	KIND_ANY = 127,
};

static const struct {
	const char *name;
	unsigned kinds;
} kind_names[] = {
	{ "boolean", KIND_BOOLEAN },
	{ "integer", KIND_INTEGER },
	{ "number", KIND_NUMBER | KIND_INTEGER },
	{ "string", KIND_STRING },
	{ "array", KIND_ARRAY },
	{ "object", KIND_OBJECT },
	{ "null", KIND_NULL },
};

#define KIND_NAMES (sizeof(kind_names) / sizeof(kind_names[0]))

/* A schema with its references followed. */
struct view {
	enum diff_side side;
	unsigned kinds;
	const struct json *parts[VIEW_PARTS_MAX]; /* [count] */
	unsigned count;
};

/* Where in a request or an answer. */
struct spot {
	enum diff_way way;
	const char *what; /* "column a"; of members of the top: "column" */
	bool is_top;      /* its members are named by what itself */
	bool is_answer;   /* its "data" is rows */
	unsigned depth;
};

static void diff_at(struct diff *diff, const struct spot *spot, const struct json *old,
		    const struct json *new);

/* --- views ------------------------------------------------------------------------------------ */

static unsigned view_kind(const struct json *name)
{
	for (size_t i = 0; i < KIND_NAMES && json_kind(name) == JSON_STRING; i++)
		if (text_is(json_text(name), kind_names[i].name))
			return kind_names[i].kinds;
	return 0;
}

static unsigned view_type(const struct json *schema)
{
	const struct json *type = diff_member(schema, "type");
	unsigned kinds = 0;

	if (!type)
		return KIND_ANY;
	if (json_kind(type) != JSON_ARRAY)
		return view_kind(type);
	for (const struct json *it = json_first(type); it; it = json_next(it))
		kinds |= view_kind(it);
	return kinds;
}

/* The kinds that schema lets pass; it and its parts are added to the view. */
static unsigned view_add(struct diff *diff, struct view *view, const struct json *schema,
			 unsigned depth)
{
	static const char *const alternatives[] = { "oneOf", "anyOf" };
	unsigned kinds, some;

	schema = diff_resolve(diff, view->side, schema);
	if (!schema || depth == VIEW_DEPTH_MAX || view->count == VIEW_PARTS_MAX || !diff_step(diff))
		return KIND_ANY;
	for (unsigned i = 0; i < view->count; i++)
		if (view->parts[i] == schema)
			return KIND_ANY;
	view->parts[view->count++] = schema;
	kinds = view_type(schema);
	for (const struct json *it = diff_elements(diff_member(schema, "allOf")); it;
	     it = json_next(it))
		kinds &= view_add(diff, view, it, depth + 1);
	for (size_t i = 0; i < 2; i++) {
		const struct json *it = diff_elements(diff_member(schema, alternatives[i]));

		for (some = it ? 0 : KIND_ANY; it; it = json_next(it))
			some |= view_add(diff, view, it, depth + 1);
		kinds &= some;
	}
	return kinds;
}

static void view_init(struct diff *diff, struct view *view, enum diff_side side,
		      const struct json *schema)
{
	*view = (struct view){ .side = side };
	view->kinds = view_add(diff, view, schema, 0);
}

/* What the first part that has it says. */
static const struct json *view_says(const struct view *view, const char *key)
{
	for (unsigned i = 0; i < view->count; i++)
		if (diff_member(view->parts[i], key))
			return diff_member(view->parts[i], key);
	return NULL;
}

static const struct json *view_property(const struct view *view, const char *key)
{
	for (unsigned i = 0; i < view->count; i++) {
		const struct json *properties = diff_member(view->parts[i], "properties");

		if (diff_member(properties, key))
			return diff_member(properties, key);
	}
	return NULL;
}

static bool view_requires(const struct view *view, struct text key)
{
	for (unsigned i = 0; i < view->count; i++)
		for (const struct json *it = diff_elements(diff_member(view->parts[i], "required"));
		     it; it = json_next(it))
			if (json_kind(it) == JSON_STRING && text_equal(json_text(it), key))
				return true;
	return false;
}

static const char *view_format(const struct view *view)
{
	const struct json *format = view_says(view, "format");

	if (!format)
		format = view_says(view, "contentEncoding");
	return format && json_kind(format) == JSON_STRING ? json_text(format).ptr : NULL;
}

/* "integer|string (int64)", without null. */
static const char *view_text(struct diff *diff, const struct view *view)
{
	const char *text = "", *format = view_format(view);

	if (view->kinds == KIND_ANY)
		return "any JSON";
	for (size_t i = 0; i < KIND_NAMES; i++) {
		unsigned kinds = kind_names[i].kinds;

		if (kinds == KIND_NULL || (view->kinds & kinds) != kinds ||
		    (kinds == KIND_INTEGER && view->kinds & KIND_NUMBER))
			continue;
		text = arena_printf(&diff->arena, "%s%s%s", text, *text ? "|" : "",
				    kind_names[i].name);
	}
	if (!*text)
		text = "null";
	return format ? arena_printf(&diff->arena, "%s (%s)", text,
				     diff_word(diff, text_of(format)))
		      : text;
}

/* --- types ------------------------------------------------------------------------------------ */

/* Each value of one format is of the other, too. */
static const struct {
	const char *format, *within;
} format_pairs[] = {
	{ "int16", "int32" },   { "int16", "int64" },   { "int16", "decimal" },
	{ "int16", "double" },  { "int16", "float" },   { "int32", "int64" },
	{ "int32", "decimal" }, { "int32", "double" },  { "uint32", "int64" },
	{ "uint32", "double" }, { "int64", "decimal" }, { "uint32", "decimal" },
	{ "float", "double" },
};

static bool format_is_within(const char *format, const char *other)
{
	if (!other)
		return !format || strcmp(format, "base64") != 0;
	if (!format)
		return false;
	for (size_t i = 0; i < sizeof(format_pairs) / sizeof(format_pairs[0]); i++)
		if (!strcmp(format, format_pairs[i].format) &&
		    !strcmp(other, format_pairs[i].within))
			return true;
	return !strcmp(format, other);
}

static bool view_is_within(const struct view *view, const struct view *other)
{
	unsigned kinds = view->kinds & ~(unsigned)KIND_NULL;

	return !(kinds & ~other->kinds) && format_is_within(view_format(view), view_format(other));
}

/* What allows more breaks who receives; what allows less breaks who sends. */
static bool diff_breaks(enum diff_way way, bool allows_more)
{
	return way == DIFF_RECEIVED ? allows_more : !allows_more;
}

/* True: the types are the same. */
static bool diff_types(struct diff *diff, const struct spot *spot, const struct view *old,
		       const struct view *new)
{
	bool within = view_is_within(old, new), around = view_is_within(new, old);

	if (within && around)
		return true;
	diff_change(diff, (!within && !around) || diff_breaks(spot->way, within),
		    "%s: %s became %s", spot->what, view_text(diff, old), view_text(diff, new));
	return false;
}

static void diff_null(struct diff *diff, const struct spot *spot, const struct view *old,
		      const struct view *new)
{
	bool was = old->kinds & KIND_NULL, is = new->kinds &KIND_NULL;

	if (was == is || old->kinds == KIND_ANY || new->kinds == KIND_ANY)
		return;
	diff_change(diff, diff_breaks(spot->way, is), "%s %s", spot->what,
		    is                           ? "may be null"
		    : spot->way == DIFF_RECEIVED ? "is not null any more"
						 : "may not be null any more");
}

/* --- values ----------------------------------------------------------------------------------- */

static bool labels_have(const struct json *labels, const struct json *label)
{
	for (const struct json *it = json_first(labels); it; it = json_next(it))
		if (json_kind(it) == json_kind(label) &&
		    (json_kind(it) == JSON_STRING
			     ? text_equal(json_text(it), json_text(label))
			     : text_equal(json_source(it), json_source(label))))
			return true;
	return false;
}

static void diff_labels_beyond(struct diff *diff, const struct spot *spot,
			       const struct json *labels, const struct json *others, bool is_new)
{
	for (const struct json *it = json_first(labels); it; it = json_next(it)) {
		if (json_kind(it) == JSON_NULL || labels_have(others, it) || !diff_step(diff))
			continue;
		diff_change(diff, diff_breaks(spot->way, is_new), "%s: the value %s is %s",
			    spot->what, diff_word(diff, json_source(it)), is_new ? "new" : "gone");
	}
}

static void diff_enums(struct diff *diff, const struct spot *spot, const struct view *old,
		       const struct view *new)
{
	const struct json *was = view_says(old, "enum"), *is = view_says(new, "enum");

	was = was && json_kind(was) == JSON_ARRAY ? was : NULL;
	is = is && json_kind(is) == JSON_ARRAY ? is : NULL;
	if (was && is) {
		diff_labels_beyond(diff, spot, was, is, false);
		diff_labels_beyond(diff, spot, is, was, true);
	} else if (was || is) {
		diff_change(diff, diff_breaks(spot->way, was != NULL), "%s: %s", spot->what,
			    was ? "any value instead of certain ones"
				: "certain values only instead of any");
	}
}

static const struct diff_limit {
	const char *key;
	bool is_most;
	bool is_of_type; /* of numbers it goes with the format */
	unsigned kinds;  /* what it limits */
} diff_limits[] = {
	{ "maxLength", true, false, KIND_STRING },
	{ "minLength", false, false, KIND_STRING },
	{ "maxItems", true, false, KIND_ARRAY },
	{ "minItems", false, false, KIND_ARRAY },
	{ "maximum", true, true, KIND_INTEGER | KIND_NUMBER },
	{ "minimum", false, true, KIND_INTEGER | KIND_NUMBER },
};

static void diff_limit(struct diff *diff, const struct spot *spot, const struct diff_limit *limit,
		       const struct json *was, const struct json *is)
{
	int64_t old = facts_number(was), new = facts_number(is);
	bool allows_more;

	if ((!was && !is) || (was && is && old == new))
		return;
	allows_more = !is || (was && (limit->is_most ? new > old : new < old));
	diff_change(diff, diff_breaks(spot->way, allows_more), "%s: %s %s became %s", spot->what,
		    limit->key, was ? diff_word(diff, json_source(was)) : "none",
		    is ? diff_word(diff, json_source(is)) : "none");
}

static void diff_all_limits(struct diff *diff, const struct spot *spot, const struct view *old,
			    const struct view *new, bool same_type)
{
	for (size_t i = 0; i < sizeof(diff_limits) / sizeof(diff_limits[0]); i++) {
		const struct diff_limit *limit = &diff_limits[i];

		/* A kind that only one of them lets pass has no limit to compare. */
		if ((same_type || !limit->is_of_type) && old->kinds & new->kinds & limit->kinds)
			diff_limit(diff, spot, limit, view_says(old, limit->key),
				   view_says(new, limit->key));
	}
}

/* --- rows ------------------------------------------------------------------------------------- */

static const char *rows_name(unsigned kinds)
{
	switch (kinds) {
	case KIND_OBJECT:
		return "one row (:one)";
	case KIND_OBJECT | KIND_NULL:
		return "one row or null (:maybe)";
	case KIND_ARRAY:
		return "an array of rows (:many)";
	case KIND_NULL:
		return "no rows (:exec)";
	default:
		return NULL;
	}
}

/* More rows than allowed are a problem instead of an answer: fewer answers break who asks. */
static void diff_rows_max(struct diff *diff, const struct view *old, const struct view *new)
{
	struct spot spot = { .way = DIFF_SENT, .what = "rows" };

	diff_limit(diff, &spot, &diff_limits[2], view_says(old, "maxItems"),
		   view_says(new, "maxItems"));
}

static void diff_data(struct diff *diff, const struct spot *spot, const struct json *schemas[2])
{
	struct spot columns = { spot->way, "column", true, false, spot->depth + 1 };
	const char *was, *is;
	struct view old, new;

	view_init(diff, &old, DIFF_OLD, schemas[DIFF_OLD]);
	view_init(diff, &new, DIFF_NEW, schemas[DIFF_NEW]);
	was = rows_name(old.kinds);
	is = rows_name(new.kinds);
	if (!was || !is) {
		columns.what = "data";
		columns.is_top = false;
		diff_at(diff, &columns, schemas[DIFF_OLD], schemas[DIFF_NEW]);
		return;
	}
	if (strcmp(was, is) != 0)
		diff_change(diff, true, "%s became %s", was, is);
	else if (old.kinds == KIND_ARRAY)
		diff_rows_max(diff, &old, &new);
	if (old.kinds == KIND_NULL || new.kinds == KIND_NULL)
		return;
	diff_at(diff, &columns,
		old.kinds == KIND_ARRAY ? view_says(&old, "items") : schemas[DIFF_OLD],
		new.kinds == KIND_ARRAY ? view_says(&new, "items") : schemas[DIFF_NEW]);
}

/* --- objects, arrays -------------------------------------------------------------------------- */

static void diff_defaults(struct diff *diff, const char *what, const struct view *old,
			  const struct view *new)
{
	const struct json *was = view_says(old, "default"), *is = view_says(new, "default");

	if ((!was && !is) || (was && is && text_equal(json_source(was), json_source(is))))
		return;
	diff_change(diff, true, "%s: default %s became %s", what,
		    was ? diff_word(diff, json_source(was)) : "none",
		    is ? diff_word(diff, json_source(is)) : "none");
}

static void diff_sent_at(struct diff *diff, const struct spot *spot, const struct json *schemas[2],
			 const bool required[2])
{
	struct view old, new;

	if (required[DIFF_OLD] != required[DIFF_NEW])
		diff_change(diff, required[DIFF_NEW], "%s is %s", spot->what,
			    required[DIFF_NEW] ? "required" : "not required any more");
	if (!required[DIFF_OLD] && !required[DIFF_NEW]) {
		view_init(diff, &old, DIFF_OLD, schemas[DIFF_OLD]);
		view_init(diff, &new, DIFF_NEW, schemas[DIFF_NEW]);
		diff_defaults(diff, spot->what, &old, &new);
	}
	diff_at(diff, spot, schemas[DIFF_OLD], schemas[DIFF_NEW]);
}

/* A member that both have. */
static void diff_both(struct diff *diff, const struct spot *spot, const struct json *schemas[2],
		      const bool required[2])
{
	if (spot->way == DIFF_SENT) {
		diff_sent_at(diff, spot, schemas, required);
		return;
	}
	if (required[DIFF_OLD] != required[DIFF_NEW])
		diff_change(diff, required[DIFF_OLD], "%s %s", spot->what,
			    required[DIFF_NEW] ? "is always there" : "may be absent");
	if (spot->is_answer)
		diff_data(diff, spot, schemas);
	else
		diff_at(diff, spot, schemas[DIFF_OLD], schemas[DIFF_NEW]);
}

/* A member that only one of them has. */
static void diff_single(struct diff *diff, const struct spot *spot, bool is_new, bool required)
{
	if (!is_new)
		diff_change(diff, true, "%s is gone", spot->what);
	else if (spot->way == DIFF_SENT)
		diff_change(diff, required, "%s is new, and %s", spot->what,
			    required ? "required" : "optional");
	else
		diff_change(diff, false, "%s is new", spot->what);
}

static void diff_property(struct diff *diff, const struct spot *spot, const struct view *old,
			  const struct view *new, struct text key)
{
	const struct json *schemas[2] = { view_property(old, key.ptr),
					  view_property(new, key.ptr) };
	bool required[2] = { view_requires(old, key), view_requires(new, key) };
	struct spot member = {
		.way = spot->way,
		.what = arena_printf(&diff->arena, "%s%c%s", spot->what, spot->is_top ? ' ' : '.',
				     diff_word(diff, key)),
		.is_answer = spot->is_answer && text_is(key, "data"),
		.depth = spot->depth + 1,
	};

	if (schemas[DIFF_OLD] && schemas[DIFF_NEW])
		diff_both(diff, &member, schemas, required);
	else
		diff_single(diff, &member, schemas[DIFF_NEW] != NULL, required[DIFF_NEW]);
}

static void diff_objects(struct diff *diff, const struct spot *spot, const struct view *old,
			 const struct view *new)
{
	for (unsigned side = DIFF_OLD; side <= DIFF_NEW; side++) {
		const struct view *view = side == DIFF_OLD ? old : new;

		for (unsigned i = 0; i < view->count; i++) {
			const struct json *it =
				diff_members(diff_member(view->parts[i], "properties"));

			for (; it && diff_step(diff); it = json_next(it))
				/* The first part that has it speaks for all. */
				if (view_property(view, json_key(it).ptr) == it &&
				    (side == DIFF_OLD || !view_property(old, json_key(it).ptr)))
					diff_property(diff, spot, old, new, json_key(it));
		}
	}
}

static void diff_items(struct diff *diff, const struct spot *spot, const struct view *old,
		       const struct view *new)
{
	struct spot items = *spot;

	/* An array of bodies has the members of one. */
	if (spot->is_top)
		return;
	items.what = arena_printf(&diff->arena, "%s[]", spot->what);
	items.depth++;
	if (view_says(old, "items") && view_says(new, "items"))
		diff_at(diff, &items, view_says(old, "items"), view_says(new, "items"));
}

static void diff_at(struct diff *diff, const struct spot *spot, const struct json *old_schema,
		    const struct json *new_schema)
{
	struct view old, new;
	bool same_type = true;

	if (spot->depth == DIFF_DEPTH_MAX || !diff_step(diff))
		return;
	view_init(diff, &old, DIFF_OLD, old_schema);
	view_init(diff, &new, DIFF_NEW, new_schema);
	if (*diff->error)
		return;
	if (spot->is_top && spot->way == DIFF_SENT) {
		struct spot body = { .way = DIFF_SENT, .what = "body" };

		(void)!diff_types(diff, &body, &old, &new);
		diff_all_limits(diff, &body, &old, &new, true);
	} else if (!spot->is_top) {
		same_type = diff_types(diff, spot, &old, &new);
		diff_null(diff, spot, &old, &new);
		if (same_type || old.kinds & new.kinds & ~(unsigned)KIND_NULL)
			diff_enums(diff, spot, &old, &new);
		diff_all_limits(diff, spot, &old, &new, same_type);
	}
	if (old.kinds & new.kinds & KIND_OBJECT)
		diff_objects(diff, spot, &old, &new);
	if (old.kinds & new.kinds & KIND_ARRAY)
		diff_items(diff, spot, &old, &new);
}

/* --- from outside ----------------------------------------------------------------------------- */

void diff_schemas(struct diff *diff, enum diff_way way, const char *what, const struct json *old,
		  const struct json *new)
{
	struct spot spot = { .way = way, .what = what };

	diff_at(diff, &spot, old, new);
}

void diff_sent(struct diff *diff, const char *what, const struct json *schemas[2],
	       const bool required[2])
{
	struct spot spot = { .way = DIFF_SENT, .what = what };

	diff_sent_at(diff, &spot, schemas, required);
}

void diff_body_schemas(struct diff *diff, const struct json *old, const struct json *new)
{
	struct spot spot = { .way = DIFF_SENT, .what = "parameter", .is_top = true };

	diff_at(diff, &spot, old, new);
}

void diff_answer_schemas(struct diff *diff, const struct json *old, const struct json *new)
{
	struct spot spot = {
		.way = DIFF_RECEIVED, .what = "member", .is_top = true, .is_answer = true
	};

	diff_at(diff, &spot, old, new);
}

const struct json *diff_labels(struct diff *diff, enum diff_side side, const struct json *schema,
			       const char *member)
{
	const struct json *labels;
	struct view view;

	view_init(diff, &view, side, schema);
	for (unsigned i = 0; i < view.count; i++) {
		labels = diff_member(diff_member(diff_member(view.parts[i], "properties"), member),
				     "enum");
		if (labels && json_kind(labels) == JSON_ARRAY)
			return labels;
	}
	return NULL;
}
