/* SPDX-License-Identifier: Apache-2.0 */
/* Counters per thread, summed on scrape. */
#include "base/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct metrics *metrics;
static struct buf text;

static int setup(void **state)
{
	metrics = metrics_new();
	buf_init(&text);
	return 0;
}

static int teardown(void **state)
{
	metrics_free(metrics);
	buf_fini(&text);
	return 0;
}

static const char *scrape(void)
{
	buf_clear(&text);
	metrics_write(&text);
	buf_byte(&text, '\0');
	return text.ptr;
}

/* The line stands in the scrape, whole. */
static void shows(const char *line)
{
	struct buf want;

	buf_init(&want);
	buf_printf(&want, "\n%s\n", line);
	buf_byte(&want, '\0');
	if (!strstr(scrape(), want.ptr))
		fail_msg("no line %s in\n%s", line, text.ptr);
	buf_fini(&want);
}

static void nothing_counted_is_nothing_shown(void **state)
{
	assert_string_equal(scrape(), "");
}

static void a_counter_adds_up_by_its_labels(void **state)
{
	const char *const *by_one = METRIC_LABELS("n1", "lost"), *const *by_two = METRIC_LABELS(
									 "n2", "lost");

	metric_add(metrics, METRIC_pool_errors_total, by_one, 1);
	metric_add(metrics, METRIC_pool_errors_total, by_one, 2);
	metric_add(metrics, METRIC_pool_errors_total, by_two, 5);
	shows("cqrsd_pool_errors_total{node=\"n1\",reason=\"lost\"} 3");
	shows("cqrsd_pool_errors_total{node=\"n2\",reason=\"lost\"} 5");
	assert_true(metrics_sum(METRIC_pool_errors_total) == 8);
	assert_int_equal(metrics_sum_of(METRIC_pool_errors_total, by_one), 3);
	assert_int_equal(metrics_sum_of(METRIC_pool_errors_total, METRIC_LABELS("n1", "x")), 0);
}

static void label_values_are_told_apart_at_their_borders(void **state)
{
	metric_add(metrics, METRIC_pool_errors_total, METRIC_LABELS("ab", "c"), 1);
	metric_add(metrics, METRIC_pool_errors_total, METRIC_LABELS("a", "bc"), 2);
	metric_add(metrics, METRIC_pool_errors_total, METRIC_LABELS("", "abc"), 4);
	shows("cqrsd_pool_errors_total{node=\"ab\",reason=\"c\"} 1");
	shows("cqrsd_pool_errors_total{node=\"a\",reason=\"bc\"} 2");
	shows("cqrsd_pool_errors_total{node=\"\",reason=\"abc\"} 4");
}

static void a_label_value_belongs_to_its_caller_and_is_copied(void **state)
{
	char node[] = "n1";

	metric_set(metrics, METRIC_replica_lag_seconds, METRIC_LABELS(node), 1);
	node[1] = '2';
	metric_set(metrics, METRIC_replica_lag_seconds, METRIC_LABELS(node), 2);
	shows("cqrsd_replica_lag_seconds{node=\"n1\"} 1");
	shows("cqrsd_replica_lag_seconds{node=\"n2\"} 2");
}

static void labels_that_lie_elsewhere_are_the_same_labels(void **state)
{
	char here[] = "n1", there[] = "n1";

	for (unsigned i = 0; i < 3; i++) {
		metric_add(metrics, METRIC_cancels_total, METRIC_LABELS(here), 1);
		metric_add(metrics, METRIC_cancels_total, METRIC_LABELS(there), 10);
	}
	shows("cqrsd_cancels_total{node=\"n1\"} 33");
}

/* More than are remembered by where their labels lie: each is counted as itself. */
static void many_that_are_counted_in_turn_are_told_apart(void **state)
{
	char nodes[300][8], line[64];

	for (unsigned i = 0; i < 300; i++)
		snprintf(nodes[i], sizeof(nodes[i]), "n%u", i);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 300; i++) {
			metric_add(metrics, METRIC_cancels_total, METRIC_LABELS(nodes[i]), i + 1);
			metric_add(metrics, METRIC_hedges_total, METRIC_LABELS(nodes[i]), 1);
		}
	for (unsigned i = 0; i < 300; i += 37) {
		snprintf(line, sizeof(line), "cqrsd_cancels_total{node=\"n%u\"} %u", i,
			 3 * (i + 1));
		shows(line);
		snprintf(line, sizeof(line), "cqrsd_hedges_total{node=\"n%u\"} 3", i);
		shows(line);
	}
}

