/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, and three statements of our own whose types are known beforehand. */
#include "write/idempotency.h"

#include "base/json.h"
#include "base/sign.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTOID = 25, BYTEAOID = 17, JSONOID = 114, HASH_BYTES = 32 };

/* "\x" and two digits a byte, as bytea is written. */
#define BYTEA_HASH_CHARS (2 + 2 * HASH_BYTES)
#define STORED_BEGINS "{\"fingerprint\":\""
#define STORED_GOES_ON "\",\"reply\":"

static struct statement statement_claim, statement_store, statement_stored, statement_sweep;
static pthread_once_t statements_once = PTHREAD_ONCE_INIT;

static struct shape *statement_make(struct statement *statement, const char *name, const char *text,
				    unsigned params, unsigned columns)
{
	struct shape *shape = shape_new(params, columns);

	statement->id = statement_next_id();
	statement->name = name;
	statement->text = text;
	statement->params = params;
	for (unsigned i = 0; i < params; i++)
		shape->param_types[i].oid = BYTEAOID;
	for (unsigned i = 0; i < columns; i++)
		shape->column_types[i].oid = TEXTOID;
	return shape;
}

static void statements_make(void)
{
	struct shape *shape;

	shape = statement_make(&statement_claim, "idempotency.claim", "SELECT cqrsd.claim_key($1)",
			       1, 1);
	statement_set_shape(&statement_claim, shape);
	shape = statement_make(&statement_store, "idempotency.store",
			       "INSERT INTO cqrsd.idempotency_key (id, command, fingerprint, reply)"
			       " VALUES ($1, $2, $3, $4)",
			       4, 0);
	shape->param_types[1].oid = TEXTOID;
	shape->param_types[3].oid = JSONOID;
	statement_set_shape(&statement_store, shape);
	shape = statement_make(&statement_stored, "idempotency.stored",
			       "SELECT encode(fingerprint, 'hex') AS fingerprint, reply"
			       " FROM cqrsd.idempotency_key WHERE id = $1",
			       1, 2);
	shape->column_types[1].oid = JSONOID;
	statement_set_shape(&statement_stored, shape);
	shape = statement_make(&statement_sweep, "idempotency.sweep",
			       "DELETE FROM cqrsd.idempotency_key WHERE id IN (SELECT id"
			       " FROM cqrsd.idempotency_key WHERE expires_at < now()"
			       " ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)",
			       0, 0);
	statement_set_shape(&statement_sweep, shape);
}

struct statement *idempotency_stored(void)
{
	pthread_once(&statements_once, statements_make);
	return &statement_stored;
}

struct statement *idempotency_sweep(void)
{
	pthread_once(&statements_once, statements_make);
	return &statement_sweep;
}

static const char *bytea_hash(struct arena *arena, struct text text)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[HASH_BYTES];
	char out[BYTEA_HASH_CHARS] = "\\x";

	sha256(text.ptr, text.len, hash);
	for (unsigned i = 0; i < HASH_BYTES; i++) {
		out[2 + 2 * i] = digits[hash[i] >> 4];
		out[3 + 2 * i] = digits[hash[i] & 15];
	}
	return arena_copy(arena, out, sizeof(out));
}

/* Lengths stand before the parts, so that no two scopes read the same. */
static void scope_part(struct buf *out, struct text part)
{
	buf_int(out, (int64_t)part.len);
	buf_byte(out, ':');
	buf_add(out, part.ptr ? part.ptr : "", part.len);
}

/*
 * Whose keys they are: of an API key its name, which it shares with the key that replaces it, so
 * that a retry may come with that one; empty while there are no principals.
 */
static void idempotency_caller(const struct request *request, struct buf *scope)
{
	const struct principal *principal = request->principal;

	if (principal->kind != PRINCIPAL_KEY) {
		scope_part(scope, principal->id);
		return;
	}
	buf_byte(scope, 'k');
	scope_part(scope, principal->subject);
}

static const char *idempotency_id(struct request *request, const char *command)
{
	struct buf scope;
	const char *id;

	buf_init(&scope);
	idempotency_caller(request, &scope);
	buf_byte(&scope, request->user_key.ptr ? 'u' : '-');
	scope_part(&scope, request->user_key);
	scope_part(&scope, text_of(command));
	scope_part(&scope, request->idempotency_key);
	id = bytea_hash(&request->arena, (struct text){ scope.ptr, scope.len });
	buf_fini(&scope);
	return id;
}

