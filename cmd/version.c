/* SPDX-License-Identifier: Apache-2.0 */
/* The version verb: of the program and of the libraries it runs with. */
#include "cmd/version.h"

#include "cmd/start.h"
#include "cmd/verbs.h"
#include "gen/revision.h"
#include "http/auth/jwks_fetch.h"
#include "http/gzip.h"
#include "http/http.h"
#include "pg/node.h"

#include <stdio.h>

const char *version_text(void)
{
	return CQRSD_VERSION;
}

const char *revision_text(void)
{
	return CQRSD_REVISION;
}

int version_main(int argc, char **argv)
{
	struct options options;
	int code;

	if (!start_options(&options, VERB_VERSION, "version", argc, argv, &code))
		return code;
	if (options.json)
		printf("{\"version\":\"%s\",\"revision\":\"%s\",\"libpq\":\"%s\","
		       "\"libmicrohttpd\":\"%s\",\"zlib\":\"%s\",\"libcurl\":\"%s\"}\n",
		       version_text(), revision_text(), node_library_version(),
		       http_library_version(), gzip_library_version(), jwks_library_version());
	else
		printf("cqrsd %s (%s)\nlibpq %s, libmicrohttpd %s, zlib %s, libcurl %s\n",
		       version_text(), revision_text(), node_library_version(),
		       http_library_version(), gzip_library_version(), jwks_library_version());
	return EXIT_DONE;
}
