/* SPDX-License-Identifier: Apache-2.0 */
/* The openapi verb: the document of all operations, by what the primary says of them. */
#include "catalog/openapi/openapi.h"

#include "cmd/check_findings.h"
#include "cmd/check_not_null.h"
#include "cmd/openapi_facts.h"
#include "cmd/start.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

/* The words of --int8. */
enum { OPENAPI_INT8_NUMBER, OPENAPI_INT8_STRING };

struct documenting {
	const struct options *options;
	struct findings findings;
	struct openapi_asker asker;
	struct openapi_item items[OPERATIONS_MAX];
	struct facts facts[OPERATIONS_MAX]; /* [count] */
	unsigned count;
};

/* Without its tree an operation is described all the same, but for its columns. */
static void openapi_warn(struct documenting *documenting, const struct operation *operation,
			 const struct facts *facts)
{
	const struct json *why = json_get(facts->json, "why");

	if (!facts->query && why && json_kind(why) == JSON_STRING && operation->rows != ROWS_EXEC)
		findings_warning(&documenting->findings, operation->text_place,
				 "its columns are not in the document: %s", json_text(why).ptr);
}

/* False: it is among the findings. */
static bool openapi_gather(struct documenting *documenting, const struct operation *operation)
{
	struct facts *facts = &documenting->facts[documenting->count];
	const char *answer =
		openapi_asker_ask(&documenting->asker, operation, &documenting->findings);

	if (!answer)
		return false;
	if (!facts_read(facts, text_of(answer), &documenting->asker.asker.arena)) {
		findings_trouble(&documenting->findings, "%s: an answer that cannot be read",
				 operation->name);
		return false;
	}
	openapi_warn(documenting, operation, facts);
	check_not_null_of(operation, facts, &documenting->findings);
	documenting->items[documenting->count++] = (struct openapi_item){ operation, facts };
	return true;
}

static void openapi_print(struct documenting *documenting, const struct catalog *catalog)
{
	struct buf out;

	if (!openapi_asker_open(&documenting->asker, documenting->options->primary,
				&documenting->findings))
		return;
	for (unsigned i = 0; i < catalog->count; i++)
		if (!openapi_gather(documenting, &catalog->operations[i]) &&
		    documenting->findings.troubles)
			break;
	if (documenting->count == catalog->count && !documenting->findings.errors) {
		buf_init(&out);
		openapi_write(&out, documenting->items, documenting->count,
			      documenting->options->user_header);
		fwrite(out.ptr, 1, out.len, stdout);
		buf_fini(&out);
	}
	for (unsigned i = 0; i < documenting->count; i++)
		facts_fini(&documenting->facts[i]);
	openapi_asker_close(&documenting->asker);
}

int openapi_main(int argc, char **argv)
{
	static struct documenting documenting;
	struct options options;
	struct catalog *catalog;
	struct buf errors;
	int code;

	if (!start_options(&options, VERB_OPENAPI, "openapi", argc, argv, &code))
		return code;
	documenting.options = &options;
	findings_init(&documenting.findings, "openapi", options.catalog);
	buf_init(&errors);
	catalog = catalog_load(options.catalog, NULL, &errors);
	if (catalog) {
		catalog_set_int8(catalog, options.int8 == OPENAPI_INT8_STRING);
		openapi_print(&documenting, catalog);
		catalog_let_go(catalog);
	} else {
		findings_lines(&documenting.findings, &errors);
	}
	code = documenting.findings.usage    ? EXIT_USAGE
	       : documenting.findings.errors ? EXIT_FAILED
					     : EXIT_DONE;
	buf_fini(&errors);
	findings_fini(&documenting.findings);
	return code;
}
