/* SPDX-License-Identifier: Apache-2.0 */
/* Specs are cut into templates once; rendering only copies pieces. */
#include "bench/mix.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool mix_fail(char *error, size_t room, const char *spec, const char *why)
{
	snprintf(error, room, "\"%s\": %s", spec, why);
	return false;
}

/* {1-99} or {1-99~0.8} at the front of the text; 0: neither, else its length. */
static size_t mix_random(const char *at, const char *end, struct mix_piece *piece)
{
	long long low, high;
	int used = 0;

	/* The whole spec ends with a NUL, so sscanf stops; it must have stopped within the text. */
	if ((sscanf(at, "{%lld-%lld}%n", &low, &high, &used) != 2 || !used) &&
	    (sscanf(at, "{%lld-%lld~%lf}%n", &low, &high, &piece->skew.exponent, &used) != 3 ||
	     !used))
		return 0;
	if (at + used > end)
		return 0;
	piece->kind = piece->skew.exponent == 0.0 ? PIECE_RANDOM : PIECE_SKEWED;
	piece->least = low;
	piece->most = high;
	return (size_t)used;
}

/* What stands at the front of the text; 0: no placeholder, else its length. */
static size_t mix_placeholder(const char *at, const char *end, struct mix_piece *piece)
{
	struct text text = { at, (size_t)(end - at) };

	if (text.len >= 6 && memcmp(at, "{user}", 6) == 0) {
		piece->kind = PIECE_USER;
		return 6;
	}
	if (text.len >= 8 && memcmp(at, "{unique}", 8) == 0) {
		piece->kind = PIECE_UNIQUE;
		return 8;
	}
	return mix_random(at, end, piece);
}

/* NULL, or what is wrong with it. */
static const char *mix_limits(struct mix_piece *piece)
{
	if (piece->least < 0 || piece->least > piece->most || piece->most > MIX_RANDOM_MAX)
		return "a random number is {LEAST-MOST}, neither below 0 nor above 10^15";
	if (piece->kind != PIECE_SKEWED)
		return NULL;
	if (!(piece->skew.exponent > 0.0 && piece->skew.exponent <= SKEW_EXPONENT_MAX))
		return "a skewed number is {LEAST-MOST~EXPONENT}, above 0 and no more than 10";
	skew_init(&piece->skew, piece->most - piece->least + 1, piece->skew.exponent);
	return NULL;
}

static bool mix_add_piece(struct mix_template *template, const struct mix_piece *piece)
{
	if (piece->kind == PIECE_TEXT && !piece->text.len)
		return true;
	if (template->count == MIX_PIECES_MAX)
		return false;
	template->pieces[template->count++] = *piece;
	return true;
}

static bool mix_add_text(struct mix_template *template, const char *from, const char *end)
{
	struct mix_piece piece = { .kind = PIECE_TEXT, .text = { from, (size_t)(end - from) } };

	return mix_add_piece(template, &piece);
}

static const char *mix_compile(struct mix_template *template, struct text text)
{
	const char *end = text.ptr + text.len, *from = text.ptr, *at = from;

	while (at < end) {
		struct mix_piece piece = { 0 };
		size_t len = *at == '{' ? mix_placeholder(at, end, &piece) : 0;
		const char *wrong;

		if (!len) {
			at++;
			continue;
		}
		wrong = mix_limits(&piece);
		if (wrong)
			return wrong;
		if (!mix_add_text(template, from, at) || !mix_add_piece(template, &piece))
			return "too many placeholders";
		from = at += len;
	}
	return mix_add_text(template, from, end) ? NULL : "too many placeholders";
}

/* Cuts "[WEIGHT ]/path", "… BODY", "… BODY /read" at spaces; a body may hold some itself. */
static const char *mix_cut(struct mix_class *class, const char *spec)
{
	const char *end = spec + strlen(spec);
	const char *body, *read = NULL;
	const char *wrong;

	if (*spec != '/')
		return "it begins with a path (or a weight, a space and a path)";
	body = strchr(spec, ' ');
	if (class->kind == MIX_GET && body)
		return "a path has no spaces";
	if (class->kind == MIX_GET)
		return mix_compile(&class->target, (struct text){ spec, (size_t)(end - spec) });
	if (!body)
		return "a body is to follow the path";
	if (class->kind == MIX_PAIR) {
		read = strrchr(body + 1, ' ');
		if (!read || read[1] != '/' || !strstr(body, "{unique}"))
			return "it is /write-path BODY /read-path with {unique} in the body";
	}
	wrong = mix_compile(&class->target, (struct text){ spec, (size_t)(body - spec) });
	if (!wrong)
		wrong = mix_compile(
			&class->body,
			(struct text){ body + 1, (size_t)((read ? read : end) - body - 1) });
	if (!wrong && read)
		wrong = mix_compile(&class->read, text_of(read + 1));
	return wrong;
}

bool mix_add(struct mix *mix, enum mix_kind kind, const char *spec, char *error, size_t error_room)
{
	struct mix_class *class = &mix->classes[mix->count];
	const char *at = spec, *wrong;
	char *stop;

	if (mix->count == MIX_CLASSES_MAX)
		return mix_fail(error, error_room, spec, "too many classes of traffic");
	memset(class, 0, sizeof(*class));
	class->kind = kind;
	class->weight = 1;
	if (*at >= '0' && *at <= '9') {
		unsigned long weight = strtoul(at, &stop, 10);

		if (*stop != ' ' || weight < 1 || weight > MIX_WEIGHT_MAX)
			return mix_fail(error, error_room, spec, "a weight is 1 to 1000000");
		class->weight = (unsigned)weight;
		at = stop + 1;
	}
	class->spec = text_of(at);
	wrong = mix_cut(class, at);
	if (wrong)
		return mix_fail(error, error_room, spec, wrong);
	mix->weight += class->weight;
	mix->count++;
	return true;
}

const struct mix_class *mix_choose(const struct mix *mix, struct random *random)
{
	uint64_t at;

	assert(mix->count > 0);
	if (mix->count == 1)
		return &mix->classes[0];
	at = random_below(random, mix->weight);
	for (size_t i = 0; i < mix->count; i++) {
		if (at < mix->classes[i].weight)
			return &mix->classes[i];
		at -= mix->classes[i].weight;
	}
	assert(!"within the weights");
	return NULL;
}

void mix_render(const struct mix_template *template, const struct mix_values *values,
		struct random *random, struct buf *out)
{
	for (size_t i = 0; i < template->count; i++) {
		const struct mix_piece *piece = &template->pieces[i];
		int64_t least = piece->least, most = piece->most;

		switch (piece->kind) {
		case PIECE_TEXT:
			buf_text(out, piece->text);
			continue;
		case PIECE_SKEWED:
			buf_int(out, least + skew_next(&piece->skew, random) - 1);
			continue;
		case PIECE_RANDOM:
			buf_int(out, least + (int64_t)random_below(random,
								   (uint64_t)(most - least) + 1));
			continue;
		case PIECE_USER:
			buf_int(out, (int64_t)values->user);
			continue;
		case PIECE_UNIQUE:
			buf_int(out, (int64_t)values->unique);
			continue;
		}
		assert(!"a kind of piece");
	}
}

const char *mix_kind_name(enum mix_kind kind)
{
	switch (kind) {
	case MIX_GET:
		return "get";
	case MIX_POST:
		return "post";
	case MIX_PAIR:
		return "pair";
	}
	assert(!"a kind of traffic");
	return "";
}
