/* SPDX-License-Identifier: Apache-2.0 */
/* A pair has two lines: its command and its read. */
#include "bench/load_report.h"

#include "base/clock.h"

#include <assert.h>

static const struct {
	const char *name;
	double share;
} load_quantiles[] = {
	{ "p50", 0.5 },
	{ "p90", 0.9 },
	{ "p99", 0.99 },
	{ "p999", 0.999 },
};

#define LOAD_QUANTILES (sizeof(load_quantiles) / sizeof(load_quantiles[0]))

static const char *schedule_name(enum schedule_kind kind)
{
	switch (kind) {
	case SCHEDULE_CLOSED:
		return "closed";
	case SCHEDULE_CONSTANT:
		return "constant";
	case SCHEDULE_POISSON:
		return "poisson";
	}
	assert(!"a kind of schedule");
	return "";
}

static double load_rate(const struct load_results *results, uint64_t count)
{
	return results->measured_us > 0
		       ? (double)count * (double)US_PER_S / (double)results->measured_us
		       : 0.0;
}

static void table_latency(struct buf *out, const struct histogram *histogram)
{
	for (size_t i = 0; i < LOAD_QUANTILES; i++)
		buf_printf(out, " %9.3f",
			   (double)histogram_quantile_us(histogram, load_quantiles[i].share) / 1e3);
	buf_printf(out, " %9.3f", (double)histogram->max_us / 1e3);
}

static void table_tally(struct buf *out, const char *what, const struct tally *tally)
{
	if (!tally->count)
		return;
	buf_printf(out, "    %s:", what);
	for (size_t i = 0; i < tally->count; i++)
		buf_printf(out, " %s %llu", tally->rows[i].name,
			   (unsigned long long)tally->rows[i].count);
	buf_byte(out, '\n');
}

static void table_result(struct buf *out, const char *kind, struct text spec,
			 const struct load_results *results, const struct load_result *result)
{
	buf_printf(out, "%-10s %10.1f", kind, load_rate(results, result->ok));
	table_latency(out, &result->answered);
	buf_printf(out, "  %.*s\n", (int)(spec.len < 60 ? spec.len : 60), spec.ptr);
	if (result->refused.count) {
		buf_printf(out, "  refused  %10.1f", load_rate(results, result->refused.count));
		table_latency(out, &result->refused);
		buf_byte(out, '\n');
	}
	table_tally(out, "outcomes", &result->outcomes);
	table_tally(out, "served", &result->served);
	if (result->waited.max_us)
		buf_printf(out, "    waited for replicas, ms: p50 %.3f p99 %.3f max %.3f\n",
			   (double)histogram_quantile_us(&result->waited, 0.5) / 1e3,
			   (double)histogram_quantile_us(&result->waited, 0.99) / 1e3,
			   (double)result->waited.max_us / 1e3);
	if (result->stale)
		buf_printf(out, "    STALE: %llu answers lacked the user's own write\n",
			   (unsigned long long)result->stale);
}

void load_report_table(const struct load_options *options, const struct load_results *results,
		       struct buf *out)
{
	buf_printf(out, "%s: %llu connections, %s", options->to,
		   (unsigned long long)options->clients_count, schedule_name(options->kind));
	if (options->kind != SCHEDULE_CLOSED)
		buf_printf(out, " %g/s", options->rate_per_s);
	buf_printf(out, ", %.1f s after %.1f s of warm-up, seed %llu\n",
		   (double)results->measured_us / 1e6, (double)options->warmup_us / 1e6,
		   (unsigned long long)options->seed);
	buf_printf(out, "%-10s %10s %9s %9s %9s %9s %9s\n", "", "ok/s", "p50 ms", "p90", "p99",
		   "p99.9", "max");
	for (size_t i = 0; i < options->mix.count; i++) {
		const struct mix_class *class = &options->mix.classes[i];

		table_result(out,
			     class->kind == MIX_PAIR ? "pair write" : mix_kind_name(class->kind),
			     class->spec, results, &results->classes[i]);
		if (class->kind == MIX_PAIR)
			table_result(out, "pair read", class->spec, results, &results->reads[i]);
	}
	buf_printf(out, "this process: user %.2f s, system %.2f s\n",
		   (double)results->user_us / 1e6, (double)results->system_us / 1e6);
}

