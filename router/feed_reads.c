/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each relation, and for each function that may do what is not seen. */
#include "router/feed_reads.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/control.h"
#include "base/json.h"
#include "base/limits.h"
#include "router/feed/feed_publication.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTOID = 25, INT8OID = 20, TEXTARRAYOID = 1009 };

#define FEED_READS " FROM cqrsd.feed_reads($1, $2, $3) AS f"

static struct statement feed_reads_statement, feed_writes_statement, feed_triggers_statement;
static struct statement feed_reads_decoded, feed_triggers_decoded;
static pthread_once_t feed_reads_once = PTHREAD_ONCE_INIT;

static const char feed_reads_decoded_text[] =
	"SELECT f.id, f.name, " PUBLICATION_WRONG " AS wrong, " PUBLICATION_SHAPED
	" AS shape" FEED_READS PUBLICATION_JOIN;

static void feed_reads_make(void)
{
	static const uint32_t params[] = { TEXTOID, TEXTARRAYOID, TEXTARRAYOID };
	static const uint32_t columns[] = { INT8OID, TEXTOID, TEXTOID, INT8OID };

	statement_make_known(&feed_reads_statement, "feed.reads",
			     "SELECT f.id, f.name, f.wrong, f.shape" FEED_READS,
			     (struct oids){ params, 3 }, (struct oids){ columns, 4 });
	statement_make_known(&feed_writes_statement, "feed.writes",
			     "SELECT id, name, wrong, 0::bigint AS shape"
			     " FROM cqrsd.feed_writes($1, $2, $3)",
			     (struct oids){ params, 3 }, (struct oids){ columns, 4 });
	statement_make_known(&feed_reads_decoded, "feed.reads_decoded", feed_reads_decoded_text,
			     (struct oids){ params, 3 }, (struct oids){ columns, 4 });
	statement_make_known(&feed_triggers_decoded, "feed.publication",
			     "SELECT " PUBLICATION_SUM " AS triggers", (struct oids){ NULL, 0 },
			     (struct oids){ columns, 1 });
	statement_make_known(&feed_triggers_statement, "feed.triggers",
			     "SELECT coalesce(sum(hashtextextended(t.oid || ' ' || t.xmin, 0)"
			     " >> 20), 0)::bigint AS triggers FROM pg_trigger AS t"
			     " WHERE t.tgfoid = 'cqrsd.feed_note'::regproc",
			     (struct oids){ NULL, 0 }, (struct oids){ columns, 1 });
}

struct statement *feed_triggers(enum feed_option feed)
{
	pthread_once(&feed_reads_once, feed_reads_make);
	return feed == FEED_LOGICAL ? &feed_triggers_decoded : &feed_triggers_statement;
}

struct statement *feed_reads(enum feed_option feed)
{
	pthread_once(&feed_reads_once, feed_reads_make);
	return feed == FEED_LOGICAL ? &feed_reads_decoded : &feed_reads_statement;
}

const char *feed_decoded_check(void)
{
	return feed_publication_check;
}

struct statement *feed_writes(void)
{
	pthread_once(&feed_reads_once, feed_reads_make);
	return &feed_writes_statement;
}

/* --- values ----------------------------------------------------------------------------------- */

void feed_reads_values(const struct operation *operation, struct arena *arena,
		       const char *values[3])
{
	const struct statement *statement = operation->statement;
	struct buf array;

	values[0] = statement->text;
	buf_init(&array);
	array_begin(&array);
	for (unsigned i = 0; i < statement->params; i++) {
		const char *type = statement->param_types ? statement->param_types[i] : NULL;

		array_add_text(&array, text_of(type ? type : "unknown"));
	}
	values[1] = array_move(&array, arena);
	values[2] = NULL;
	if (!operation->relations_count)
		return;
	buf_init(&array);
	array_begin(&array);
	for (unsigned i = 0; i < operation->relations_count; i++)
		array_add_text(&array, operation->relations[i]);
	values[2] = array_move(&array, arena);
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

struct feed_relation feed_reads_relation(const struct json *row)
{
	return (struct feed_relation){ (uint64_t)feed_reads_number(json_get(row, "id")),
				       feed_reads_number(json_get(row, "shape")) };
}

/* Each row is of a relation, or of a function that may read what is not seen. */
static enum feed_reads_end feed_reads_rows(const struct json *rows, struct feed_relation *relations,
					   size_t *count)
{
	for (const struct json *row = json_first(rows); row; row = json_next(row)) {
		const struct json *id = json_get(row, "id"), *shape = json_get(row, "shape");

		if (CONTROL_FEED_WATCHED && json_kind(json_get(row, "wrong")) != JSON_NULL)
			return FEED_READS_UNSEEN;
		if (json_kind(id) != JSON_NUMBER || json_kind(shape) != JSON_NUMBER)
			continue;
		if (*count == FEED_RELATIONS_OF_QUERY_MAX)
			return FEED_READS_TOO_MANY;
		relations[(*count)++] = feed_reads_relation(row);
	}
	return FEED_READS_COUNT;
}

enum feed_reads_end feed_reads_take(struct text rows, struct feed_relation **relations,
				    size_t *count)
{
	struct feed_relation found[FEED_RELATIONS_OF_QUERY_MAX];
	struct json *json = json_read_rows(rows);
	enum feed_reads_end end;

	*count = 0;
	if (!json)
		return FEED_READS_WRONG;
	end = feed_reads_rows(json, found, count);
	json_free(json);
	if (end != FEED_READS_COUNT)
		return end;
	*relations = calloc(*count + 1, sizeof(**relations));
	assert(*relations);
	memcpy(*relations, found, *count * sizeof(found[0]));
	return end;
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
