/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of a result of the fake libpq. */
#include "fake_libpq_result.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* --- results --------------------------------------------------------------------------------- */

int PQconsumeInput(PGconn *conn)
{
	uint64_t count;

	assert(conn->open);
	while (read(conn->fd, &count, sizeof(count)) > 0)
		;
	return !fake_use_fails(&conn->lost) && !conn->lost;
}

int PQisBusy(PGconn *conn)
{
	return conn->first && !conn->null_due && !conn->first->answered && !conn->lost;
}

int PQsetSingleRowMode(PGconn *conn)
{
	if (!conn->first || conn->first->kind != EXECUTE || conn->null_due)
		return 0;
	conn->first->single_row = true;
	return 1;
}

static struct pg_result *result_new(ExecStatusType status)
{
	struct pg_result *result = calloc(1, sizeof(*result));

	assert(result);
	result->status = status;
	return result;
}

static void result_own(struct pg_result *result, unsigned column, const char *text)
{
	result->rows = 1;
	result->columns = 3;
	result->is_own = true;
	result->own[column] = text;
	if (text)
		result->lengths[column] =
			snprintf(result->cells[column], sizeof(result->cells[0]), "%s", text);
}

static void result_own_lsn(struct pg_result *result, unsigned column, uint64_t lsn)
{
	uint64_t bytes = htobe64(lsn);

	result->own[column] = lsn != 0;
	memcpy(result->cells[column], &bytes, sizeof(bytes));
	result->lengths[column] = sizeof(bytes);
}

static void result_own_look(struct pg_result *result, const char *name)
{
	uint32_t told = fake_server.waits ? -fake_server.timeline : fake_server.timeline;
	uint32_t timeline = htobe32(told);
	bool exact = fake_server.stands && !strcmp(name, "stands");

	result_own(result, 0, fake_server.in_recovery ? "\1" : "");
	result->lengths[0] = 1;
	result_own_lsn(result, 1, fake_server.lsn);
	fake_server.clock_us += fake_server.takes_us;
	result_own_lsn(result, 2, (uint64_t)fake_server.clock_us);
	if (!strcmp(name, "probe"))
		return;
	result_own_lsn(result, 3, exact ? fake_server.lsn : fake_server.received);
	result->own[4] = fake_server.timeline != 0 || fake_server.unsent;
	memcpy(result->cells[4], &timeline, sizeof(timeline));
	result->lengths[4] = sizeof(timeline);
	result->columns = 5;
}

static bool result_of_own(struct pg_result *result, const struct pg_conn *conn, const char *name)
{
	char text[32];

	if (IS_LOOK(name)) {
		result_own_look(result, name);
	} else if (strcmp(name, "xid") == 0 || strcmp(name, "end") == 0) {
		result_own(result, 0, fake_server.wrote ? "t" : "f");
		result_own(result, 1, fake_server.asynchronous ? "16777216" : NULL);
		result_own(result, 2, "8192");
		snprintf(text, sizeof(text), "%" PRId64, fake_server.takes_us);
		result_own(result, 3, text);
		result->columns = 4;
	} else if (strcmp(name, "position") == 0) {
		snprintf(text, sizeof(text), "0/%" PRIX64, fake_server.lsn);
		result_own(result, 0, text);
		snprintf(text, sizeof(text), "0/%" PRIX64, fake_server.insert);
		result_own(result, 1, text);
		result_own(result, 2, "00000007");
		result_own(result, 3, fake_server.temporary ? "16390" : "0");
		result->columns = 4;
	} else if (strcmp(name, "jobs") == 0) {
		fake_server.clock_us += fake_server.takes_us;
		snprintf(text, sizeof(text), "%" PRId64, fake_server.clock_us);
		result_own(result, 0, text);
		result->columns = 4;
	} else if (strcmp(name, "backend") == 0) {
		snprintf(text, sizeof(text), "%d", fake_backend(conn_number(conn)));
		result_own(result, 0, text);
		result->columns = 1;
	} else if (strcmp(name, "leaves") == 0) {
		result_own(result, 0, NULL);
		snprintf(text, sizeof(text), "%u", fake_server.session_state);
		result_own(result, 1, text);
		result->columns = 2;
	} else {
		return !strcmp(name, "timeout") || !strcmp(name, "notice") ||
		       !strcmp(name, "claims") || !strcmp(name, "limits") ||
		       !strcmp(name, "savepoint") || !strcmp(name, "back") ||
		       !strcmp(name, "reset") || !strcmp(name, "look") || !strcmp(name, "look2") ||
		       !strcmp(name, "job") || !strcmp(name, "constraints") ||
		       !strcmp(name, "role") || !strcmp(name, "outer") ||
		       !strcmp(name, "release") || !strcmp(name, "seqscan") ||
		       !strcmp(name, "bitmapscan") || !strcmp(name, "sort") || !strcmp(name, "jit");
	}
	return true;
}

