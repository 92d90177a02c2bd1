/* SPDX-License-Identifier: Apache-2.0 */
/* Types as FORMS_QUERY tells them: what stories and the fuzzer of values are about. */
#pragma once

#include "base/buf.h"

#include <stddef.h>

enum {
	OID_YEAR = 20000, /* a domain over int */
	OID_YEARS,        /* an array of it */
	OID_GRID,         /* a domain over int[] */
	OID_GRIDS,        /* an array of that */
	OID_PLACE,        /* a composite */
	OID_PLACES,
	OID_PERSON,
	OID_HOME, /* a domain over place */
	OID_HSTORE,
	OID_NOTHING, /* a composite without fields */
	OID_SPOTS,   /* an array of a composite whose delimiter is ; */
	OID_SPOT,
	OID_LABELS, /* a composite of an hstore and a box[] */
};

struct form_of_tests {
	unsigned oid;
	const char *name, *kind;
	unsigned inner;
	const char *delimiter, *fields;
};

#define PLACE_FIELDS                                                                               \
	"[\"street\",25],[\"n\\\"o\",20000],[\"tags\",1009],[\"big\",20],[\"doc\",3802]"
#define PERSON_FIELDS "[\"name\",25],[\"home\",20007],[\"others\",20005]"

static const struct form_of_tests forms_of_tests[] = {
	{ OID_YEAR, "year", "d", 23, ",", "" },
	{ OID_YEARS, "year[]", "a", OID_YEAR, ",", "" },
	{ OID_GRID, "grid", "d", 1007, ",", "" },
	{ OID_GRIDS, "grid[]", "a", OID_GRID, ",", "" },
	{ OID_PLACE, "place", "c", 0, ",", PLACE_FIELDS },
	{ OID_PLACES, "place[]", "a", OID_PLACE, ",", "" },
	{ OID_PERSON, "person", "c", 0, ",", PERSON_FIELDS },
	{ OID_HOME, "home", "d", OID_PLACE, ",", "" },
	{ OID_HSTORE, "hstore", "h", 0, ",", "" },
	{ OID_NOTHING, "nothing", "c", 0, ",", "" },
	{ OID_SPOTS, "spot[]", "a", OID_SPOT, ";", "" },
	{ OID_SPOT, "spot", "c", 0, ",", "[\"x\",701],[\"y\",701]" },
	{ OID_LABELS, "labels", "c", 0, ",", "[\"map\",20008],[\"boxes\",1020]" },
};

static inline void form_write(struct buf *answer, const struct form_of_tests *form)
{
	buf_printf(answer,
		   "%s{\"form\":{\"oid\":%u,\"name\":\"%s\",\"kind\":\"%s\",\"inner\":%u,"
		   "\"delimiter\":\"%s\",\"fields\":[%s]}}",
		   answer->len ? "," : "", form->oid, form->name, form->kind, form->inner,
		   form->delimiter, form->fields);
}

/* The rows of an answer, with all of them. */
static inline struct text forms_write(struct buf *answer)
{
	for (size_t i = 0; i < sizeof(forms_of_tests) / sizeof(forms_of_tests[0]); i++)
		form_write(answer, &forms_of_tests[i]);
	return (struct text){ answer->ptr, answer->len };
}
