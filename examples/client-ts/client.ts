// A client of cqrsd's operations, around the types of its OpenAPI document: it sees what it has
// written (Consistency-Token), a command takes effect once however often it is sent
// (Idempotency-Key), and what was refused for a moment is sent again when Retry-After says so.
import { randomUUID } from "node:crypto"; // in a browser: crypto.randomUUID
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Problem = components["schemas"]["Problem"];

/** An answer that is none of the operation's own: its problem document. */
export class ProblemError extends Error {
  constructor(readonly status: number, readonly problem: Problem) {
    super(`${status} ${problem.code}: ${problem.detail ?? problem.title}`);
  }
}

export interface Options {
  baseUrl: string;
  user?: string; // the end user, where cqrsd trusts this caller; else give a bearer token
  bearer?: string;
  attempts?: number; // of one request
  waitMax?: number; // seconds; a longer Retry-After is answered as it is
}

const TOKENS_MAX = 8; // as many as a request may carry

export function connect(options: Options): Client<paths> {
  const { baseUrl, user, bearer, attempts = 4, waitMax = 10 } = options;
  let tokens: string[] = [];

  // Answers to requests that were under way together may each be ahead of the other.
  function keep(token: string | null, sent: string[]): void {
    if (token === null || tokens.includes(token)) return;
    tokens = [token, ...tokens.filter((held) => !sent.includes(held))].slice(0, TOKENS_MAX);
  }

  async function send(request: Request): Promise<Response> {
    const sent = tokens;
    const headers = new Headers(request.headers);
    if (sent.length > 0) headers.set("Consistency-Token", sent.join(", "));
    const response = await fetch(new Request(request.clone(), { headers }));
    keep(response.headers.get("Consistency-Token"), sent);
    return response;
  }

  async function retried(request: Request): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      let wait = 0.1 * 2 ** attempt;
      try {
        const response = await send(request);
        const after = response.headers.get("Retry-After");
        const refused = response.status === 429 || response.status === 503;
        if (!refused || after === null || Number(after) > waitMax || attempt === attempts)
          return response;
        await response.body?.cancel();
        wait = Number(after);
      } catch (error) {
        // The connection was lost: what has a key, or reads, may be sent again.
        if (attempt === attempts || request.signal.aborted) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    }
  }

  const client = createClient<paths>({ baseUrl, fetch: retried });
  client.use({
    onRequest({ request }) {
      if (user !== undefined) request.headers.set("X-User-Id", user);
      if (bearer !== undefined) request.headers.set("Authorization", `Bearer ${bearer}`);
      const isCommand = new URL(request.url).pathname.startsWith("/v1/commands/");
      if (isCommand && !request.headers.has("Idempotency-Key"))
        request.headers.set("Idempotency-Key", randomUUID());
      return request;
    },
  });
  return client;
}

/** The answer's body, or its problem thrown. */
export async function ok<Body>(
  answer: Promise<{ data?: Body; error?: unknown; response: Response }>,
): Promise<Body> {
  const { data, error, response } = await answer;
  if (!response.ok) throw new ProblemError(response.status, error as Problem);
  return data as Body;
}
