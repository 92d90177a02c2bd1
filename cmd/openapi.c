/* SPDX-License-Identifier: Apache-2.0 */
/* The openapi verb: the document of all operations, or what changed since an older one. */
#include "cmd/openapi_document.h"

#include "base/limits.h"
#include "cmd/start.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The words of --int8. */
enum { OPENAPI_INT8_NUMBER, OPENAPI_INT8_STRING };

#define READ_BYTES 65536

/* False: it cannot be read; said on stderr. */
static bool openapi_read_old(struct buf *out, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t got;

	if (!file) {
		fprintf(stderr, "cqrsd openapi: %s: %s\n", path, strerror(errno));
		return false;
	}
	do {
		got = fread(buf_reserve(out, READ_BYTES), 1, READ_BYTES, file);
		out->len += got;
	} while (got > 0 && out->len <= OPENAPI_OLD_BYTES_MAX);
	if (ferror(file))
		fprintf(stderr, "cqrsd openapi: %s: %s\n", path, strerror(errno));
	else if (out->len > OPENAPI_OLD_BYTES_MAX)
		fprintf(stderr, "cqrsd openapi: %s: more than %d bytes\n", path,
			OPENAPI_OLD_BYTES_MAX);
	got = ferror(file) ? 1 : 0;
	fclose(file);
	return !got && out->len <= OPENAPI_OLD_BYTES_MAX;
}

static int openapi_compare(const char *path, const struct buf *old, const struct buf *new)
{
	struct openapi_changes *changes;
	char error[512];
	int code;

	changes = openapi_changes_new(path, (struct text){ old->ptr ? old->ptr : "", old->len },
				      (struct text){ new->ptr, new->len }, error, sizeof(error));
	if (!changes) {
		fprintf(stderr, "cqrsd openapi: %s\n", error);
		return EXIT_USAGE;
	}
	openapi_changes_print(changes);
	code = diff_breaking(openapi_changes_diff(changes)) ? EXIT_FAILED : EXIT_DONE;
	openapi_changes_free(changes);
	return code;
}

static int openapi_run(const struct options *options, const struct buf *old)
{
	struct openapi_form form = { options->primary, options->user_header,
				     options->int8 == OPENAPI_INT8_STRING };
	struct findings findings;
	struct buf out;
	int code = EXIT_DONE;

	findings_init(&findings, "openapi", options->catalog);
	buf_init(&out);
	if (!openapi_document_of(&out, &form, options->catalog, &findings))
		code = findings.usage ? EXIT_USAGE : EXIT_FAILED;
	else if (options->diff)
		code = openapi_compare(options->diff, old, &out);
	else
		fwrite(out.ptr, 1, out.len, stdout);
	buf_fini(&out);
	findings_fini(&findings);
	return code;
}

int openapi_main(int argc, char **argv)
{
	struct options options;
	struct buf old;
	int code;

	if (!start_options(&options, VERB_OPENAPI, "openapi", argc, argv, &code))
		return code;
	buf_init(&old);
	if (options.diff && !openapi_read_old(&old, options.diff))
		code = EXIT_USAGE;
	else
		code = openapi_run(&options, &old);
	buf_fini(&old);
	return code;
}
