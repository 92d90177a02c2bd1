/* SPDX-License-Identifier: Apache-2.0 */
/* As JSON, which is read and laid out as the rest of the document. */
#include "catalog/openapi/parts.h"

#include "base/json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PARTS_REF_BYTES 128
#define PARTS_USER_HEADER "@USER@" /* in the place of its name */

static const char parts_parameters[] =
	"{\"User\":{\"name\":\"@USER@\",\"in\":\"header\",\"description\":\"The "
	"end user on behalf of whom a trusted caller asks.\",\"schema\":{\"type\":\"string\","
	"\"minLength\":1,\"maxLength\":256}},\"Consistency\":{\"name\":\"Consistency\","
	"\"in\":\"header\",\"description\":\"The level instead of the query's own: "
	"`eventual`, `session` or `strong`, with `;max-staleness=2.5`, `;wait=0.05` "
	"(seconds), `;from=replica`, `;confirmed`.\",\"schema\":{\"type\":\"string\"}},"
	"\"Consistency-Token\":{\"name\":\"Consistency-Token\",\"in\":\"header\","
	"\"description\":\"One or several, comma separated, of earlier answers: "
	"the answer sees at least what each of them stands for.\",\"schema\":{\"type\":\"stri"
	"ng\"}},\"Prefer-Query\":{\"name\":\"Prefer\",\"in\":\"header\",\"description\":\"`af"
	"ter-job=ID, wait=2`: the query sees what that job did.\",\"schema\":{\"type\":\"stri"
	"ng\"}},\"Prefer-Command\":{\"name\":\"Prefer\",\"in\":\"header\",\"description\":\"`"
	"respond-async`, `wait=2`, `wait-replicas=1`, `not-before=\\\"2026-12-01T00:00:00Z\\\""
	"` (RFC 7240). With `return=minimal`, `data` is null, which this document "
	"does not say of the answers.\",\"schema\":{\"type\":\"string\",\"not\":{\"pattern\":"
	"\"[Rr][Ee][Tt][Uu][Rr][Nn]\"}}},\"Prefer-Job\":{\"name\":\"Prefer\",\"in\":\"header\""
	",\"description\":\"`wait=5`: answered once the job has ended, or after "
	"so many seconds.\",\"schema\":{\"type\":\"string\"}},\"Priority\":{\"name\":\"Priori"
	"ty\",\"in\":\"header\",\"description\":\"`u=0` to `u=7` (RFC 9218), 0 "
	"most urgent. It lowers the urgency of the operation.\",\"schema\":{\"type\":\"string"
	"\"}},\"Request-Timeout\":{\"name\":\"Request-Timeout\",\"in\":\"header\","
	"\"description\":\"Seconds, from 0.001 on: the request takes no longer.\","
	"\"schema\":{\"type\":\"string\"}},\"Cache-Control\":{\"name\":\"Cache-Control\","
	"\"in\":\"header\",\"description\":\"`no-cache`, `no-store`, `max-age=5`,"
	" `only-if-cached` (RFC 9111).\",\"schema\":{\"type\":\"string\"}},\"If-None-Match\":"
	"{\"name\":\"If-None-Match\",\"in\":\"header\",\"description\":\"Entity "
	"tags that the client has: 304 where the answer has one of them.\",\"schema\":{\"type"
	"\":\"string\"}},\"Idempotency-Key\":{\"name\":\"Idempotency-Key\",\"in\":\"header\","
	"\"description\":\"The command takes effect once, however often it is sent "
	"with this key.\",\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}}"
	",\"Idempotency-Key-Required\":{\"name\":\"Idempotency-Key\",\"in\":\"header\","
	"\"required\":true,\"description\":\"The command takes effect once, however "
	"often it is sent with this key.\",\"schema\":{\"type\":\"string\",\"minLength\":1,"
	"\"maxLength\":255}},\"X-Request-Id\":{\"name\":\"X-Request-Id\",\"in\":\"header\","
	"\"description\":\"Taken as the request's id, which is also in the log.\","
	"\"schema\":{\"type\":\"string\"}},\"traceparent\":{\"name\":\"traceparent\","
	"\"in\":\"header\",\"description\":\"W3C Trace Context; given back.\",\"schema\":{\"t"
	"ype\":\"string\"}},\"Last-Event-ID\":{\"name\":\"Last-Event-ID\",\"in\":\"header\","
	"\"description\":\"The last event that the client has: it is not sent again.\","
	"\"schema\":{\"type\":\"string\"}},\"Job\":{\"name\":\"id\",\"in\":\"path\","
	"\"required\":true,\"description\":\"The id of the job, from `Location`.\","
	"\"schema\":{\"type\":\"string\"}}}";