static void result_greet(struct pg_result *result, const struct pg_conn *conn)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", fake_backend(conn_number(conn)));
	result_own(result, 0, text);
	snprintf(text, sizeof(text), "%" PRId64, fake_server.started_us);
	result_own(result, 1, text);
	result_own(result, 2, strcmp(fake_server.time_zone, "UTC") == 0 ? "t" : "f");
}

static void result_take_cell(struct pg_result *result, const char *cells, unsigned row)
{
	while (row--)
		cells = strchr(cells, ',') + 1;
	if (*cells != '~')
		result->long_cell = strndup(cells, strcspn(cells, ","));
}

static struct pg_result *conn_rows(struct pg_conn *conn, struct message *message)
{
	struct pg_result *result = result_new(message->status);
	unsigned left = message->answer.rows - message->row;

	result->answer = message->answer;
	if (message->kind == GREETING) {
		result_greet(result, conn);
		conn->null_due = true;
		return result;
	}
	if (message->kind == EXECUTE && result_of_own(result, conn, message->name)) {
		conn->null_due = true;
		return result;
	}
	assert(message->kind != EXECUTE || message->single_row || !message->answer.rows);
	result->columns = 1;
	if (message->answer.cell_bytes) {
		result->long_cell = malloc(message->answer.cell_bytes + 1);
		memset(result->long_cell, 'y', message->answer.cell_bytes);
		result->long_cell[message->answer.cell_bytes] = '\0';
	}
	if (message->answer.cells && left)
		result_take_cell(result, message->answer.cells, message->row);
	if (message->single_row && left) {
		message->row++;
		result->status = PGRES_SINGLE_TUPLE;
		result->rows = 1;
		return result;
	}
	conn->null_due = true;
	return result;
}

static struct pg_result *conn_lost_result(struct pg_conn *conn)
{
	while (conn->first)
		conn_drop_message(conn);
	return result_new(PGRES_FATAL_ERROR);
}

PGresult *PQgetResult(PGconn *conn)
{
	struct message *message = conn->first;
	struct pg_result *result;

	if (!message)
		return NULL;
	if (conn->null_due) {
		conn->null_due = false;
		if (message->kind != SYNC)
			conn_drop_message(conn);
		return NULL;
	}
	if (!message->answered)
		return conn_lost_result(conn);
	if (message->kind == SYNC && !message->error_told && fake_server.sync_error) {
		message->error_told = conn->null_due = true;
		result = result_new(PGRES_FATAL_ERROR);
		result->answer = error_with(fake_server.sync_error);
		result->answer.severity = fake_server.sync_severity;
		fake_server.sync_error = NULL;
		return result;
	}
	if (message->kind == SYNC) {
		conn_drop_message(conn);
		return result_new(PGRES_PIPELINE_SYNC);
	}
	if (message->status == PGRES_TUPLES_OK)
		return conn_rows(conn, message);
	conn->null_due = true;
	result = result_new(message->status);
	result->answer = message->answer;
	result->columns = message->kind == DESCRIBE;
	return result;
}
