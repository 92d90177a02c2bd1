/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The @options of an operation: one table, catalog/options.def, and the functions that
 * read the values. Adding an option is adding a row.
 */
#include "catalog/options.h"

#include "base/clock.h"
#include "base/nearest.h"
#include "catalog/cache_options.h"
#include "catalog/deprecated_option.h"
#include "catalog/document_options.h"
#include "catalog/job_options.h"
#include "catalog/lookup.h"
#include "catalog/params.h"
#include "catalog/refresh_options.h"
#include "catalog/schedule_options.h"
#include "catalog/value.h"
#include "catalog/words.h"

#include <assert.h>

#define ON_QUERY (1u << REQUEST_QUERY)
#define ON_COMMAND (1u << REQUEST_COMMAND)

#define HOUR_US (3600 * US_PER_S)

static void read_consistency(struct draft *draft, const struct operation_option *row,
			     struct cut value)
{
	static const char *const words[] = { "eventual", "session", "strong" };
	static const enum level levels[] = { LEVEL_EVENTUAL, LEVEL_SESSION, LEVEL_STRONG };
	struct cut rest = value, level = cut_word(&rest), more = cut_word(&rest);
	int index;

	if (text_is(level.text, "strong") && text_is(more.text, "confirmed") &&
	    !cut_trim(rest).text.len) {
		draft->operation.from = FROM_REPLICA_CONFIRMED;
		value = level;
	}
	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.consistency = levels[index];
}

static void read_max_staleness(struct draft *draft, const struct operation_option *row,
			       struct cut value)
{
	(void)value_duration(draft, row, value, 0, 30 * US_PER_DAY,
			     &draft->operation.staleness_us_max);
}

static void read_on_lag(struct draft *draft, const struct operation_option *row, struct cut value)
{
	static const char *const words[] = {
		[ON_LAG_SPILL] = "spill", [ON_LAG_STALE] = "stale", [ON_LAG_FAIL] = "fail"
	};
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.on_lag = (enum on_lag)index;
}

static void read_timeout(struct draft *draft, const struct operation_option *row, struct cut value)
{
	(void)value_duration(draft, row, value, US_PER_MS, HOUR_US, &draft->operation.timeout_us);
}

static void read_max_rows(struct draft *draft, const struct operation_option *row, struct cut value)
{
	(void)value_number(draft, row, value, 1, 10000000, &draft->operation.rows_max);
}

static void read_priority(struct draft *draft, const struct operation_option *row, struct cut value)
{
	uint64_t urgency;

	if (value_number(draft, row, value, 0, 7, &urgency))
		draft->operation.urgency = (unsigned)urgency;
}

static void read_cost(struct draft *draft, const struct operation_option *row, struct cut value)
{
	uint64_t cost;

	if (value_number(draft, row, value, 1, RATE_COUNT_MAX, &cost))
		draft->operation.cost = (unsigned)cost;
}

static void read_isolation(struct draft *draft, const struct operation_option *row,
			   struct cut value)
{
	static const char *const words[] = {
		[CATALOG_READ_COMMITTED] = "read committed",
		[CATALOG_REPEATABLE_READ] = "repeatable read",
		[CATALOG_SERIALIZABLE] = "serializable",
	};
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.isolation = (enum catalog_isolation)index;
}

static void read_idempotency(struct draft *draft, const struct operation_option *row,
			     struct cut value)
{
	static const char *const words[] = {
		[IDEMPOTENCY_NONE] = "none",
		[IDEMPOTENCY_OPTIONAL] = "optional",
		[IDEMPOTENCY_REQUIRED] = "required",
	};
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.idempotency = (enum idempotency)index;
}

static void read_group(struct draft *draft, const struct operation_option *row, struct cut value)
{
	static const char *const words[] = { "on", "off" };
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.lonely = index == 1;
}

static void read_coalesce(struct draft *draft, const struct operation_option *row, struct cut value)
{
	static const char *const words[] = { "on", "off" };
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.coalescing = index == 1 ? COALESCING_NEVER : COALESCING_ALWAYS;
}

