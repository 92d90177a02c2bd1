/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of a result of the fake libpq. */
#include "fake_libpq_result.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *PQresultErrorMessage(const PGresult *result)
{
	return (char *)(result->answer.message ? result->answer.message : "");
}

void PQclear(PGresult *result)
{
	if (result)
		free(result->long_cell);
	free(result);
}

ExecStatusType PQresultStatus(const PGresult *result)
{
	return result->status;
}

char *PQresultErrorField(const PGresult *result, int field)
{
	const struct fake_answer *answer = &result->answer;

	if (!answer->sqlstate)
		return NULL;
	switch (field) {
	case PG_DIAG_SQLSTATE:
		return (char *)answer->sqlstate;
	case PG_DIAG_SEVERITY_NONLOCALIZED:
		return (char *)(answer->severity ? answer->severity : "ERROR");
	case PG_DIAG_MESSAGE_PRIMARY:
		return (char *)answer->message;
	case PG_DIAG_CONTEXT:
		return (char *)answer->context;
	case PG_DIAG_SOURCE_FUNCTION:
		return (char *)answer->function;
	case PG_DIAG_STATEMENT_POSITION:
		return (char *)answer->position;
	case PG_DIAG_CONSTRAINT_NAME:
		return (char *)answer->constraint;
	}
	return NULL;
}

int PQntuples(const PGresult *result)
{
	return (int)result->rows;
}

int PQnfields(const PGresult *result)
{
	return (int)result->columns;
}

char *PQfname(const PGresult *result, int column)
{
	assert(column < (int)result->columns);
	return (char *)"x";
}

Oid PQftype(const PGresult *result, int column)
{
	assert(column < (int)result->columns);
	return fake_server.column_oid ? fake_server.column_oid : 23;
}

char *PQgetvalue(const PGresult *result, int row, int column)
{
	assert(row < (int)result->rows);
	if (result->is_own)
		return (char *)result->cells[column];
	if (result->long_cell)
		return result->long_cell;
	return (char *)(result->answer.cell ? result->answer.cell : "");
}

int PQgetlength(const PGresult *result, int row, int column)
{
	if (result->is_own)
		return result->lengths[column];
	return (int)strlen(PQgetvalue(result, row, column));
}

int PQgetisnull(const PGresult *result, int row, int column)
{
	assert(row < (int)result->rows);
	if (result->is_own)
		return !result->own[column];
	return !result->answer.cell && !result->long_cell;
}

/* Only asked of a COMMIT. */
char *PQcmdStatus(PGresult *result)
{
	(void)result;
	return (char *)(fake_server.undoes ? "ROLLBACK" : "COMMIT");
}

char *PQcmdTuples(PGresult *result)
{
	static char digits[16];

	snprintf(digits, sizeof(digits), "%u", result->answer.rows);
	return digits;
}

int PQnparams(const PGresult *result)
{
	(void)result;
	return fake_server.param_oid != 0;
}

Oid PQparamtype(const PGresult *result, int param)
{
	(void)result, (void)param;
	return fake_server.param_oid;
}
