/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document of a catalog by what the primary says, and what changed since another. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "catalog/catalog.h"
#include "catalog/openapi/diff.h"
#include "cmd/check_findings.h"

#include <stdbool.h>

/* How the service is to be started. */
struct openapi_form {
	const char *primary;     /* conninfo */
	const char *user_header; /* as in --user-header */
	bool int8_as_text;       /* as in --int8 */
};

/* Appends the document. False: why not is among the findings. */
bool openapi_document(struct buf *out, const struct openapi_form *form, struct catalog *catalog,
		      struct findings *findings) must_check;
/* What of a folder, likewise. */
bool openapi_document_of(struct buf *out, const struct openapi_form *form, const char *folder,
			 struct findings *findings) must_check;
/*
 * Compares two texts; old_name: what messages call the old one. NULL: that one of them is no
 * document is in error. The caller frees both the comparison and what it borrows with
 * openapi_changes_free.
 */
struct openapi_changes *openapi_changes_new(const char *old_name, struct text old, struct text new,
					    char *error, size_t error_room) must_check;
void openapi_changes_free(struct openapi_changes *changes);
const struct diff *openapi_changes_diff(const struct openapi_changes *changes);
/* "breaking NAME: why" and "compatible NAME: why" on stdout. */
void openapi_changes_print(const struct openapi_changes *changes);
