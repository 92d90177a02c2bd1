/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each relation, and for each function that may read what is not seen. */
#include "router/feed_reads.h"

#include "base/buf.h"
#include "base/control.h"
#include "base/json.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTOID = 25, INT8OID = 20, TEXTARRAYOID = 1009 };

static struct statement feed_reads_statement, feed_triggers_statement;
static pthread_once_t feed_reads_once = PTHREAD_ONCE_INIT;

static void feed_reads_make(void)
{
	static const uint32_t params[] = { TEXTOID, TEXTARRAYOID, TEXTARRAYOID };
	static const uint32_t columns[] = { INT8OID, TEXTOID, TEXTOID, INT8OID };

	statement_make_known(&feed_reads_statement, "feed.reads",
			     "SELECT id, name, wrong, shape FROM cqrsd.feed_reads($1, $2, $3)",
			     (struct oids){ params, 3 }, (struct oids){ columns, 4 });
	statement_make_known(&feed_triggers_statement, "feed.triggers",
			     "SELECT coalesce(sum(hashtextextended(t.oid || ' ' || t.xmin, 0)"
			     " >> 20), 0)::bigint AS triggers FROM pg_trigger AS t"
			     " WHERE t.tgfoid = 'cqrsd.feed_note'::regproc",
			     (struct oids){ NULL, 0 }, (struct oids){ columns, 1 });
}

struct statement *feed_triggers(void)
{
	pthread_once(&feed_reads_once, feed_reads_make);
	return &feed_triggers_statement;
}

struct statement *feed_reads(void)
{
	pthread_once(&feed_reads_once, feed_reads_make);
	return &feed_reads_statement;
}

/* --- values ----------------------------------------------------------------------------------- */

/* An element of an array of texts. */
static void feed_reads_element(struct buf *array, struct text text)
{
	if (array->len > 1)
		buf_byte(array, ',');
	buf_byte(array, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buf_byte(array, '\\');
		buf_byte(array, text.ptr[i]);
	}
	buf_byte(array, '"');
}

static const char *feed_reads_close(struct buf *array, struct arena *arena)
{
	const char *copy;

	buf_byte(array, '}');
	copy = arena_copy(arena, array->ptr, array->len);
	buf_fini(array);
	return copy;
}

void feed_reads_values(const struct operation *operation, struct arena *arena,
		       const char *values[3])
{
	const struct statement *statement = operation->statement;
	struct buf array;

	values[0] = statement->text;
	buf_init(&array);
	buf_byte(&array, '{');
	for (unsigned i = 0; i < statement->params; i++) {
		const char *type = statement->param_types ? statement->param_types[i] : NULL;

		feed_reads_element(&array, text_of(type ? type : "unknown"));
	}
	values[1] = feed_reads_close(&array, arena);
	values[2] = NULL;
	if (!operation->reads_count)
		return;
	buf_init(&array);
	buf_byte(&array, '{');
	for (unsigned i = 0; i < operation->reads_count; i++)
		feed_reads_element(&array, operation->reads[i]);
	values[2] = feed_reads_close(&array, arena);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Of a whole number that fits. */
static int64_t feed_reads_number(const struct json *json)
{
	struct text text = json_source(json);
	bool negative = text.len && text.ptr[0] == '-';
	int64_t number = 0;

	for (size_t i = negative; i < text.len && byte_is_digit(text.ptr[i]); i++)
		number = number * 10 + (text.ptr[i] - '0');
	return negative ? -number : number;
}

static struct statement_tags *feed_reads_tags(const struct json *rows, int64_t **shapes)
{
	struct statement_tags *tags = statement_tags_new((unsigned)json_length(rows));

	*shapes = calloc(tags->count + 1u, sizeof(**shapes));
	assert(*shapes);
	tags->count = 0;
	tags->counts = true;
	for (const struct json *row = json_first(rows); row; row = json_next(row)) {
		const struct json *id = json_get(row, "id"), *shape = json_get(row, "shape");

		if (CONTROL_FEED_WATCHED && json_kind(json_get(row, "wrong")) != JSON_NULL)
			tags->counts = false;
		if (json_kind(id) != JSON_NUMBER || json_kind(shape) != JSON_NUMBER)
			continue;
		(*shapes)[tags->count] = feed_reads_number(shape);
		tags->tags[tags->count++] = (uint64_t)feed_reads_number(id);
	}
	return tags;
}

struct statement_tags *feed_reads_take(struct text rows, int64_t **shapes)
{
	struct statement_tags *tags = NULL;
	struct json *json = json_read_rows(rows);

	if (!json)
		return NULL;
	if (json_length(json) <= UINT16_MAX)
		tags = feed_reads_tags(json, shapes);
	json_free(json);
	return tags;
}

bool feed_triggers_take(struct text row, int64_t *triggers)
{
	struct json_error error;
	struct json *json = json_read(row, &error);
	const struct json *sum =
		json && json_kind(json) == JSON_OBJECT ? json_get(json, "triggers") : NULL;
	bool good = sum && json_kind(sum) == JSON_NUMBER;

	if (good)
		*triggers = feed_reads_number(sum);
	if (json)
		json_free(json);
	return good;
}
