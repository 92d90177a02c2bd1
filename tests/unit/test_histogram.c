/* SPDX-License-Identifier: Apache-2.0 */
/* What a histogram says of times that are known exactly. */
/* links: bench/histogram.c */
#include "bench/histogram.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

static struct histogram histogram;

static int start(void **state)
{
	histogram_init(&histogram);
	return 0;
}

static void every_time_lies_in_its_bucket_and_in_no_other(void **state)
{
	for (int64_t us = 0; us < 200000; us++) {
		unsigned bucket = histogram_bucket(us);

		assert_true(us <= histogram_bucket_end_us(bucket));
		assert_true(bucket == 0 || us > histogram_bucket_end_us(bucket - 1));
	}
	assert_int_equal(histogram_bucket(HISTOGRAM_US_MAX), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket_end_us(HISTOGRAM_BUCKETS - 1), HISTOGRAM_US_MAX);
}

static void no_bucket_is_wider_than_a_32nd_of_what_it_holds(void **state)
{
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
		int64_t least_us = histogram_bucket_end_us(i - 1) + 1;
		int64_t wide_us = histogram_bucket_end_us(i) - least_us;

		assert_true(wide_us * 32 <= least_us);
	}
}

static void quantiles_are_those_of_a_sorted_list_to_a_32nd(void **state)
{
	enum { COUNT = 20000 };
	static int64_t sorted[COUNT];
	static const double shares[] = { 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0 };
	struct random random;

	random_init(&random, 5);
	for (int i = 0; i < COUNT; i++) {
		/* From microseconds to tens of seconds, by the order of magnitude. */
		sorted[i] = (int64_t)random_below(&random,
						  UINT64_C(1) << (1 + random_below(&random, 25)));
		histogram_record(&histogram, sorted[i]);
	}
	for (int i = 1; i < COUNT; i++)
		for (int j = i; j > 0 && sorted[j - 1] > sorted[j]; j--) {
			int64_t swap = sorted[j];

			sorted[j] = sorted[j - 1];
			sorted[j - 1] = swap;
		}
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		int64_t exact = sorted[(int)ceil(shares[i] * COUNT) - 1];
		int64_t told = histogram_quantile_us(&histogram, shares[i]);

		assert_true(told >= exact);
		assert_true((told - exact) * 32 <= exact);
	}
}

static void ninety_nine_of_a_hundred_leave_the_greatest_out(void **state)
{
	for (int i = 0; i < 99; i++)
		histogram_record(&histogram, 10);
	histogram_record(&histogram, 5000);
	assert_int_equal(histogram_quantile_us(&histogram, 0.99), 10);
	assert_int_equal(histogram_quantile_us(&histogram, 0.991), 5000);
	assert_int_equal(histogram_quantile_us(&histogram, 0.0), 10);
}

static void no_records_have_no_quantiles(void **state)
{
	assert_int_equal(histogram_quantile_us(&histogram, 0.5), 0);
	assert_true(histogram_mean_us(&histogram) == 0.0);
	assert_int_equal(histogram.max_us, 0);
}

static void the_greatest_and_the_mean_are_exact_even_beyond_the_buckets(void **state)
{
	histogram_record(&histogram, -5);
	histogram_record(&histogram, INT64_C(400000001));
	assert_int_equal(histogram_quantile_us(&histogram, 1.0), 400000001);
	assert_int_equal(histogram.max_us, 400000001);
	assert_int_equal(histogram.min_us, 0);
	assert_true(fabs(histogram_mean_us(&histogram) - 200000000.5) < 0.01);
}

static void two_that_are_merged_are_as_one(void **state)
{
	static struct histogram other, both;

	histogram_init(&other);
	histogram_init(&both);
	for (int64_t us = 1; us < 3000; us += 7) {
		histogram_record(us % 2 ? &histogram : &other, us);
		histogram_record(&both, us);
	}
	histogram_merge(&histogram, &other);
	assert_memory_equal(&histogram, &both, sizeof(both));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_time_lies_in_its_bucket_and_in_no_other, start),
		cmocka_unit_test_setup(no_bucket_is_wider_than_a_32nd_of_what_it_holds, start),
		cmocka_unit_test_setup(quantiles_are_those_of_a_sorted_list_to_a_32nd, start),
		cmocka_unit_test_setup(ninety_nine_of_a_hundred_leave_the_greatest_out, start),
		cmocka_unit_test_setup(no_records_have_no_quantiles, start),
		cmocka_unit_test_setup(the_greatest_and_the_mean_are_exact_even_beyond_the_buckets,
				       start),
		cmocka_unit_test_setup(two_that_are_merged_are_as_one, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
