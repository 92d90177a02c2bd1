/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of both catalogs are made one after the other, and compared as texts. */
#include "cmd/check_against.h"

#include "cmd/openapi_document.h"

#include <string.h>

/* Both documents have it: that another is served changes both alike. */
#define AGAINST_USER_HEADER "X-User-Id"

static void against_json(struct buf *json, const struct diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_line *line = &diff->lines[i];

		buf_printf(json, "%s{\"kind\":\"%s\",\"name\":", i ? "," : "",
			   line->breaking ? "breaking" : "compatible");
		buf_json_string(json, line->name, strlen(line->name));
		buf_literal(json, ",\"why\":");
		buf_json_string(json, line->why, strlen(line->why));
		buf_byte(json, '}');
	}
}

static bool against_compare(const struct options *options, const struct buf *old,
			    const struct buf *new, struct findings *findings, struct buf *json)
{
	struct openapi_changes *changes;
	char error[512];
	bool is_fine;

	changes = openapi_changes_new(options->against, (struct text){ old->ptr, old->len },
				      (struct text){ new->ptr, new->len }, error, sizeof(error));
	if (!changes) {
		findings_trouble(findings, "%s", error);
		return false;
	}
	if (options->json)
		against_json(json, openapi_changes_diff(changes));
	else
		openapi_changes_print(changes);
	is_fine = !diff_breaking(openapi_changes_diff(changes));
	openapi_changes_free(changes);
	return is_fine;
}

bool check_against(const struct options *options, const char *primary, struct catalog *catalog,
		   struct findings *findings, struct buf *json)
{
	struct openapi_form form = { primary, AGAINST_USER_HEADER, false };
	struct buf old, new;
	bool is_fine;

	buf_init(&old);
	buf_init(&new);
	is_fine = openapi_document_of(&old, &form, options->against, findings) &&
		  openapi_document(&new, &form, catalog, findings) &&
		  against_compare(options, &old, &new, findings, json);
	buf_fini(&old);
	buf_fini(&new);
	return is_fine;
}
