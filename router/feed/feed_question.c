/* SPDX-License-Identifier: Apache-2.0 */
/* One snapshot for all: it is one statement. */
#include "router/feed/feed_question.h"

#include "base/array.h"
#include "base/buf.h"
#include "router/feed/feed_line.h"
#include "router/feed/feed_publication.h"

#include <pthread.h>
#include <string.h>

#define SQL_NUMBER(macro) SQL_NUMBER_OF(macro)
#define SQL_NUMBER_OF(number) #number

#define ROW_BEGINS "{\"line\":\""
#define ROW_ENDS "\"}"

enum { INT8OID = 20, TEXTOID = 25, INT8ARRAYOID = 1016, OIDARRAYOID = 1028 };

/* clang-format off */
static const char feed_question_text[] =
	"SELECT concat_ws('|', pg_snapshot_xmin(s.now), pg_snapshot_xmax(s.now),"
	" (SELECT f.id FROM cqrsd.feed_floor AS f),"
	" coalesce((SELECT m.xid || '|' || m.id FROM cqrsd.feed_mark AS m"
	" WHERE m.xid < pg_snapshot_xmin(s.now) ORDER BY m.xid DESC LIMIT 1), '|'),"
	" CASE WHEN cardinality($4) > 0 THEN"
	" cqrsd.feed_shape($4, cqrsd.feed_path()) ELSE 0 END,"
	" (SELECT string_agg(r.id || ':' || coalesce(array_to_string(r.tags, ','), '*'), ' '"
	" ORDER BY r.id) FROM ("
	"(SELECT i.id, i.tags FROM unnest($2, $3) AS g (first, last), LATERAL ("
	"SELECT i.id, i.tags FROM cqrsd.invalidation AS i WHERE i.id BETWEEN g.first AND g.last"
	" ORDER BY i.id LIMIT " SQL_NUMBER(FEED_ROWS_MAX) ") AS i"
	" LIMIT " SQL_NUMBER(FEED_ROWS_MAX) ")"
	" UNION ALL (SELECT i.id, i.tags FROM cqrsd.invalidation AS i WHERE i.id > $1"
	" ORDER BY i.id LIMIT " SQL_NUMBER(FEED_ROWS_MAX) ")) AS r)) AS line"
	" FROM (SELECT pg_current_snapshot() AS now) AS s";
/* clang-format on */

static struct statement feed_question_statement, feed_shape_statement;
static pthread_once_t feed_question_once = PTHREAD_ONCE_INIT;

static void feed_question_make(void)
{
	static const uint32_t params[] = { INT8OID, INT8ARRAYOID, INT8ARRAYOID, OIDARRAYOID };
	static const uint32_t column = TEXTOID;

	statement_make_known(&feed_question_statement, "feed.read", feed_question_text,
			     (struct oids){ params, FEED_QUESTION_VALUES },
			     (struct oids){ &column, 1 });
	statement_make_known(&feed_shape_statement, "feed.shape",
			     "SELECT concat_ws('|', CASE WHEN cardinality($1) > 0 THEN"
			     " cqrsd.feed_shape($1, cqrsd.feed_path()) + " PUBLICATION_SHAPE(
				     "$1") " ELSE 0 END, " PUBLICATION_SUM ") AS line",
			     (struct oids){ params + FEED_QUESTION_VALUES - 1, 1 },
			     (struct oids){ &column, 1 });
}

struct statement *feed_question(void)
{
	pthread_once(&feed_question_once, feed_question_make);
	return &feed_question_statement;
}

/* --- values ----------------------------------------------------------------------------------- */

enum { GAPS_FIRST, GAPS_LAST };

static const char *feed_question_gaps(const struct feed *feed, int side, struct arena *arena)
{
	struct buf array;

	buf_init(&array);
	array_begin(&array);
	for (unsigned i = 0; i < feed->gaps_count; i++)
		array_add_int(&array,
			      side == GAPS_FIRST ? feed->gaps[i].first : feed->gaps[i].last);
	return array_move(&array, arena);
}

static const char *feed_question_relations(const uint64_t *relations, size_t count,
					   struct arena *arena)
{
	struct buf array;

	buf_init(&array);
	array_begin(&array);
	for (size_t i = 0; i < count; i++)
		array_add_int(&array, (int64_t)relations[i]);
	return array_move(&array, arena);
}

void feed_question_values(const struct feed *feed, const uint64_t *relations,
			  size_t relations_count, struct arena *arena,
			  const char *values[FEED_QUESTION_VALUES])
{
	/* A feed that begins wants no rows. */
	values[0] = arena_printf(arena, "%lld",
				 feed->state == FEED_NEW ? (long long)INT64_MAX
							 : (long long)feed->greatest);
	values[1] = feed_question_gaps(feed, GAPS_FIRST, arena);
	values[2] = feed_question_gaps(feed, GAPS_LAST, arena);
	values[3] = feed_question_relations(relations, relations_count, arena);
}

