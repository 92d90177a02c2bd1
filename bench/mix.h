/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked: classes of traffic with weights, each made of templates.
 *
 *   --get   '[WEIGHT ]/path?id={1-1000000}'
 *   --post  '[WEIGHT ]/path BODY'
 *   --pair  '[WEIGHT ]/write-path BODY /read-path'      the same user reads at once, and the answer
 *                                                       must contain what {unique} was
 *
 * In a template {1-99} is a random number, {1-99~0.8} one of which the n-th comes as often as n to
 * the power of -0.8 says (bench/skew.h), {user} the number of the request's user and {unique} a
 * number that no other request of this or another run carries. Other braces stand for themselves.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/random.h"
#include "base/text.h"
#include "bench/skew.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIX_CLASSES_MAX 16
#define MIX_PIECES_MAX 24
#define MIX_WEIGHT_MAX 1000000
#define MIX_RANDOM_MAX INT64_C(1000000000000000)

enum mix_kind { MIX_GET, MIX_POST, MIX_PAIR };

enum piece_kind { PIECE_TEXT, PIECE_RANDOM, PIECE_SKEWED, PIECE_USER, PIECE_UNIQUE };

struct mix_piece {
	enum piece_kind kind;
	struct text text;
	int64_t least, most;
	struct skew skew;
};

struct mix_template {
	struct mix_piece pieces[MIX_PIECES_MAX];
	size_t count;
};

struct mix_class {
	enum mix_kind kind;
	unsigned weight;
	struct text spec; /* as given, without the weight */
	struct mix_template target, body, read;
};

struct mix {
	struct mix_class classes[MIX_CLASSES_MAX];
	size_t count;
	uint64_t weight; /* of all */
};

/* What the templates of one request are filled with. */
struct mix_values {
	uint64_t user, unique;
};

/* One more class from its spec, which is borrowed for good. False: error says what is wrong. */
bool mix_add(struct mix *mix, enum mix_kind kind, const char *spec, char *error,
	     size_t error_room) must_check;
/* A class by its weight. The mix must have one. */
const struct mix_class *mix_choose(const struct mix *mix, struct random *random);
void mix_render(const struct mix_template *template, const struct mix_values *values,
		struct random *random, struct buf *out);
const char *mix_kind_name(enum mix_kind kind);
