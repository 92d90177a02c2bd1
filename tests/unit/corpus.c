/* SPDX-License-Identifier: Apache-2.0 */
/* A test for cmocka that runs the inputs of a folder, in the order of their names. */
#include "corpus.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define INPUT_BYTES_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *corpus_folder;

static void corpus_run(const char *name)
{
	static uint8_t bytes[INPUT_BYTES_MAX];
	char path[512];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", corpus_folder, name);
	/* The last one named is the one that ends the program. */
	printf("%s\n", path);
	fflush(stdout);
	file = fopen(path, "rb");
	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_int_equal(LLVMFuzzerTestOneInput(bytes, size), 0);
}

static void test_no_input_of_the_corpus_ends_it(void **state)
{
	struct dirent **entries;
	int count = scandir(corpus_folder, &entries, NULL, alphasort);
	int inputs = 0;

	assert_true(count >= 0);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			corpus_run(entries[i]->d_name);
			inputs++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_true(inputs > 0);
}

int corpus_replay(const char *folder)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_input_of_the_corpus_ends_it),
	};

	corpus_folder = folder;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
