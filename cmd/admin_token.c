/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes are compared, so that neither length nor content of a token shows in the time. */
#include "cmd/admin_token.h"

#include "base/log.h"
#include "base/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADMIN_TOKEN_SCHEME "Bearer "
#define ADMIN_TOKEN_FILE_BYTES_MAX 8192
#define ADMIN_TOKEN_BLANKS " \t\r"

/* Of all bytes, wherever they differ. */
static bool admin_token_equal(const uint8_t a[ADMIN_TOKEN_HASH_BYTES],
			      const uint8_t b[ADMIN_TOKEN_HASH_BYTES])
{
	unsigned different = 0;

	for (size_t i = 0; i < ADMIN_TOKEN_HASH_BYTES; i++)
		different |= a[i] ^ b[i];
	return different == 0;
}

/* --- the file --------------------------------------------------------------------------------- */

/* How much of it was read; -1: errno. */
static ssize_t admin_token_slurp(const char *path, char room[ADMIN_TOKEN_FILE_BYTES_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat file;
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read(fd, room, ADMIN_TOKEN_FILE_BYTES_MAX + 1);
	if (len >= 0 && fstat(fd, &file) == 0 && file.st_mode & (S_IRWXG | S_IRWXO))
		log_warn("admin", "--admin-token-file: %s can be read by others: chmod 600", path);
	close(fd);
	return len;
}

/* NULL: it was taken, or is empty. */
static const char *admin_token_take(struct admin_tokens *tokens, struct text line)
{
	while (line.len && strchr(ADMIN_TOKEN_BLANKS, line.ptr[line.len - 1]))
		line.len--;
	while (line.len && strchr(ADMIN_TOKEN_BLANKS, line.ptr[0]))
		line = (struct text){ line.ptr + 1, line.len - 1 };
	if (!line.len)
		return NULL;
	if (line.len < ADMIN_TOKEN_BYTES_MIN)
		return "a token needs 16 characters at least, as of: openssl rand -hex 32";
	if (tokens->count == ADMIN_TOKENS_MAX)
		return "there are more than 8 tokens";
	sha256(line.ptr, line.len, tokens->hashes[tokens->count++]);
	return NULL;
}

static const char *admin_token_lines(struct admin_tokens *tokens, struct text file)
{
	const char *wrong = NULL;

	if (file.len > ADMIN_TOKEN_FILE_BYTES_MAX)
		return "it is longer than 8192 bytes";
	while (file.len && !wrong) {
		const char *end = memchr(file.ptr, '\n', file.len);
		size_t len = end ? (size_t)(end - file.ptr) : file.len;

		wrong = admin_token_take(tokens, (struct text){ file.ptr, len });
		len += end != NULL;
		file = (struct text){ file.ptr + len, file.len - len };
	}
	if (!wrong && !tokens->count)
		return "there is no token in it";
	return wrong;
}

bool admin_tokens_read(struct admin_tokens *tokens, const char *path, char *error,
		       size_t error_room)
{
	char room[ADMIN_TOKEN_FILE_BYTES_MAX + 1];
	ssize_t len = admin_token_slurp(path, room);
	struct admin_tokens found = { .count = 0 };
	const char *wrong = len < 0 ? strerror(errno)
				    : admin_token_lines(&found, (struct text){ room, (size_t)len });

	explicit_bzero(room, sizeof(room));
	if (wrong) {
		snprintf(error, error_room, "%s: %s", path, wrong);
		return false;
	}
	*tokens = found;
	return true;
}

/* --- who asks --------------------------------------------------------------------------------- */

bool admin_tokens_admit(const struct admin_tokens *tokens, struct text authorization)
{
	static const size_t scheme_len = sizeof(ADMIN_TOKEN_SCHEME) - 1;
	uint8_t hash[ADMIN_TOKEN_HASH_BYTES];
	unsigned found = 0;

	if (!authorization.ptr || authorization.len <= scheme_len ||
	    strncasecmp(authorization.ptr, ADMIN_TOKEN_SCHEME, scheme_len) != 0)
		return false;
	sha256(authorization.ptr + scheme_len, authorization.len - scheme_len, hash);
	for (unsigned i = 0; i < tokens->count; i++)
		found |= admin_token_equal(hash, tokens->hashes[i]);
	return found;
}
