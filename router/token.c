/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version 1: what is signed is the text's own first bytes and the system identifier, so that a
 * token of another cluster with the same key is none of ours.
 */
#include "router/token.h"

#include "base/buf.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOKEN_VERSION = 1,
	TOKEN_SIGNED_BYTES = 1 + 4 + 8, /* version, timeline, lsn */
	TOKEN_BYTES = TOKEN_SIGNED_BYTES + SIGN_MAC_BYTES,
	TOKEN_CHARS = (TOKEN_BYTES * 4 + 2) / 3,
};

static_assert(TOKEN_CHARS <= TOKEN_TEXT_MAX, "a token fits where tokens are kept");

struct token_maker {
	struct signer *signer;
	uint64_t system_identifier;
	struct position last; /* POSITION_NONE: none was made yet */
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

/* What the MAC is made over. */
static void token_signed(const struct token_maker *maker, const uint8_t bytes[TOKEN_SIGNED_BYTES],
			 uint8_t out[TOKEN_SIGNED_BYTES + 8])
{
	memcpy(out, bytes, TOKEN_SIGNED_BYTES);
	token_put(out + TOKEN_SIGNED_BYTES, maker->system_identifier, 8);
}

void token_make(struct token_maker *maker, struct position position, char out[TOKEN_TEXT_MAX + 1])
{
	uint8_t bytes[TOKEN_BYTES], over[TOKEN_SIGNED_BYTES + 8];

	assert(position_known(position));
	if (position_compare(position, maker->last) != 0) {
		bytes[0] = TOKEN_VERSION;
		token_put(bytes + 1, position.timeline, 4);
		token_put(bytes + 5, position.lsn, 8);
		token_signed(maker, bytes, over);
		signer_sign(maker->signer, over, sizeof(over), bytes + TOKEN_SIGNED_BYTES);
		buf_clear(&maker->text);
		buf_base64url(&maker->text, bytes, sizeof(bytes));
		buf_byte(&maker->text, 0);
		assert(maker->text.len == TOKEN_CHARS + 1);
		memcpy(maker->last_text, maker->text.ptr, maker->text.len);
		maker->last = position;
	}
	memcpy(out, maker->last_text, TOKEN_CHARS + 1);
}

bool token_read(struct token_maker *maker, struct text text, struct position *position)
{
	uint8_t bytes[TOKEN_BYTES], over[TOKEN_SIGNED_BYTES + 8];
	size_t len;

	if (text.len != TOKEN_CHARS || !base64url_decode(text, bytes, sizeof(bytes), &len) ||
	    len != sizeof(bytes) || bytes[0] != TOKEN_VERSION)
		return false;
	token_signed(maker, bytes, over);
	if (!signer_verify(maker->signer, over, sizeof(over), bytes + TOKEN_SIGNED_BYTES))
		return false;
	position->timeline = (uint32_t)token_get(bytes + 1, 4);
	position->lsn = token_get(bytes + 5, 8);
	return position_known(*position);
}
