/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is asked of PostgreSQL: the types of our own tables are known. */
#include "write/jobs/job_statement.h"

#include "pg/sqlstate.h"

#include <string.h>

void job_statement_make(struct statement *statement, const char *name, const char *text,
			struct job_types params, struct job_types columns)
{
	statement_make_known(statement, name, text, (struct oids){ params.oids, params.count },
			     (struct oids){ columns.oids, columns.count });
}

/* No such schema, table or column, or no right to it. */
static bool job_statement_lacks_table(const struct call *call)
{
	const char *sqlstate = call->error.sqlstate;

	return call->frame_end != FRAME_RAISED &&
	       (strncmp(sqlstate, "42", 2) == 0 || strcmp(sqlstate, "3F000") == 0);
}

void job_statement_explain(struct command *command)
{
	sqlstate_explain(command->request, &command->call, true, (struct text){ NULL, 0 });
	if (job_statement_lacks_table(&command->call))
		request_fail(command->request, OUTCOME_QUERY_FAILED,
			     "jobs cannot be kept: run cqrsd migrate, and give the role its "
			     "rights");
}

bool job_document_take(struct text *row, const char *before, int64_t *number)
{
	size_t len = strlen(before), at = len;
	int64_t read = 0;

	if (row->len < len || memcmp(row->ptr, before, len) != 0)
		return false;
	while (at < row->len && byte_is_digit(row->ptr[at]))
		read = read * 10 + (row->ptr[at++] - '0');
	if (at == len || at == row->len || row->ptr[at] != ',')
		return false;
	*number = read;
	row->ptr += at + 1;
	row->len -= at + 1;
	return true;
}

int64_t job_row_number(const struct json *row, const char *key)
{
	const struct json *member = json_get(row, key);
	struct text text = member ? json_source(member) : TEXT("");
	int64_t number = 0;

	for (size_t i = 0; i < text.len && byte_is_digit(text.ptr[i]); i++)
		number = number * 10 + (text.ptr[i] - '0');
	return number;
}

bool job_row_is(const struct json *row, const char *key)
{
	const struct json *member = json_get(row, key);

	return member && json_kind(member) == JSON_BOOL && json_bool(member);
}