/* New in each token of one caller: RFC 7519, 4.1, and OpenID Connect Core 1.0, 2 and 3.1.3.6. */
static bool idempotency_is_of_the_token(struct text claim)
{
	static const char *const names[] = { "exp",   "nbf",     "iat",    "jti", "auth_time",
					     "nonce", "at_hash", "c_hash", "sid" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (text_is(claim, names[i]))
			return true;
	return false;
}

/* What the statement sees of the caller, as the principal's claims say it in JSON. */
static void idempotency_write_claims(struct buf *out, const char *claims)
{
	struct json_error error;
	struct json *json = json_read(text_of(claims), &error);
	const struct json **members;

	assert(json);
	members = json_sorted_members(json);
	for (size_t i = 0; i < json_length(json); i++) {
		if (idempotency_is_of_the_token(json_key(members[i])))
			continue;
		buf_byte(out, ',');
		buf_json_string(out, json_key(members[i]).ptr, json_key(members[i]).len);
		buf_byte(out, ':');
		json_write_canonical(out, members[i]);
	}
	free(members);
	json_free(json);
}

static const char *idempotency_fingerprint(struct request *request, const char *const *claims)
{
	struct buf body;
	const char *fingerprint;

	buf_init(&body);
	if (request->body)
		json_write_canonical(&body, request->body);
	else
		buf_literal(&body, "{}");
	if (claims)
		idempotency_write_claims(&body, claims[CLAIMS_OBJECT]);
	fingerprint = bytea_hash(&request->arena, (struct text){ body.ptr, body.len });
	buf_fini(&body);
	return fingerprint;
}

struct idempotency_key *idempotency_new(struct request *request, const char *command,
					const char *const *claims,
					bool (*on_ran)(struct call *call))
{
	struct idempotency_key *idempotency = arena_zero(&request->arena, 1, sizeof(*idempotency));
	const char *id = idempotency_id(request, command);
	const char *fingerprint = idempotency_fingerprint(request, claims);

	assert(request->idempotency_key.ptr);
	pthread_once(&statements_once, statements_make);
	idempotency->fingerprint = fingerprint + 2;
	idempotency->claim_values[0] = idempotency->stored_values[0] = id;
	idempotency->store_values[0] = id;
	idempotency->store_values[1] = command;
	idempotency->store_values[2] = fingerprint;
	idempotency->frame = (struct call_frame){
		.before = &statement_claim,
		.before_values = idempotency->claim_values,
		.behind = &statement_store,
		.behind_values = idempotency->store_values,
		.on_ran = on_ran,
	};
	return idempotency;
}

enum stored idempotency_take(const struct idempotency_key *idempotency, struct request *request,
			     uint64_t rows)
{
	const size_t at = strlen(STORED_BEGINS), from = at + 2 * HASH_BYTES;
	const size_t reply = from + strlen(STORED_GOES_ON);
	struct buf *out = &request->out;
	bool same;

	if (rows != 1 || out->len < reply + 2 || memcmp(out->ptr, STORED_BEGINS, at) != 0 ||
	    memcmp(out->ptr + from, STORED_GOES_ON, reply - from) != 0)
		return STORED_NONE;
	same = memcmp(out->ptr + at, idempotency->fingerprint, 2 * HASH_BYTES) == 0;
	if (!same)
		return STORED_OTHER_BODY;
	/* The brace of the row, and that of the reply. */
	out->len -= 2;
	memmove(out->ptr, out->ptr + reply, out->len - reply);
	out->len -= reply;
	return STORED_SAME;
}

enum claim idempotency_refusal(const struct call *call)
{
	const char *sqlstate = call->error.sqlstate;

	/* An application may raise whatever it likes. */
	if (call->frame_end != FRAME_RAISED)
		return CLAIM_OTHER;
	if (strcmp(sqlstate, "CQ001") == 0)
		return CLAIM_RUNNING;
	if (strcmp(sqlstate, "CQ002") == 0)
		return CLAIM_STORED;
	if (strcmp(sqlstate, "23505") == 0 && call->error.constraint &&
	    strcmp(call->error.constraint, "cqrsd_idempotency_key") == 0)
		return CLAIM_STORED;
	/* No such schema, table or function, or no right to it. */
	if (strncmp(sqlstate, "42", 2) == 0 || strcmp(sqlstate, "3F000") == 0)
		return CLAIM_NO_SCHEMA;
	return CLAIM_OTHER;
}
