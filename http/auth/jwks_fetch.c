/* SPDX-License-Identifier: Apache-2.0 */
/* One handle for each fetch: they are minutes apart. */
#include "http/auth/jwks_fetch.h"

#include "base/limits.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool jwks_is_url(const char *name)
{
	return strstr(name, "://") != NULL;
}

static bool jwks_is_loopback(const char *host)
{
	struct in_addr address;

	if (inet_pton(AF_INET, host, &address) == 1)
		return ntohl(address.s_addr) >> 24 == 127;
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* The parts as libcurl itself will see them: "http://127.0.0.1@example.com/" is no loopback. */
static const char *jwks_parts_wrong(CURLU *parts)
{
	char *scheme = NULL, *host = NULL, *user = NULL;
	const char *wrong = NULL;

	if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0))
		wrong = "is no URL";
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		wrong = "must be https, or a file by its path";
	else if (curl_url_get(parts, CURLUPART_HOST, &host, 0))
		wrong = "is no URL";
	else if (!curl_url_get(parts, CURLUPART_USER, &user, 0))
		wrong = "may hold no user and no password";
	else if (strcmp(scheme, "http") == 0 && !jwks_is_loopback(host))
		wrong = "must be https: who can change the keys on their way can sign any token "
			"(http is for loopback only)";
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	return wrong;
}

const char *jwks_url_wrong(const char *url)
{
	CURLU *parts = curl_url();
	const char *wrong = "is no URL";

	if (!parts)
		log_fatal("jwt", "out of memory");
	if (!curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME))
		wrong = jwks_parts_wrong(parts);
	curl_url_cleanup(parts);
	return wrong;
}

void jwks_fetch_setup(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		log_fatal("jwt", "libcurl cannot be used");
}

/* Fewer bytes than it was given end the transfer. */
static size_t jwks_on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
	struct jwks_answer *answer = arg;

	if (answer->body.len + size * count > JWKS_BYTES_MAX)
		return 0;
	buf_add(&answer->body, bytes, size * count);
	return size * count;
}

/* Called at least once in a second. */
static int jwks_on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
			    curl_off_t up)
{
	const atomic_bool *stopping = arg;

	(void)down_all, (void)down, (void)up_all, (void)up;
	return atomic_load(stopping);
}

static bool jwks_set(CURL *curl, const char *url, const atomic_bool *stopping,
		     struct jwks_answer *answer, char *error, struct curl_slist *headers)
{
	const char *authorities = getenv("SSL_CERT_FILE");
	bool loopback = strncasecmp(url, "http:", 5) == 0;

	return !curl_easy_setopt(curl, CURLOPT_URL, url) &&
	       !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, loopback ? "http" : "https") &&
	       (!loopback || !curl_easy_setopt(curl, CURLOPT_PROXY, "")) &&
	       !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) &&
	       !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) &&
	       !curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)JWKS_FETCH_MS_MAX) &&
	       !curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)JWKS_BYTES_MAX) &&
	       !curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) &&
	       !curl_easy_setopt(curl, CURLOPT_USERAGENT, "cqrsd") &&
	       !curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error) &&
	       (!authorities || !curl_easy_setopt(curl, CURLOPT_CAINFO, authorities)) &&
	       !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, jwks_on_bytes) &&
	       !curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) &&
	       !curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) &&
	       !curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, jwks_on_progress) &&
	       !curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)stopping);
}

/* no-store in any line counts, else the first max-age. */
static int64_t jwks_answer_age_s(CURL *curl)
{
	struct curl_header *header;
	int64_t age_s = -1, line_s;
	size_t at = 0;

	while (!curl_easy_header(curl, "Cache-Control", at++, CURLH_HEADER, -1, &header)) {
		line_s = jwks_max_age_s(text_of(header->value));
		if (age_s < 0 || line_s == 0)
			age_s = line_s;
	}
	return age_s;
}

static bool jwks_perform(CURL *curl, const char *error, struct jwks_answer *answer)
{
	CURLcode code = curl_easy_perform(curl);
	long status = 0;

	if (code == CURLE_ABORTED_BY_CALLBACK)
		return false;
	if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED) {
		snprintf(answer->error, sizeof(answer->error), "more than %d bytes",
			 JWKS_BYTES_MAX);
		return false;
	}
	if (code) {
		snprintf(answer->error, sizeof(answer->error), "%s",
			 error[0] ? error : curl_easy_strerror(code));
		return false;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		snprintf(answer->error, sizeof(answer->error), "status %ld, not 200%s", status,
			 status / 100 == 3 ? " (redirects are not followed)" : "");
		return false;
	}
	answer->max_age_s = jwks_answer_age_s(curl);
	return true;
}

bool jwks_fetch(const char *url, const atomic_bool *stopping, struct jwks_answer *answer)
{
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/jwk-set+json, "
							     "application/json");
	CURL *curl = curl_easy_init();
	bool good = false;

	if (!curl || !headers)
		log_fatal("jwt", "out of memory");
	if (jwks_set(curl, url, stopping, answer, error, headers))
		good = jwks_perform(curl, error, answer);
	else
		snprintf(answer->error, sizeof(answer->error), "libcurl lacks an option");
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return good;
}

const char *jwks_library_version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}
