/* SPDX-License-Identifier: Apache-2.0 */
/* Only the state moves. */
#include "fake_decoding.h"

#include <assert.h>

static unsigned opened;
static uint64_t status_lsn;
static bool status_wants_reply;

void decoding_init(struct decoding *decoding, struct loop *loop, const struct decoding_owner *owner,
		   const char *check, const char *publication)
{
	*decoding = (struct decoding){
		.loop = loop,
		.owner = owner,
		.check = check,
		.publication = publication,
	};
	opened = 0;
	status_lsn = 0;
}

void decoding_fini(struct decoding *decoding)
{
	decoding_close(decoding);
}

void decoding_open(struct decoding *decoding, const struct node *node, int64_t server_us)
{
	assert(node);
	assert(decoding->state == DECODING_CLOSED);
	decoding->server_us = server_us;
	decoding->state = DECODING_DIALING;
	opened++;
}

void decoding_close(struct decoding *decoding)
{
	decoding->state = DECODING_CLOSED;
}

void decoding_send(struct decoding *decoding, struct text message)
{
	assert(decoding->state == DECODING_STREAMING);
	assert(message.len == 34);
	status_lsn = 0;
	for (unsigned i = 0; i < 8; i++)
		status_lsn = status_lsn << 8 | (unsigned char)message.ptr[9 + i];
	status_wants_reply = message.ptr[33];
}

unsigned fake_decoding_opened(void)
{
	return opened;
}

void fake_decoding_begin(struct decoding *decoding, uint32_t timeline, uint64_t lsn)
{
	decoding->owner->on_begun(decoding, timeline, lsn);
	decoding->state = DECODING_STREAMING;
	decoding->owner->on_turn(decoding);
}

uint64_t fake_decoding_status(bool *wants_reply)
{
	uint64_t lsn = status_lsn;

	*wants_reply = status_wants_reply;
	status_lsn = 0;
	return lsn;
}

void fake_decoding_end(struct decoding *decoding, const char *why)
{
	decoding_close(decoding);
	decoding->owner->on_closed(decoding, why);
}
