/* SPDX-License-Identifier: Apache-2.0 */
/* Those that say nothing are left out. */
#include "http/headers_out.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/rate_policy.h"
#include "http/head/prefer.h"

#include <string.h>

#define HEADERS_OUT_JITTER_S 3 /* Retry-After is 1 to 3 s where no time is known */

/* Microseconds with three decimals of a larger unit. Not by printf: it would be most of a reply. */
static void headers_out_decimals(struct buf *out, int64_t us, int64_t unit_us)
{
	int64_t thousandths = us > 0 ? us / (unit_us / 1000) : 0;
	int64_t rest = thousandths % 1000;
	char digits[4] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
			   (char)('0' + rest % 10) };

	buf_int(out, thousandths / 1000);
	buf_add(out, digits, sizeof(digits));
}

static void headers_out_consistency(const struct request *request, struct buf *out)
{
	static const char *const roles[] = {
		[SERVED_BY_REPLICA] = "replica",
		[SERVED_BY_PRIMARY] = "primary",
		[SERVED_BY_CACHE] = "cache",
	};

	buf_string(out, level_text(request->level_used));
	if (request->node_shown) {
		buf_literal(out, ";node=\"");
		buf_string(out, request->node_shown);
		buf_byte(out, '"');
	}
	buf_literal(out, ";role=");
	buf_string(out, roles[request->served_by]);
	buf_literal(out, ";reason=");
	buf_string(out, reason_text(request->reason));
	if (request->confirmed)
		buf_string(out, request->confirmed == CONFIRMED ? ";confirmed" : ";unconfirmed");
	buf_literal(out, ";waited=");
	headers_out_decimals(out, request->wait_us, US_PER_S);
	if (request->lag_us >= 0) {
		buf_literal(out, ";lag=");
		headers_out_decimals(out, request->lag_us, US_PER_S);
	}
	if (request->served_by == SERVED_BY_CACHE) {
		buf_literal(out, ";age=");
		headers_out_decimals(out, request->age_us, US_PER_S);
	}
}

/* RFC 9211; a time that is over is negative. */
static void headers_out_cache_status(const struct request *request, struct buf *out)
{
	buf_literal(out, "cqrsd");
	switch (request->cache_use) {
	case CACHE_USE_NONE:
		break;
	case CACHE_USE_HIT:
		buf_literal(out, "; hit");
		break;
	case CACHE_USE_MISS:
		buf_literal(out, "; fwd=miss");
		break;
	case CACHE_USE_STALE:
		buf_literal(out, "; fwd=stale");
		break;
	case CACHE_USE_BYPASS:
		buf_literal(out, "; fwd=bypass");
		break;
	case CACHE_USE_ASKED:
		buf_literal(out, "; fwd=request");
		break;
	case CACHE_USE_FAILED:
		buf_literal(out, "; fwd=stale; fwd-status=503");
		break;
	case CACHE_USE_LATE:
		buf_literal(out, "; fwd=stale; fwd-status=504");
		break;
	}
	if (request->served_by == SERVED_BY_CACHE) {
		buf_literal(out, "; ttl=");
		buf_int(out, request->fresh_us / US_PER_S);
	}
	if (request->cache_marks & CACHE_MARK_KEPT)
		buf_literal(out, "; stored");
}

/* Caches in front keep only what is the same for all (RFC 9111, 3.5). The client may keep what it
 * asks about each time. */
static void headers_out_cache_control(struct header_lines *lines, const struct request *request)
{
	struct buf *line = header_lines_begin(lines, "Cache-Control");

	if (request->outcome == OUTCOME_OK && request->cache_marks & CACHE_MARK_OWN) {
		buf_literal(line, "private, no-cache");
	} else if (request->outcome != OUTCOME_OK || request->cache_use == CACHE_USE_NONE) {
		buf_literal(line, "no-store");
	} else if (request->cache_marks & CACHE_MARK_FOR_ALL) {
		buf_literal(line, "public, max-age=");
		buf_int(line, request->fresh_us > 0 ? request->fresh_us / US_PER_S : 0);
	} else {
		buf_literal(line, "private, no-cache");
	}
	header_lines_end(lines);
}

static void headers_out_cache(struct header_lines *lines, const struct request *request)
{
	headers_out_cache_control(lines, request);
	if (request->outcome != OUTCOME_OK || request->cache_use == CACHE_USE_NONE)
		return;
	headers_out_cache_status(request, header_lines_begin(lines, "Cache-Status"));
	header_lines_end(lines);
	if (request->served_by != SERVED_BY_CACHE)
		return;
	buf_int(header_lines_begin(lines, "Age"), request->age_us / US_PER_S);
	header_lines_end(lines);
}

/* RFC 9875: where others may keep answers of queries. */
static void headers_out_groups(struct header_lines *lines, const struct request *request)
{
	if (!request->cache_groups.ptr)
		return;
	buf_text(header_lines_begin(lines, request->kind == REQUEST_COMMAND
						   ? "Cache-Group-Invalidation"
						   : "Cache-Groups"),
		 request->cache_groups);
	header_lines_end(lines);
}