static void a_gauge_shows_the_sum_over_threads(void **state)
{
	struct metrics *other = metrics_new();

	metric_set(metrics, METRIC_http_connections, NULL, 3);
	metric_set(other, METRIC_http_connections, NULL, 4);
	metric_set(other, METRIC_http_connections, NULL, 0.5);
	shows("cqrsd_http_connections 3.5");
	assert_true(metrics_sum(METRIC_http_connections) == 3.5);
	metrics_free(other);
	shows("cqrsd_http_connections 3");
}

static void a_forgotten_gauge_is_gone_until_it_is_set_again(void **state)
{
	metric_set(metrics, METRIC_node_up, METRIC_LABELS("n1", "replica"), 1);
	metric_set(metrics, METRIC_node_up, METRIC_LABELS("n2", "primary"), 1);
	metric_forget(metrics, METRIC_node_up);
	assert_string_equal(scrape(), "");
	metric_set(metrics, METRIC_node_up, METRIC_LABELS("n1", "primary"), 1);
	shows("cqrsd_node_up{node=\"n1\",role=\"primary\"} 1");
	assert_null(strstr(scrape(), "n2"));
	assert_null(strstr(scrape(), "replica"));
}

static void a_duration_is_in_every_bucket_it_fits(void **state)
{
	metric_observe(metrics, METRIC_loop_turn_seconds, NULL, 0);
	metric_observe(metrics, METRIC_loop_turn_seconds, NULL, 100);
	metric_observe(metrics, METRIC_loop_turn_seconds, NULL, 101);
	metric_observe(metrics, METRIC_loop_turn_seconds, NULL, 10000000);
	metric_observe(metrics, METRIC_loop_turn_seconds, NULL, 10000001);
	shows("cqrsd_loop_turn_seconds_bucket{le=\"0.0001\"} 2");
	shows("cqrsd_loop_turn_seconds_bucket{le=\"0.00025\"} 3");
	shows("cqrsd_loop_turn_seconds_bucket{le=\"5\"} 3");
	shows("cqrsd_loop_turn_seconds_bucket{le=\"10\"} 4");
	shows("cqrsd_loop_turn_seconds_bucket{le=\"+Inf\"} 5");
	shows("cqrsd_loop_turn_seconds_sum 20.000202");
	shows("cqrsd_loop_turn_seconds_count 5");
}

static void a_number_is_in_every_bucket_it_fits(void **state)
{
	metric_observe(metrics, METRIC_batch_calls, METRIC_LABELS("n1"), 1);
	metric_observe(metrics, METRIC_batch_calls, METRIC_LABELS("n1"), 3);
	metric_observe(metrics, METRIC_batch_calls, METRIC_LABELS("n1"), 100);
	shows("cqrsd_batch_calls_bucket{node=\"n1\",le=\"1\"} 1");
	shows("cqrsd_batch_calls_bucket{node=\"n1\",le=\"4\"} 2");
	shows("cqrsd_batch_calls_bucket{node=\"n1\",le=\"64\"} 2");
	shows("cqrsd_batch_calls_bucket{node=\"n1\",le=\"+Inf\"} 3");
	shows("cqrsd_batch_calls_sum{node=\"n1\"} 104");
	shows("cqrsd_batch_calls_count{node=\"n1\"} 3");
}

static void a_histogram_adds_up_over_threads(void **state)
{
	struct metrics *other = metrics_new();

	metric_observe(metrics, METRIC_pool_wait_seconds, METRIC_LABELS("n1"), 1000);
	metric_observe(other, METRIC_pool_wait_seconds, METRIC_LABELS("n1"), 2000);
	metric_observe(other, METRIC_pool_wait_seconds, METRIC_LABELS("n2"), 4000);
	shows("cqrsd_pool_wait_seconds_count{node=\"n1\"} 2");
	shows("cqrsd_pool_wait_seconds_sum{node=\"n1\"} 0.003");
	shows("cqrsd_pool_wait_seconds_count{node=\"n2\"} 1");
	metrics_free(other);
}

static void a_label_value_cannot_break_its_line_nor_its_quotes(void **state)
{
	metric_set(metrics, METRIC_replica_lag_bytes, METRIC_LABELS("a\"b\\c\nd"), 1);
	shows("cqrsd_replica_lag_bytes{node=\"a\\\"b\\\\c\\nd\"} 1");
}