/* --- the answer ------------------------------------------------------------------------------- */

static void feed_line_mark(struct feed_line *line, struct feed_mark *mark)
{
	*mark = (struct feed_mark){ .id = -1 };
	if (feed_line_is(line, '|')) {
		feed_line_want(line, '|');
		return;
	}
	mark->xid = feed_line_number(line);
	feed_line_want(line, '|');
	mark->id = (int64_t)feed_line_number(line);
}

static size_t feed_line_count(const struct feed_line *line, char byte)
{
	size_t count = 0;

	for (const char *at = line->at; at < line->end; at++)
		count += *at == byte;
	return count;
}

/* tags: where the next ones are put. */
static void feed_line_row(struct feed_line *line, struct feed_row *row, uint64_t **tags)
{
	row->id = (int64_t)feed_line_number(line);
	feed_line_want(line, ':');
	row->tags = feed_line_take(line, '*') ? NULL : *tags;
	row->tags_count = 0;
	if (!row->tags || line->at == line->end || feed_line_is(line, ' '))
		return;
	do {
		*(*tags)++ = feed_line_number(line);
		row->tags_count++;
	} while (feed_line_take(line, ','));
}

static void feed_line_rows(struct feed_line *line, const struct feed *feed, struct arena *arena,
			   struct feed_answer *answer)
{
	size_t count = feed_line_count(line, ':'), beyond = 0;
	struct feed_row *rows = arena_alloc(arena, count * sizeof(*rows) + 1);
	uint64_t *tags =
		arena_alloc(arena, (count + feed_line_count(line, ',')) * sizeof(*tags) + 1);
	int64_t before = INT64_MIN;

	for (size_t i = 0; i < count && !line->wrong; i++) {
		if (i)
			feed_line_want(line, ' ');
		feed_line_row(line, &rows[i], &tags);
		line->wrong = line->wrong || rows[i].id <= before;
		before = rows[i].id;
		beyond += rows[i].id > feed->greatest;
	}
	answer->rows = rows;
	answer->rows_count = count;
	answer->gaps_whole = count - beyond < FEED_ROWS_MAX;
	answer->whole = answer->gaps_whole && beyond < FEED_ROWS_MAX;
}

static bool feed_line_of(struct text row, struct feed_line *line)
{
	const size_t begins = strlen(ROW_BEGINS), ends = strlen(ROW_ENDS);

	if (row.len < begins + ends)
		return false;
	*line = (struct feed_line){ row.ptr + begins, row.ptr + row.len - ends, false };
	return memcmp(row.ptr, ROW_BEGINS, begins) == 0 && memcmp(line->end, ROW_ENDS, ends) == 0;
}

bool feed_question_read(const struct feed *feed, struct text row, struct arena *arena,
			struct feed_answer *answer, int64_t *shape)
{
	struct feed_line line;

	*answer = (struct feed_answer){ .gaps_whole = true, .whole = true };
	if (!feed_line_of(row, &line))
		return false;
	answer->xmin = feed_line_number(&line);
	feed_line_want(&line, '|');
	answer->xmax = feed_line_number(&line);
	feed_line_want(&line, '|');
	answer->floor = (int64_t)feed_line_number(&line);
	feed_line_want(&line, '|');
	feed_line_mark(&line, &answer->mark);
	feed_line_want(&line, '|');
	*shape = (int64_t)feed_line_number(&line);
	/* concat_ws leaves out what is NULL, with what would stand before it. */
	if (feed_line_take(&line, '|'))
		feed_line_rows(&line, feed, arena, answer);
	return !line.wrong && line.at == line.end;
}

/* --- the shape alone -------------------------------------------------------------------------- */

struct statement *feed_shape_question(void)
{
	pthread_once(&feed_question_once, feed_question_make);
	return &feed_shape_statement;
}

const char *feed_shape_question_value(const uint64_t *relations, size_t relations_count,
				      struct arena *arena)
{
	return feed_question_relations(relations, relations_count, arena);
}

bool feed_shape_question_read(struct text row, int64_t *shape, int64_t *publication)
{
	struct feed_line line;

	if (!feed_line_of(row, &line))
		return false;
	*shape = (int64_t)feed_line_number(&line);
	feed_line_want(&line, '|');
	*publication = (int64_t)feed_line_number(&line);
	return !line.wrong && line.at == line.end;
}