static void headers_out_deprecation(struct header_lines *lines, const struct request *request)
{
	const struct deprecation *deprecation = request->deprecation;

	if (!deprecation || request->outcome != OUTCOME_OK)
		return;
	header_lines_add(lines, "Deprecation", deprecation->since);
	header_lines_add(lines, "Sunset", deprecation->sunset);
	if (deprecation->link)
		header_lines_add(lines, "Link", deprecation->link);
}

static void headers_out_timing(const struct request *request, struct buf *out)
{
	buf_literal(out, "queue;dur=");
	headers_out_decimals(out, request->queue_us, US_PER_MS);
	buf_literal(out, ", wait;dur=");
	headers_out_decimals(out, request->wait_us, US_PER_MS);
	buf_literal(out, ", db;dur=");
	headers_out_decimals(out, request->db_us, US_PER_MS);
}

/* When there will be room is not known: clients refused together shall not come back together. */
static int64_t headers_out_jitter_s(const struct request *request)
{
	switch (request->outcome) {
	case OUTCOME_JOBS_FULL:
	case OUTCOME_QUEUE_FULL:
	case OUTCOME_QUEUE_TIMEOUT:
	case OUTCOME_SHED:
		return (int64_t)(hash_bytes(request->id, strlen(request->id), 0) %
				 HEADERS_OUT_JITTER_S);
	default:
		return 0;
	}
}

static int64_t headers_out_retry_after_s(const struct request *request)
{
	int64_t seconds = (request->retry_after_us + US_PER_S - 1) / US_PER_S;

	return seconds > 0 ? seconds : 1 + headers_out_jitter_s(request);
}

/* draft-ietf-httpapi-ratelimit-headers-10: lists of items, in the same order. */
static void headers_out_rates(struct header_lines *lines, const struct request *request)
{
	struct buf *line;

	if (!request->rates_count)
		return;
	line = header_lines_begin(lines, "RateLimit-Policy");
	for (unsigned i = 0; i < request->rates_count; i++) {
		if (i)
			buf_literal(line, ", ");
		buf_string(line, request->rates[i].policy->header);
	}
	header_lines_end(lines);
	line = header_lines_begin(lines, "RateLimit");
	for (unsigned i = 0; i < request->rates_count; i++) {
		const struct rate_state *state = &request->rates[i];

		buf_string(line, i ? ", \"" : "\"");
		buf_string(line, state->policy->name);
		buf_literal(line, "\";r=");
		buf_int(line, state->left);
		buf_literal(line, ";t=");
		buf_int(line, state->next_s);
	}
	header_lines_end(lines);
}

static void headers_out_preferences(struct header_lines *lines, const struct request *request)
{
	struct buf *line = header_lines_begin(lines, "Preference-Applied");
	size_t empty = line->len;

	prefer_applied(request, line);
	if (line->len > empty)
		header_lines_end(lines);
	else
		header_lines_drop(lines);
}

/* Where the client may ask what became of it. */
static void headers_out_job(struct header_lines *lines, const struct request *request)
{
	struct buf *line;

	if (!request->job.ptr)
		return;
	line = header_lines_begin(lines, "Location");
	buf_literal(line, "/v1/jobs/");
	buf_text(line, request->job);
	header_lines_end(lines);
}

void headers_out_of_request(struct header_lines *lines, const struct request *request,
			    unsigned status)
{
	headers_out_cache(lines, request);
	headers_out_groups(lines, request);
	headers_out_deprecation(lines, request);
	header_lines_add(lines, "X-Request-Id", request->id);
	if (request->served_by != SERVED_BY_NONE) {
		headers_out_consistency(request, header_lines_begin(lines, "Consistency"));
		header_lines_end(lines);
	}
	if (request->replayed)
		header_lines_add(lines, "Idempotent-Replayed", "true");
	if (request->token[0])
		header_lines_add(lines, "Consistency-Token", request->token);
	if (request->served_by != SERVED_BY_NONE || request->db_us > 0 || request->queue_us > 0) {
		headers_out_timing(request, header_lines_begin(lines, "Server-Timing"));
		header_lines_end(lines);
	}
	if (request->outcome == OUTCOME_UNAUTHENTICATED)
		header_lines_add(lines, "WWW-Authenticate", "Bearer");
	headers_out_job(lines, request);
	if (status == 429 || status == 503 || request_is_accepted(request) ||
	    request->outcome == OUTCOME_IDEMPOTENCY_IN_PROGRESS) {
		buf_int(header_lines_begin(lines, "Retry-After"),
			headers_out_retry_after_s(request));
		header_lines_end(lines);
	}
	headers_out_rates(lines, request);
	if (request->kind != REQUEST_QUERY || request->after_job.ptr)
		headers_out_preferences(lines, request);
}
