/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is signed is the text's own first bytes and the system identifier, so that a token of
 * another cluster with the same key is none of ours. Version 1 had neither hash nor mark.
 */
#include "router/consistency/token.h"

#include "base/buf.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOKEN_VERSION = 2,
	TOKEN_SIGNED_BYTES = 1 + 4 + 4 + 4 + 8, /* version, timeline, history, mark, lsn */
	TOKEN_BYTES = TOKEN_SIGNED_BYTES + SIGN_MAC_BYTES,
	TOKEN_CHARS = (TOKEN_BYTES * 4 + 2) / 3,
	TOKEN_1_VERSION = 1,
	TOKEN_1_SIGNED_BYTES = 1 + 4 + 8, /* version, timeline, lsn */
	TOKEN_1_BYTES = TOKEN_1_SIGNED_BYTES + SIGN_MAC_BYTES,
};

static_assert(TOKEN_CHARS <= TOKEN_TEXT_MAX, "a token fits where tokens are kept");

struct token_maker {
	struct signer *signer;
	uint64_t system_identifier;
	struct branch_position last; /* lsn 0: none was made yet */
	char last_text[TOKEN_TEXT_MAX + 1];
	struct buf text; /* for the encoder */
};

struct token_maker *token_maker_new(const uint8_t key[SIGN_KEY_BYTES], uint64_t system_identifier)
{
	struct token_maker *maker = malloc(sizeof(*maker));

	if (!maker)
		log_fatal("token", "no memory");
	*maker = (struct token_maker){
		.signer = signer_new(key),
		.system_identifier = system_identifier,
	};
	buf_init(&maker->text);
	return maker;
}

void token_maker_free(struct token_maker *maker)
{
	signer_free(maker->signer);
	buf_fini(&maker->text);
	free(maker);
}

static void token_put(uint8_t *out, uint64_t value, unsigned bytes)
{
	while (bytes--) {
		out[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t token_get(const uint8_t *ptr, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | ptr[i];
	return value;
}

/* What the MAC is made over: the first bytes of the token and the system identifier. */
static size_t token_signed(const struct token_maker *maker, const uint8_t *bytes, size_t len,
			   uint8_t out[TOKEN_SIGNED_BYTES + 8])
{
	memcpy(out, bytes, len);
	token_put(out + len, maker->system_identifier, 8);
	return len + 8;
}

static bool token_is(const struct branch_position *a, const struct branch_position *b)
{
	return a->lsn == b->lsn && a->timeline == b->timeline && a->history == b->history &&
	       a->mark == b->mark;
}

static void token_write(struct token_maker *maker, struct branch_position token)
{
	uint8_t bytes[TOKEN_BYTES], over[TOKEN_SIGNED_BYTES + 8];
	size_t len;

	bytes[0] = TOKEN_VERSION;
	token_put(bytes + 1, token.timeline, 4);
	token_put(bytes + 5, token.history, 4);
	token_put(bytes + 9, token.mark, 4);
	token_put(bytes + 13, token.lsn, 8);
	len = token_signed(maker, bytes, TOKEN_SIGNED_BYTES, over);
	signer_sign(maker->signer, over, len, bytes + TOKEN_SIGNED_BYTES);
	buf_clear(&maker->text);
	buf_base64url(&maker->text, bytes, sizeof(bytes));
	buf_byte(&maker->text, 0);
	assert(maker->text.len == TOKEN_CHARS + 1);
	memcpy(maker->last_text, maker->text.ptr, maker->text.len);
	maker->last = token;
}

void token_make(struct token_maker *maker, struct branch_position token,
		char out[TOKEN_TEXT_MAX + 1])
{
	assert(token.lsn);
	if (!token_is(&token, &maker->last))
		token_write(maker, token);
	memcpy(out, maker->last_text, TOKEN_CHARS + 1);
}

bool token_read(struct token_maker *maker, struct text text, struct branch_position *token)
{
	uint8_t bytes[TOKEN_BYTES], over[TOKEN_SIGNED_BYTES + 8];
	size_t len, signed_len;
	bool old;

	if (text.len > TOKEN_CHARS || !base64url_decode(text, bytes, sizeof(bytes), &len))
		return false;
	old = len == TOKEN_1_BYTES && bytes[0] == TOKEN_1_VERSION;
	if (!old && (len != TOKEN_BYTES || bytes[0] != TOKEN_VERSION))
		return false;
	len -= SIGN_MAC_BYTES;
	signed_len = token_signed(maker, bytes, len, over);
	if (!signer_verify(maker->signer, over, signed_len, bytes + len))
		return false;
	token->timeline = (uint32_t)token_get(bytes + 1, 4);
	token->history = old ? 0 : (uint32_t)token_get(bytes + 5, 4);
	token->mark = old ? 0 : (uint32_t)token_get(bytes + 9, 4);
	token->lsn = token_get(bytes + len - 8, 8);
	return token->lsn != 0;
}
