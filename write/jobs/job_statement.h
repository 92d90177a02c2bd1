/* SPDX-License-Identifier: Apache-2.0 */
/* What the statements on tables of jobs share: types, documents, what a refusal of them means. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/text.h"
#include "write/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BOOLOID = 16,
	INT8OID = 20,
	INT2OID = 21,
	INT4OID = 23,
	TEXTOID = 25,
	JSONOID = 114,
	JSONARRAYOID = 199,
	FLOAT8OID = 701,
	BOOLARRAYOID = 1000,
	INT2ARRAYOID = 1005,
	INT4ARRAYOID = 1007,
	TEXTARRAYOID = 1009,
	INT8ARRAYOID = 1016,
	TIMESTAMPTZOID = 1184,
	TIMESTAMPTZARRAYOID = 1185,
};

/* Bytes of the longest order_key; a longer value is known by its hash. */
#define JOB_ORDER_KEY_BYTES 200
/* In SQL, of a value as it is bound: NULL of NULL, which has no order. */
#define JOB_ORDER_KEY(value)                                                                       \
	"CASE WHEN octet_length(" value ") > 200 THEN 'md5 ' || md5(" value ") ELSE " value " END"

/* In SQL: column tenant of a new row; migrations/011_job_tenant.sql. */
#define JOB_TENANT(caller, user) "cqrsd.job_tenant(" caller ", " user ")"

struct job_types {
	const uint32_t *oids; /* [count] */
	unsigned count;
};

/* Once per process, for a statement that lives as long; texts are borrowed. */
void job_statement_make(struct statement *statement, const char *name, const char *text,
			struct job_types params, struct job_types columns);
/* As command_form.explain: without the tables, or rights on them, there are no jobs. */
void job_statement_explain(struct command *command);

/* A document of a job, {"job":{"id":"…",…}}, and how its row goes on. */
#define JOB_DOCUMENT_BEGINS "{\"job\":"
#define JOBS_DOCUMENT_BEGINS "{\"jobs\":["
#define JOB_ROW_BEGINS "{\"id\":\""

/* Takes a member with a whole number off the front of a row, with the comma: before is what stands
 * there. */
bool job_document_take(struct text *row, const char *before, int64_t *number) must_check;

/* A whole number of ours, which is not negative; 0: there is none. */
int64_t job_row_number(const struct json *row, const char *key) must_check;
/* Is it there, and true? */
bool job_row_is(const struct json *row, const char *key) must_check;