static void read_int8(struct draft *draft, const struct operation_option *row, struct cut value)
{
	static const char *const words[] = { "number", "string" };
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.int8 = index == 1 ? INT8_STRING : INT8_NUMBER;
}

static void option_without_value(struct draft *draft, const struct operation_option *row,
				 struct cut value)
{
	if (value.text.len > 0)
		source_error(draft->source, value.at, "@%s takes no value", row->name);
}

static void read_public(struct draft *draft, const struct operation_option *row, struct cut value)
{
	option_without_value(draft, row, value);
	draft->operation.access = ACCESS_PUBLIC;
}

static void read_internal(struct draft *draft, const struct operation_option *row, struct cut value)
{
	option_without_value(draft, row, value);
	draft->operation.access = ACCESS_INTERNAL;
}

static void read_claims(struct draft *draft, const struct operation_option *row, struct cut value)
{
	if (value.text.len > 0)
		source_error(draft->source, value.at, "@%s takes no value", row->name);
	draft->operation.claims = CATALOG_CLAIMS_SET;
}

/* Takes the next item of "a, b, c" off the list; false: it was the last one. */
static bool option_item(struct cut *list, struct cut *item)
{
	const char *comma = memchr(list->text.ptr, ',', list->text.len);

	*item = cut_trim(cut_take(list, comma ? (size_t)(comma - list->text.ptr) : list->text.len));
	if (comma)
		(void)cut_take(list, 1);
	return comma != NULL;
}

static bool name_byte(char byte)
{
	return byte != '$' && (unsigned char)byte < 0x80 &&
	       (lexer_word_goes_on(byte) || byte == '-' || byte == '.');
}

/* ptr NULL: it is no name of a role, which was complained about. */
static struct text option_role(struct draft *draft, const struct operation_option *row,
			       struct cut item)
{
	bool good = item.text.len > 0;

	for (size_t i = 0; i < item.text.len; i++)
		good = good && name_byte(item.text.ptr[i]);
	if (good)
		return arena_text(draft->arena, item.text);
	value_wrong(draft, row, item, (struct text){ NULL, 0 });
	return (struct text){ NULL, 0 };
}

static void read_roles(struct draft *draft, const struct operation_option *row, struct cut value)
{
	struct text *roles = arena_zero(draft->arena, value.text.len + 1, sizeof(*roles));
	struct cut list = value, item;
	unsigned count = 0;
	bool more;

	do {
		more = option_item(&list, &item);
		roles[count++] = option_role(draft, row, item);
	} while (more);
	draft->operation.roles = roles;
	draft->operation.roles_count = count;
}

/* As it is named in SQL without quotes; whether it is there the database says. */
static struct text option_relation(struct draft *draft, const struct operation_option *row,
				   struct cut item)
{
	bool good = item.text.len > 0;

	for (size_t i = 0; i < item.text.len; i++)
		good = good && (name_byte(item.text.ptr[i]) || item.text.ptr[i] == '.');
	if (good)
		return arena_text(draft->arena, item.text);
	value_wrong(draft, row, item, (struct text){ NULL, 0 });
	return (struct text){ NULL, 0 };
}

static void read_relations(struct draft *draft, const struct operation_option *row,
			   struct cut value)
{
	struct text *relations = arena_zero(draft->arena, value.text.len + 1, sizeof(*relations));
	struct cut list = value, item;
	unsigned count = 0;
	bool more;

	do {
		more = option_item(&list, &item);
		relations[count++] = option_relation(draft, row, item);
	} while (more);
	draft->operation.relations = relations;
	draft->operation.relations_count = count;
}

/* The parameter that "{param}" at the beginning names: its index + 1; 0 and a complaint: none. */
static unsigned group_param(struct draft *draft, struct cut rest, size_t *len)
{
	const char *end = memchr(rest.text.ptr, '}', rest.text.len);
	struct text name;

	if (!end) {
		source_error(draft->source, rest.at, "a } is missing");
		return 0;
	}
	name = (struct text){ rest.text.ptr + 1, (size_t)(end - rest.text.ptr) - 1 };
	*len = name.len + 2;
	for (unsigned i = 0; i < draft->params_count; i++)
		if (text_is(name, draft->params[i].parameter.name))
			return i + 1;
	source_error_near(draft->source, rest.at + 1, param_nearest(draft, name),
			  "\"%.*s\" is no parameter of the statement", source_shown(name),
			  name.ptr);
	return 0;
}

