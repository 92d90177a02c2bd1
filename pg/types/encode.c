/* SPDX-License-Identifier: Apache-2.0 */
/* A row is a copy of its keys with a cell behind each. */
#include "pg/types/encode.h"

#include "pg/types/types.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void encoder_init(struct encoder *encoder)
{
	*encoder = (struct encoder){ 0 };
	buf_init(&encoder->keys);
}

void encoder_fini(struct encoder *encoder)
{
	buf_fini(&encoder->keys);
	free(encoder->columns);
}

/* What the result itself says counts; the shape only knows more about types. */
static struct pg_type encoder_type(const PGresult *result, unsigned column,
				   const struct shape *shape)
{
	uint32_t oid = PQftype(result, (int)column);
	struct pg_type type;

	if (shape && column < shape->columns && shape->column_types[column].oid == oid)
		return shape->column_types[column];
	type = type_by_oid(oid);
	type.oid = oid;
	return type;
}

static void encoder_write_int8_as_text(struct encoder *encoder)
{
	for (unsigned i = 0; i < encoder->count; i++)
		encoder->columns[i].type = type_as_text(encoder->columns[i].type);
}

void encoder_begin(struct encoder *encoder, const PGresult *result, const struct shape *shape)
{
	unsigned count = (unsigned)PQnfields(result);

	if (count > encoder->room) {
		encoder->columns = realloc(encoder->columns, count * sizeof(*encoder->columns));
		assert(encoder->columns);
		encoder->room = count;
	}
	encoder->count = count;
	buf_clear(&encoder->keys);
	for (unsigned i = 0; i < count; i++) {
		const char *name = PQfname(result, (int)i);

		buf_byte(&encoder->keys, i ? ',' : '{');
		buf_json_string(&encoder->keys, name, strlen(name));
		buf_byte(&encoder->keys, ':');
		encoder->columns[i].key_end = encoder->keys.len;
		encoder->columns[i].never_null = false;
		encoder->columns[i].type = encoder_type(result, i, shape);
	}
	if (shape && shape->int8_as_text)
		encoder_write_int8_as_text(encoder);
}

void encoder_check_null(struct encoder *encoder, const PGresult *result,
			const struct statement *statement)
{
	for (unsigned i = 0; i < encoder->count; i++)
		for (unsigned k = 0; k < statement->never_null_count; k++)
			if (text_is(statement->never_null[k], PQfname(result, (int)i)))
				encoder->columns[i].never_null = true;
}

bool encoder_row(const struct encoder *encoder, const PGresult *result, int row, struct buf *out)
{
	size_t key = 0;
	bool fits = true;

	assert((unsigned)PQnfields(result) == encoder->count);
	for (unsigned i = 0; i < encoder->count; i++) {
		const struct encode_column *column = &encoder->columns[i];

		buf_add(out, encoder->keys.ptr + key, column->key_end - key);
		key = column->key_end;
		if (PQgetisnull(result, row, (int)i)) {
			buf_literal(out, "null");
			fits &= !column->never_null;
			continue;
		}
		fits &= type_to_json(out, column->type, PQgetvalue(result, row, (int)i),
				     (size_t)PQgetlength(result, row, (int)i));
	}
	if (encoder->count == 0)
		buf_byte(out, '{');
	buf_byte(out, '}');
	return fits;
}

const char *encoder_null_of(const struct encoder *encoder, const PGresult *result, int row)
{
	for (unsigned i = 0; i < encoder->count; i++)
		if (encoder->columns[i].never_null && PQgetisnull(result, row, (int)i))
			return PQfname(result, (int)i);
	return NULL;
}