static const char parts_headers[] =
	"{\"Consistency\":{\"description\":\"What happened: level, node, role, reason, times "
	"in seconds.\",\"schema\":{\"type\":\"string\"},\"example\":\"session;node=\\\"10.0.0"
	".2:5432\\\";role=replica;reason=fresh;waited=0.000;lag=0.002\"},\"Consistency-Token"
	"\":{\"description\":\"The position that the answer has seen or made; to be sent with"
	" later requests.\",\"schema\":{\"type\":\"string\",\"maxLength\":96}},\"X-Request-Id"
	"\":{\"description\":\"The request's id, also in the log.\",\"schema\":{\"type\":\"st"
	"ring\"}},\"Server-Timing\":{\"description\":\"`queue;dur=, wait;dur=, db;dur=` in mi"
	"lliseconds.\",\"schema\":{\"type\":\"string\"}},\"Retry-After\":{\"description\":\"S"
	"econds after which the request may be sent again.\",\"schema\":{\"type\":\"integer\""
	",\"minimum\":1}},\"WWW-Authenticate\":{\"description\":\"`Bearer`\",\"schema\":{\"ty"
	"pe\":\"string\"}},\"ETag\":{\"description\":\"Names this content; for `If-None-Match"
	"`.\",\"schema\":{\"type\":\"string\"}},\"Cache-Control\":{\"description\":\"Whether,"
	" and how long, others may keep the answer.\",\"schema\":{\"type\":\"string\"}},\"Cac"
	"he-Status\":{\"description\":\"What the cache did (RFC 9211).\",\"schema\":{\"type\""
	":\"string\"},\"example\":\"cqrsd; hit; ttl=28\"},\"Cache-Groups\":{\"description\":"
	"\"The groups that the answer is a part of (RFC 9875).\",\"schema\":{\"type\":\"strin"
	"g\"}},\"Cache-Group-Invalidation\":{\"description\":\"The groups that the command ma"
	"de stale (RFC 9875).\",\"schema\":{\"type\":\"string\"}},\"Age\":{\"description\":\""
	"Seconds since the kept answer was made.\",\"schema\":{\"type\":\"integer\",\"minimum"
	"\":0}},\"Idempotent-Replayed\":{\"description\":\"`true`: what the first request wit"
	"h the key was answered.\",\"schema\":{\"type\":\"string\",\"enum\":[\"true\"]}},\"Pr"
	"eference-Applied\":{\"description\":\"The preferences that were honoured.\",\"schema"
	"\":{\"type\":\"string\"}},\"Location\":{\"description\":\"Where the job can be asked"
	" for.\",\"schema\":{\"type\":\"string\"}},\"Deprecation\":{\"description\":\"Since w"
	"hen the operation is deprecated (RFC 9745).\",\"schema\":{\"type\":\"string\"}},\"Ra"
	"teLimit\":{\"description\":\"What is left of each limit, in the order of `RateLimit-"
	"Policy`.\",\"schema\":{\"type\":\"string\"},\"example\":\"\\\"user\\\";r=12;t=1\"},"
	"\"RateLimit-Policy\":{\"description\":\"The limits that the request is under; only w"
	"here there are some.\",\"schema\":{\"type\":\"string\"},\"example\":\"\\\"user\\\";q"
	"=200;w=2\"}}";