static void json_histogram(struct buf *out, const char *name, const struct histogram *histogram)
{
	bool first = true;

	buf_printf(out, ",\"%s_us\":{\"count\":%llu,\"mean\":%.1f", name,
		   (unsigned long long)histogram->count, histogram_mean_us(histogram));
	for (size_t i = 0; i < LOAD_QUANTILES; i++)
		buf_printf(out, ",\"%s\":%lld", load_quantiles[i].name,
			   (long long)histogram_quantile_us(histogram, load_quantiles[i].share));
	buf_printf(out, ",\"max\":%lld,\"buckets\":[", (long long)histogram->max_us);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!histogram->buckets[i])
			continue;
		buf_printf(out, "%s[%lld,%llu]", first ? "" : ",",
			   (long long)histogram_bucket_end_us(i),
			   (unsigned long long)histogram->buckets[i]);
		first = false;
	}
	buf_string(out, "]}");
}

static void json_tally(struct buf *out, const char *name, const struct tally *tally)
{
	buf_printf(out, ",\"%s\":{", name);
	for (size_t i = 0; i < tally->count; i++) {
		buf_string(out, i ? "," : "");
		buf_json_string(out, tally->rows[i].name, strlen(tally->rows[i].name));
		buf_printf(out, ":%llu", (unsigned long long)tally->rows[i].count);
	}
	buf_byte(out, '}');
}

static void json_result(struct buf *out, const char *kind, struct text spec,
			const struct load_results *results, const struct load_result *result)
{
	buf_printf(out, "{\"kind\":\"%s\",\"spec\":", kind);
	buf_json_string(out, spec.ptr, spec.len);
	buf_printf(out, ",\"planned\":%llu,\"ok\":%llu,\"ok_per_s\":%.1f,\"stale\":%llu",
		   (unsigned long long)result->planned, (unsigned long long)result->ok,
		   load_rate(results, result->ok), (unsigned long long)result->stale);
	buf_printf(out, ",\"good\":%llu,\"body_bytes\":%lld", (unsigned long long)result->good,
		   (long long)result->body_bytes);
	json_tally(out, "outcomes", &result->outcomes);
	json_tally(out, "served", &result->served);
	json_histogram(out, "answered", &result->answered);
	json_histogram(out, "refused", &result->refused);
	json_histogram(out, "waited", &result->waited);
	buf_byte(out, '}');
}

void load_report_json(const struct load_options *options, const struct load_results *results,
		      struct buf *out)
{
	buf_printf(out, "{\"schedule\":\"%s\",\"rate_per_s\":%g,\"connections\":%llu",
		   schedule_name(options->kind), options->rate_per_s,
		   (unsigned long long)options->clients_count);
	buf_printf(out, ",\"connections_open\":%llu,\"seed\":%llu,\"measured_s\":%.3f",
		   (unsigned long long)results->clients_open, (unsigned long long)options->seed,
		   (double)results->measured_us / 1e6);
	buf_printf(out, ",\"user_s\":%.3f,\"system_s\":%.3f,\"classes\":[",
		   (double)results->user_us / 1e6, (double)results->system_us / 1e6);
	for (size_t i = 0; i < options->mix.count; i++) {
		const struct mix_class *class = &options->mix.classes[i];

		buf_string(out, i ? "," : "");
		json_result(out,
			    class->kind == MIX_PAIR ? "pair-write" : mix_kind_name(class->kind),
			    class->spec, results, &results->classes[i]);
		if (class->kind == MIX_PAIR) {
			buf_byte(out, ',');
			json_result(out, "pair-read", class->spec, results, &results->reads[i]);
		}
	}
	buf_string(out, "]}\n");
}
