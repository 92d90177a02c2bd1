/* SPDX-License-Identifier: Apache-2.0 */
/* What all documents have in common: headers of requests and answers, the problem, jobs, and the
 * paths that are of no operation. */
#pragma once

#include "catalog/openapi/writer.h"

#include <stdbool.h>

/* The members "parameters", "headers" and "securitySchemes" of the open
 * components: those that all before refers to. */
void parts_write(struct writer *writer, const char *user_header);
/* The response that is the default of all, into the open object "responses". */
void parts_write_responses(struct writer *writer);
/* Schemas that operations refer to, into the open object "schemas". */
void parts_write_schemas(struct writer *writer, bool has_jobs);
/* The paths that are of no operation, into the open object "paths": /openapi.json; and, where there
 * are jobs, /v1/jobs/{id} and its events. */
void parts_write_paths(struct writer *writer, bool has_jobs);
