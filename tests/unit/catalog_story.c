/* SPDX-License-Identifier: Apache-2.0 */
/* Loads texts and keeps what was said of the last one. */
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char said[65536];

/* From memory of exactly that size, so that reading beyond it is seen. */
static struct catalog *story_load(const char *text)
{
	size_t len = strlen(text);
	char *exact = malloc(len ? len : 1);
	struct catalog *catalog;
	struct buf errors;

	assert_non_null(exact);
	memcpy(exact, text, len);
	buf_init(&errors);
	catalog = catalog_load_text("shop.sql", (struct text){ exact, len }, &errors);
	free(exact);
	assert_true(errors.len < sizeof(said));
	if (errors.len > 0)
		memcpy(said, errors.ptr, errors.len);
	said[errors.len > 0 ? errors.len - 1 : 0] = 0;
	assert_true((catalog == NULL) == (errors.len > 0));
	buf_fini(&errors);
	return catalog;
}

struct catalog *story_catalog(const char *text)
{
	struct catalog *catalog = story_load(text);

	if (!catalog)
		fail_msg("%s\nfor\n%s", said, text);
	return catalog;
}

const struct operation *story_operation(struct catalog **catalog, const char *text)
{
	*catalog = story_catalog(text);
	assert_int_equal((*catalog)->count, 1);
	return &(*catalog)->operations[0];
}

const char *story_errors(const char *text)
{
	struct catalog *catalog = story_load(text);

	if (!catalog)
		return said;
	catalog_let_go(catalog);
	return NULL;
}

void story_check(const struct story *stories, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *errors = story_errors(stories[i].text);

		if (!errors != !stories[i].errors || (errors && strcmp(errors, stories[i].errors)))
			fail_msg("\n%s\n--- is said of\n%s\n--- but expected was\n%s",
				 errors ? errors : "nothing", stories[i].text,
				 stories[i].errors ? stories[i].errors : "nothing");
	}
}