static const char parts_responses[] =
	"{\"Problem\":{\"description\":\"Any other problem: a status that the application ask"
	"s for (`PT402`), and what a proxy may cause.\",\"headers\":{\"X-Request-Id\":{\"$ref"
	"\":\"#/components/headers/X-Request-Id\"},\"Cache-Control\":{\"$ref\":\"#/components"
	"/headers/Cache-Control\"},\"Consistency\":{\"$ref\":\"#/components/headers/Consisten"
	"cy\"},\"Consistency-Token\":{\"$ref\":\"#/components/headers/Consistency-Token\"},\""
	"Server-Timing\":{\"$ref\":\"#/components/headers/Server-Timing\"},\"Preference-Appli"
	"ed\":{\"$ref\":\"#/components/headers/Preference-Applied\"},\"RateLimit-Policy\":{\""
	"$ref\":\"#/components/headers/RateLimit-Policy\"},\"RateLimit\":{\"$ref\":\"#/compon"
	"ents/headers/RateLimit\"},\"Retry-After\":{\"$ref\":\"#/components/headers/Retry-Aft"
	"er\"}},\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/component"
	"s/schemas/Problem\"}}}}}";

static const char parts_security[] =
	"{\"Bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An "
	"API key (`cq_…`) or a JSON Web Token. Peers of a Unix socket need none.\"}}";

static const char parts_problem[] =
	"{\"type\":\"object\",\"description\":\"What went wrong (RFC 9457). Decide "
	"by `code`.\",\"required\":[\"type\",\"title\",\"status\",\"code\",\"request_id\","
	"\"retryable\"],\"properties\":{\"type\":{\"type\":\"string\",\"format\":\"uri\"},"
	"\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"detail\":{\"type"
	"\":\"string\"},\"instance\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
	"\"request_id\":{\"type\":\"string\"},\"retryable\":{\"type\":\"boolean\","
	"\"description\":\"The same request, sent again after a pause, may succeed "
	"and does no harm.\"},\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
	"\"required\":[\"param\",\"detail\"],\"properties\":{\"param\":{\"type\":\"string\"},"
	"\"detail\":{\"type\":\"string\"}}}},\"sqlstate\":{\"type\":\"string\"},"
	"\"constraint\":{\"type\":\"string\"},\"column\":{\"type\":\"string\"},"
	"\"hint\":{\"type\":\"string\"},\"db_detail\":{\"type\":\"string\"}}}";