static size_t group_name_len(struct text text)
{
	size_t len = 0;

	while (len < text.len && name_byte(text.ptr[len]))
		len++;
	return len;
}

/* One of "a, b:{param}": names and parameters, joined by colons. */
static void group_read(struct draft *draft, const struct operation_option *row, struct cut item,
		       struct tag *tag)
{
	struct tag_part *parts = arena_zero(draft->arena, item.text.len / 2 + 1, sizeof(*parts));
	struct cut rest = item;
	bool begins = true;

	tag->parts = parts;
	while (begins && rest.text.len > 0) {
		struct tag_part *part = &parts[tag->parts_count++];
		size_t len = 0;

		if (rest.text.ptr[0] == '{') {
			part->param = group_param(draft, rest, &len);
			if (!part->param)
				return;
		} else {
			len = group_name_len(rest.text);
			part->name = arena_text(draft->arena, (struct text){ rest.text.ptr, len });
		}
		if (len == 0)
			break;
		(void)cut_take(&rest, len);
		begins = rest.text.len > 0 && rest.text.ptr[0] == ':';
		if (begins)
			(void)cut_take(&rest, 1);
	}
	if (begins || rest.text.len > 0)
		value_wrong(draft, row, item, (struct text){ NULL, 0 });
}

static void read_groups(struct draft *draft, const struct operation_option *row, struct cut value)
{
	(void)row;
	draft->groups = value;
}

static void read_param(struct draft *draft, const struct operation_option *row, struct cut value)
{
	(void)row;
	param_read(draft, value.at, value.text);
}

static const struct operation_option options[] = {
#define OPTION(name, kinds, read, form) { name, kinds, read, form },
#include "catalog/options.def"
#undef OPTION
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))
static_assert(OPTIONS <= DRAFT_OPTIONS_MAX, "a draft has room for each option");

void options_init(struct draft *draft)
{
	for (size_t i = 0; i < DRAFT_OPTIONS_MAX; i++)
		draft->options_at[i] = SIZE_MAX;
	draft->operation.consistency = LEVEL_SESSION;
	draft->operation.staleness_us_max = -1;
	draft->operation.urgency = 3;
	draft->operation.cost = 1;
	draft->operation.retries = 4;
	draft->operation.retries_backoff_us = 2 * US_PER_S;
	draft->operation.keep_us = US_PER_DAY;
}

/* The word behind the "@" and the value behind that. */
static struct text option_cut(struct cut comment, struct cut *value)
{
	struct cut name;

	comment = cut_trim(comment);
	assert(comment.text.len > 0 && comment.text.ptr[0] == '@');
	name = cut_word(&comment);
	*value = cut_trim(comment);
	return (struct text){ name.text.ptr + 1, name.text.len - 1 };
}

static size_t option_find(struct text name)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (text_is(name, options[i].name))
			return i;
	return OPTIONS;
}

bool option_is_known(struct text comment)
{
	struct cut cut = cut_trim((struct cut){ comment, 0 });

	if (cut.text.len == 0 || cut.text.ptr[0] != '@')
		return false;
	return option_find(option_cut(cut, &(struct cut){ { NULL, 0 }, 0 })) < OPTIONS;
}

static void option_unknown(struct draft *draft, size_t at, struct text name)
{
	struct nearest nearest;
	struct text best = { NULL, 0 };

	if (cache_option_has_part(name)) {
		source_error(draft->source, at, "\"%.*s\" is a part of @cache, behind its duration",
			     source_shown(name), name.ptr);
		return;
	}
	nearest_init(&nearest, name);
	for (size_t i = 0; i < OPTIONS; i++) {
		nearest_offer(&nearest, text_of(options[i].name));
		if (text_is_nocase(name, options[i].name))
			nearest.best = text_of(options[i].name);
	}
	if (nearest.best.ptr)
		best = text_of(arena_printf(draft->arena, "@%s", nearest.best.ptr));
	source_error_near(draft->source, at, best, "unknown option \"@%.*s\"", source_shown(name),
			  name.ptr);
}

