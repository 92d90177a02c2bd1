/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of JWTs start with: the keys of RFC 7515 (A.1, A.2, A.3) and RFC 8037 (A.1), which
 * sign here as their issuer would, and a policy.
 */
#pragma once

#include "http/auth/jwt.h"

#define JWT_STORY_NOW_S 1700000000
#define JWT_STORY_HMAC_KEY                                                                         \
	"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define JWT_STORY_RSA_N                                                                            \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1"   \
	"Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpa"   \
	"SHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4"   \
	"LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define JWT_STORY_EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define JWT_STORY_EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define JWT_STORY_ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

#define JWT_STORY_RSA                                                                              \
	"{\"kty\":\"RSA\",\"kid\":\"rsa\",\"n\":\"" JWT_STORY_RSA_N "\",\"e\":\"AQAB\"}"
#define JWT_STORY_EC                                                                               \
	"{\"kty\":\"EC\",\"kid\":\"ec\",\"crv\":\"P-256\",\"x\":\"" JWT_STORY_EC_X                 \
	"\",\"y\":\"" JWT_STORY_EC_Y "\"}"
#define JWT_STORY_ED                                                                               \
	"{\"kty\":\"OKP\",\"kid\":\"ed\",\"crv\":\"Ed25519\",\"x\":\"" JWT_STORY_ED_X "\"}"
/* All three. */
#define JWT_STORY_KEYS "{\"keys\":[" JWT_STORY_RSA "," JWT_STORY_EC "," JWT_STORY_ED "]}"

/* Issuer "https://id.example", audience "shop", roles of `roles`, user of `sub`, 30 s of leeway. */
extern const struct jwt_policy jwt_story_policy;
/* Claims that satisfy it. */
extern const char jwt_story_claims[];

void jwt_story_set(const char *keys, struct jwk_set *set);
void jwt_story_secret(struct jwk_set *set);
/* A token in memory that the next call but 15 uses again. */
struct text jwt_story_sign(enum jws_algorithm algorithm, const char *header, const char *claims);
/* With that signature, whatever it is. */
struct text jwt_story_token(const char *header, const char *claims, const void *signature,
			    size_t len);
/* With a MAC of that key, as a token of HS256. */
struct text jwt_story_mac(const char *header, const char *claims, const void *key, size_t len);