static void label_sets_beyond_the_limit_are_counted_together(void **state)
{
	char reason[16];

	for (int i = 0; i < METRIC_SERIES_MAX + 10; i++) {
		snprintf(reason, sizeof(reason), "r%d", i);
		metric_add(metrics, METRIC_shed_total, METRIC_LABELS(reason, "3"), 1);
	}
	/* Those that were there first are still found. */
	metric_add(metrics, METRIC_shed_total, METRIC_LABELS("r0", "3"), 1);
	metric_add(metrics, METRIC_shed_total, METRIC_LABELS("r16383", "3"), 1);
	shows("cqrsd_shed_total{reason=\"other\",priority=\"other\"} 10");
	shows("cqrsd_shed_total{reason=\"r0\",priority=\"3\"} 2");
	shows("cqrsd_shed_total{reason=\"r16383\",priority=\"3\"} 2");
	assert_true(metrics_sum(METRIC_shed_total) == METRIC_SERIES_MAX + 12);
}

#define ROUNDS 20000

static void *count_on(void *unused)
{
	struct metrics *mine = metrics_new();
	char node[16];

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(node, sizeof(node), "n%d", i % 40);
		metric_add(mine, METRIC_retries_total, METRIC_LABELS(node, "lost"), 1);
		metric_observe(mine, METRIC_batch_calls, METRIC_LABELS(node), i % 70);
		metric_set(mine, METRIC_sessions, NULL, i);
	}
	return mine;
}

static void a_scrape_does_not_disturb_those_who_count(void **state)
{
	pthread_t threads[2];
	void *theirs;

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_on, NULL), 0);
	while (metrics_sum(METRIC_retries_total) < 2 * ROUNDS)
		scrape();
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &theirs);
		metrics_free(theirs);
	}
	assert_string_equal(scrape(), "");
}

/* One sample of every metric there is. */
static void count_everything(void)
{
	static const char *const values[METRIC_LABELS_MAX] = { "a", "b", "c", "d" };

#define COUNTER(name, labels, help) metric_add(metrics, METRIC_##name, values, 1);
#define GAUGE(name, labels, help) metric_set(metrics, METRIC_##name, values, 0.25);
#define HISTOGRAM(name, labels, help) metric_observe(metrics, METRIC_##name, values, 300);
#define HISTOGRAM_COUNT(name, labels, help) metric_observe(metrics, METRIC_##name, values, 3);
#include "base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef HISTOGRAM_COUNT
}

static void every_family_has_help_and_type_before_its_samples(void **state)
{
	count_everything();
	shows("# TYPE cqrsd_routed_total counter");
	shows("# HELP cqrsd_routed_total Queries by who answered them and why");
	shows("# TYPE cqrsd_batch_calls histogram");
	shows("# TYPE cqrsd_sessions gauge");
	assert_int_equal(strncmp(scrape(), "# HELP ", 7), 0);
}

static void prometheus_finds_no_fault_with_a_scrape(void **state)
{
	FILE *promtool;

	if (access("/usr/bin/promtool", X_OK))
		skip();
	count_everything();
	scrape();
	promtool = popen("/usr/bin/promtool check metrics >&2", "w");
	assert_non_null(promtool);
	assert_int_equal(fwrite(text.ptr, 1, text.len - 1, promtool), text.len - 1);
	assert_int_equal(pclose(promtool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_counted_is_nothing_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(a_counter_adds_up_by_its_labels, setup, teardown),
		cmocka_unit_test_setup_teardown(label_values_are_told_apart_at_their_borders, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_label_value_belongs_to_its_caller_and_is_copied,
						setup, teardown),
		cmocka_unit_test_setup_teardown(labels_that_lie_elsewhere_are_the_same_labels,
						setup, teardown),
		cmocka_unit_test_setup_teardown(many_that_are_counted_in_turn_are_told_apart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_gauge_shows_the_sum_over_threads, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_forgotten_gauge_is_gone_until_it_is_set_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_duration_is_in_every_bucket_it_fits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_number_is_in_every_bucket_it_fits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_histogram_adds_up_over_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(a_label_value_cannot_break_its_line_nor_its_quotes,
						setup, teardown),
		cmocka_unit_test_setup_teardown(label_sets_beyond_the_limit_are_counted_together,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_scrape_does_not_disturb_those_who_count, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_family_has_help_and_type_before_its_samples,
						setup, teardown),
		cmocka_unit_test_setup_teardown(prometheus_finds_no_fault_with_a_scrape, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
