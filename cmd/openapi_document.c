/* SPDX-License-Identifier: Apache-2.0 */
/* Without the facts of one of the operations there is no document. */
#include "cmd/openapi_document.h"

#include "catalog/openapi/openapi.h"
#include "cmd/check_not_null.h"
#include "cmd/openapi_known.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct openapi_changes {
	struct diff diff;
	struct json *old, *new;
};

/* --- a document ------------------------------------------------------------------------------- */

/* Without its tree an operation is described all the same, but for its columns. */
static void openapi_warn(const struct openapi_item *item, struct findings *findings)
{
	const struct json *why = json_get(item->facts->json, "why");

	if (!item->facts->query && why && json_kind(why) == JSON_STRING &&
	    item->operation->rows != ROWS_EXEC)
		findings_warning(findings, item->operation->text_place,
				 "its columns are not in the document: %s", json_text(why).ptr);
}

bool openapi_document(struct buf *out, const struct openapi_form *form, struct catalog *catalog,
		      struct findings *findings)
{
	unsigned errors = findings->errors, count;
	const struct openapi_item *items;
	struct known *known;

	catalog_set_int8(catalog, form->int8_as_text);
	known = known_ask(catalog, form->primary, NULL, findings);
	if (!known)
		return false;
	items = known_items(known, &count);
	for (unsigned i = 0; i < count; i++) {
		openapi_warn(&items[i], findings);
		check_not_null_of(items[i].operation, items[i].facts, findings);
	}
	if (findings->errors == errors)
		openapi_write(out, items, count, form->user_header);
	known_free(known);
	return findings->errors == errors;
}

bool openapi_document_of(struct buf *out, const struct openapi_form *form, const char *folder,
			 struct findings *findings)
{
	struct catalog *catalog;
	struct buf errors;
	bool is_whole = false;

	buf_init(&errors);
	catalog = catalog_load(folder, NULL, &errors);
	if (catalog) {
		is_whole = openapi_document(out, form, catalog, findings);
		catalog_let_go(catalog);
	} else {
		findings_lines(findings, &errors);
	}
	buf_fini(&errors);
	return is_whole;
}

/* --- two of them ------------------------------------------------------------------------------ */

/* NULL: the place and why are in error. */
static struct json *openapi_changes_read(const char *name, struct text text, char *error,
					 size_t error_room)
{
	struct json_error why;
	struct json *json = json_read(text, &why);

	if (!json)
		snprintf(error, error_room, "%s:%u:%u: %s", name, why.line, why.column, why.text);
	return json;
}

struct openapi_changes *openapi_changes_new(const char *old_name, struct text old, struct text new,
					    char *error, size_t error_room)
{
	struct openapi_changes *changes = calloc(1, sizeof(*changes));
	char why[256];

	assert(changes);
	changes->old = openapi_changes_read(old_name, old, error, error_room);
	changes->new = changes->old ? openapi_changes_read("new", new, error, error_room) : NULL;
	if (!changes->new) {
		if (changes->old)
			json_free(changes->old);
		free(changes);
		return NULL;
	}
	if (diff_documents(&changes->diff, changes->old, changes->new, why, sizeof(why)))
		return changes;
	snprintf(error, error_room, "%s: %s", old_name, why);
	openapi_changes_free(changes);
	return NULL;
}

void openapi_changes_free(struct openapi_changes *changes)
{
	diff_fini(&changes->diff);
	json_free(changes->old);
	json_free(changes->new);
	free(changes);
}

const struct diff *openapi_changes_diff(const struct openapi_changes *changes)
{
	return &changes->diff;
}

void openapi_changes_print(const struct openapi_changes *changes)
{
	for (size_t i = 0; i < changes->diff.count; i++) {
		const struct diff_line *line = &changes->diff.lines[i];

		printf("%s %s: %s\n", line->breaking ? "breaking" : "compatible", line->name,
		       line->why);
	}
}