void option_read(struct draft *draft, size_t comment_at, struct text comment)
{
	struct cut at = cut_trim((struct cut){ comment, comment_at });
	struct cut value;
	struct text name = option_cut(at, &value);
	size_t row = option_find(name);

	if (row == OPTIONS) {
		option_unknown(draft, at.at, name);
		return;
	}
	if (!(options[row].kinds & (1u << draft->operation.kind))) {
		source_error(draft->source, at.at, "@%s is for a %s, not for a %s",
			     options[row].name,
			     draft->operation.kind == REQUEST_QUERY ? "command" : "query",
			     draft->operation.kind == REQUEST_QUERY ? "query" : "command");
		return;
	}
	if (options[row].read != read_param && options[row].read != refresh_option &&
	    draft->options_at[row] != SIZE_MAX) {
		source_error(draft->source, at.at, "@%s is given twice", options[row].name);
		return;
	}
	draft->options_at[row] = at.at;
	options[row].read(draft, &options[row], value);
}

static void options_note(struct draft *draft, size_t row, const char *why)
{
	struct place place = source_place(draft->source, draft->options_at[row]);

	buf_printf(draft->notes, "%s:%u: note: @%s of %s has no effect: %s\n", place.file,
		   place.line, options[row].name, draft->operation.name, why);
}

static void options_finish_groups(struct draft *draft)
{
	bool query = draft->operation.kind == REQUEST_QUERY;
	const struct operation_option *row =
		&options[option_find(text_of(query ? "tags" : "invalidates"))];
	struct tag *tags = arena_zero(draft->arena, OPERATION_TAGS_MAX, sizeof(*tags));
	struct cut list = draft->groups, item;
	unsigned count = 0;
	bool more;

	do {
		more = option_item(&list, &item);
		if (count == OPERATION_TAGS_MAX) {
			source_error(draft->source, item.at, "@%s has more than %d groups",
				     row->name, OPERATION_TAGS_MAX);
			break;
		}
		group_read(draft, row, item, &tags[count++]);
	} while (more);
	draft->operation.tags = tags;
	draft->operation.tags_count = count;
}

/* What is for all is neither for some of them nor for peers alone. */
static void options_finish_callers(struct draft *draft)
{
	static const char *const others[] = { "roles", "internal" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t at = draft->options_at[option_find(text_of(others[i]))];

		if (at != SIZE_MAX && draft->options_at[option_find(TEXT("public"))] != SIZE_MAX)
			source_error(draft->source, at, "@public and @%s exclude each other",
				     others[i]);
	}
}

/* Why an option that is given changes nothing; NULL: it does. */
static const char *option_idle(const struct draft *draft, size_t row)
{
	if (job_option_is_idle(draft, &options[row]))
		return "it is not @async";
	if (draft->operation.kind == REQUEST_QUERY && options[row].read == read_groups &&
	    draft->options_at[option_find(TEXT("cache"))] == SIZE_MAX)
		return "it is not @cache";
	if (options[row].read == refresh_option && draft->operation.async == ASYNC_ALWAYS)
		return "it is always run as a job, and behind jobs nothing is filled";
	return NULL;
}

void options_finish(struct draft *draft)
{
	job_options_finish(draft);
	schedule_options_finish(draft);
	for (size_t i = 0; i < OPTIONS; i++)
		if (draft->options_at[i] != SIZE_MAX && option_idle(draft, i))
			options_note(draft, i, option_idle(draft, i));
	if (draft->groups.text.ptr)
		options_finish_groups(draft);
	options_finish_callers(draft);
	refresh_options_finish(draft);
	document_options_finish(draft);
	cache_option_finish(draft, draft->options_at[option_find(TEXT("cache"))]);
}
