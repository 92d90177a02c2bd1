/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of jobs: read back by each instance of a cluster, and by none of another one. */
#include "write/jobs/job_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DIGITS "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

static const uint8_t key[SIGN_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[SIGN_KEY_BYTES] = { 1, 2, 4 };

static void an_id_is_read_back_by_each_instance_with_the_key(void **state)
{
	static const struct job_number numbers[] = {
		{ 1, 0 }, { 1, -1 }, { 2, 7 }, { INT64_MAX, INT32_MIN }, { 1234567890123, 42 },
	};
	struct job_ids *writer = job_ids_new(key), *reader = job_ids_new(key);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char id[JOB_ID_CHARS + 1];
		struct job_number read;

		job_id_write(writer, numbers[i], id);

		assert_int_equal(strlen(id), JOB_ID_CHARS);
		assert_int_equal(strspn(id, DIGITS), JOB_ID_CHARS);
		assert_true(job_id_read(reader, text_of(id), &read));
		assert_int_equal(read.n, numbers[i].n);
		assert_int_equal(read.mark, numbers[i].mark);
	}
	job_ids_free(writer);
	job_ids_free(reader);
}

/* What is in the rows of clients must be readable after each upgrade. */
static void ids_are_the_same_in_every_version(void **state)
{
	struct job_ids *ids = job_ids_new(key);
	char id[JOB_ID_CHARS + 1];

	job_id_write(ids, (struct job_number){ 1, 2 }, id);
	assert_string_equal(id, "00T610KS37A2GTWV8KAA71BYKD");
	job_ids_free(ids);
}

static void an_id_of_another_cluster_is_none_of_this_one(void **state)
{
	struct job_ids *ids = job_ids_new(key), *others = job_ids_new(other_key);
	struct job_number read;
	char id[JOB_ID_CHARS + 1];

	for (int64_t n = 1; n < 1000; n++) {
		job_id_write(others, (struct job_number){ n, (int32_t)n }, id);
		assert_false(job_id_read(ids, text_of(id), &read));
	}
	job_ids_free(ids);
	job_ids_free(others);
}

static void each_digit_counts(void **state)
{
	struct job_ids *ids = job_ids_new(key);
	struct job_number read;
	char id[JOB_ID_CHARS + 1];

	job_id_write(ids, (struct job_number){ 5, 6 }, id);
	for (unsigned i = 0; i < JOB_ID_CHARS; i++) {
		char right = id[i];

		id[i] = right == '1' ? '2' : '1';
		assert_false(job_id_read(ids, text_of(id), &read));
		id[i] = right;
	}
	assert_true(job_id_read(ids, text_of(id), &read));
	job_ids_free(ids);
}

static void what_is_no_id_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"7",
		"0000000000000000000000000",
		"000000000000000000000000000",
		"80000000000000000000000000",
		"ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
		"0000000000000000000000000u",
		"0000000000000000000000000I",
		"0000000000000000000000000/",
		"0000000000000000000000000\xff",
	};
	struct job_ids *ids = job_ids_new(key);
	struct job_number read;
	char id[JOB_ID_CHARS + 1];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(job_id_read(ids, text_of(texts[i]), &read));
	assert_false(job_id_read(ids, (struct text){ "0000000000000000000000000\0", 26 }, &read));
	job_id_write(ids, (struct job_number){ 3, 4 }, id);
	for (unsigned i = 0; i < JOB_ID_CHARS; i++)
		if (id[i] >= 'A')
			id[i] = (char)(id[i] - 'A' + 'a');
	assert_false(job_id_read(ids, text_of(id), &read));
	job_ids_free(ids);
}

/* One that was ours, of a job that a failover undid: its number is given again. */
static void the_same_number_with_another_mark_has_another_id(void **state)
{
	struct job_ids *ids = job_ids_new(key);
	char one[JOB_ID_CHARS + 1], other[JOB_ID_CHARS + 1];

	job_id_write(ids, (struct job_number){ 9, 1 }, one);
	job_id_write(ids, (struct job_number){ 9, 2 }, other);
	assert_string_not_equal(one, other);
	job_ids_free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_read_back_by_each_instance_with_the_key),
		cmocka_unit_test(ids_are_the_same_in_every_version),
		cmocka_unit_test(an_id_of_another_cluster_is_none_of_this_one),
		cmocka_unit_test(each_digit_counts),
		cmocka_unit_test(what_is_no_id_is_refused),
		cmocka_unit_test(the_same_number_with_another_mark_has_another_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
