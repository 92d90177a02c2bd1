/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of a document that are of no operation, into the open object "paths". */
#pragma once

#include "catalog/openapi/writer.h"

/* /v1/jobs/{id} and its events. */
void fixed_paths_write_jobs(struct writer *writer);
/* /openapi.json. */
void fixed_paths_write_document(struct writer *writer);