static const char parts_jobs[] =
	"{\"JobState\":{\"type\":\"string\",\"enum\":[\"scheduled\",\"queued\","
	"\"running\",\"retrying\",\"done\",\"dead\",\"discarded\",\"cancelled\"]},"
	"\"AcceptedJob\":{\"type\":\"object\",\"description\":\"A job as it was "
	"accepted.\",\"required\":[\"id\",\"command\",\"state\",\"attempts\",\"attempts_max\""
	",\"created_at\",\"run_at\"],\"properties\":{\"id\":{\"type\":\"string\"},"
	"\"command\":{\"type\":\"string\"},\"state\":{\"$ref\":\"#/components/schemas/JobStat"
	"e\"},\"attempts\":{\"type\":\"integer\"},\"attempts_max\":{\"type\":\"integer\"},"
	"\"created_at\":{\"type\":\"string\",\"format\":\"date-time\"},\"run_at\":{\"type\":["
	"\"string\",\"null\"],\"format\":\"date-time\"}}},\"Job\":{\"allOf\":[{\"$ref\":\"#/c"
	"omponents/schemas/AcceptedJob\"},{\"type\":\"object\",\"properties\":{\"started_at\""
	":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},\"finished_at\":{\"type\""
	":[\"string\",\"null\"],\"format\":\"date-time\"},\"result\":{\"description\":\"What "
	"the command would have answered; null: nothing yet.\"},\"token\":{\"type\":[\"string"
	"\",\"null\"]},\"problem\":{\"oneOf\":[{\"$ref\":\"#/components/schemas/JobProblem\"}"
	",{\"type\":\"null\"}]},\"attempt_log\":{\"type\":[\"array\",\"null\"],"
	"\"items\":{\"$ref\":\"#/components/schemas/Attempt\"}}}}]},\"JobProblem\":{\"type\":"
	"\"object\",\"description\":\"Why the job has failed, as far as a problem "
	"document of it is known.\",\"required\":[\"code\"],\"properties\":{\"code\":{\"type\""
	":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
	"\"detail\":{\"type\":\"string\"}}},\"Attempt\":{\"type\":\"object\",\"properties\":{"
	"\"n\":{\"type\":\"integer\"},\"started_at\":{\"type\":[\"string\",\"null\"],"
	"\"format\":\"date-time\"},\"ms\":{\"type\":[\"number\",\"null\"]},\"instance\":{\"ty"
	"pe\":[\"string\",\"null\"]},\"sqlstate\":{\"type\":[\"string\",\"null\"]},"
	"\"message\":{\"type\":[\"string\",\"null\"]}}},\"JobReply\":{\"type\":\"object\","
	"\"required\":[\"job\"],\"properties\":{\"job\":{\"$ref\":\"#/components/schemas/Job\""
	"}}}}";

static struct json *parts_read(struct text text)
{
	struct json_error error;
	struct json *json = json_read(text, &error);

	assert(json);
	return json;
}

/* Is it referred to by what was written so far? */
static bool parts_is_used(const struct writer *writer, const char *section, struct text name)
{
	const struct buf *out = writer->out;
	char ref[PARTS_REF_BYTES];
	int len = snprintf(ref, sizeof(ref), "\"#/components/%s/%.*s\"", section, (int)name.len,
			   name.ptr);

	return memmem(out->ptr, out->len, ref, (size_t)len) != NULL;
}

/* The members that are referred to. */
static void parts_write_used(struct writer *writer, const char *section, struct text text)
{
	struct json *json = parts_read(text);

	writer_object(writer, section);
	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		if (!parts_is_used(writer, section, json_key(it)))
			continue;
		writer_key(writer, json_key(it));
		writer_json(writer, NULL, it);
	}
	writer_end(writer);
	json_free(json);
}

static void parts_write_whole(struct writer *writer, const char *key, const char *text)
{
	struct json *json = parts_read(text_of(text));

	writer_json(writer, key, json);
	json_free(json);
}

void parts_write_members(struct writer *writer, const char *text)
{
	struct json *json = parts_read(text_of(text));

	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		writer_key(writer, json_key(it));
		writer_json(writer, NULL, it);
	}
	json_free(json);
}

void parts_write(struct writer *writer, const char *user_header)
{
	const char *at = strstr(parts_parameters, PARTS_USER_HEADER);
	struct buf text;

	assert(at);
	buf_init(&text);
	buf_add(&text, parts_parameters, (size_t)(at - parts_parameters));
	buf_string(&text, user_header);
	buf_string(&text, at + strlen(PARTS_USER_HEADER));
	parts_write_used(writer, "parameters", (struct text){ text.ptr, text.len });
	buf_fini(&text);
	parts_write_used(writer, "headers", text_of(parts_headers));
	parts_write_whole(writer, "securitySchemes", parts_security);
}

void parts_write_responses(struct writer *writer)
{
	parts_write_members(writer, parts_responses);
}

void parts_write_schemas(struct writer *writer, bool has_jobs)
{
	parts_write_whole(writer, "Problem", parts_problem);
	if (has_jobs)
		parts_write_members(writer, parts_jobs);
}
