/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator: reads its options, runs, reports. `loadgen --help` is its manual. */
#include "bench/load.h"
#include "bench/load_report.h"

#include <stdio.h>
#include <stdlib.h>

static struct load_options options;

static int loadgen_end(struct buf *out, int status)
{
	if (fwrite(out->ptr, 1, out->len, stdout) != out->len || fflush(stdout))
		status = 1;
	buf_fini(out);
	return status;
}

static int loadgen_fail(const char *error, int status)
{
	fprintf(stderr, "loadgen: %s\n", error);
	return status;
}

int main(int argc, char **argv)
{
	struct load_results *results;
	struct load *load;
	struct buf out;
	char error[512] = "";

	buf_init(&out);
	if (!load_options_read(&options, argc, argv, error, sizeof(error)))
		return loadgen_fail(error, 2);
	if (options.help) {
		load_options_help(&out);
		return loadgen_end(&out, 0);
	}
	load = load_new(&options, error, sizeof(error));
	if (!load)
		return loadgen_fail(error, 1);
	results = load_results_new();
	if (!load_run(load, results, error, sizeof(error)))
		return loadgen_fail(error, 1);
	if (options.json)
		load_report_json(&options, results, &out);
	else
		load_report_table(&options, results, &out);
	load_free(load);
	free(results);
	return loadgen_end(&out, 0);
}
