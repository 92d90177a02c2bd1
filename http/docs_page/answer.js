// SPDX-License-Identifier: Apache-2.0
// What a call was answered, as elements.

import { h } from "./dom.js";
import { jsonTokens } from "./request.js";

// Beyond it, elements for each token would make the page slow.
const COLOURED_BYTES_MAX = 200000;
const SHOWN_BYTES_MAX = 2000000;
// Shown before all others, in this order.
const HEADERS_FIRST = ["consistency", "consistency-token", "location", "retry-after",
	"idempotent-replayed", "preference-applied", "cache-status", "server-timing", "x-request-id"];

const REASONS = { 200: "OK", 202: "Accepted", 204: "No Content", 304: "Not Modified",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
	415: "Unsupported Media Type", 422: "Unprocessable Content", 429: "Too Many Requests",
	500: "Internal Server Error", 503: "Service Unavailable", 504: "Gateway Timeout" };

// [text, kind] of each piece of a JSON text, indented; digits stay as they came. null: it is none.
export function prettyJson(text) {
	const tokens = jsonTokens(text);
	if (!tokens || tokens.length === 0)
		return null;
	const pieces = [];
	let depth = 0;
	const newLine = () => pieces.push([`\n${"  ".repeat(depth)}`, ""]);
	tokens.forEach((token, index) => {
		const opens = token === "{" || token === "[";
		const closes = token === "}" || token === "]";
		const before = tokens[index - 1];
		if (closes) {
			depth--;
			if (before !== "{" && before !== "[")
				newLine();
		} else if (before === "{" || before === "[" || before === ",") {
			newLine();
		}
		pieces.push([token === ":" ? ": " : token, kindOfToken(token, tokens[index + 1])]);
		if (opens)
			depth++;
	});
	return pieces;
}

function kindOfToken(token, after) {
	if (token.startsWith('"'))
		return after === ":" ? "key" : "string";
	if (/^[-\d]/.test(token))
		return "number";
	return /^[tfn]/.test(token) ? "word" : "";
}

function bodyElement(text) {
	const shown = text.slice(0, SHOWN_BYTES_MAX);
	const pieces = shown === text ? prettyJson(text) : null;
	const content = !pieces ? shown : text.length > COLOURED_BYTES_MAX
		? pieces.map(([piece]) => piece).join("")
		: pieces.map(([piece, kind]) => (kind ? h("span", { class: `json-${kind}` }, piece) : piece));

	return [h("pre", { class: "code body", tabindex: "0", role: "region", "aria-label": "Body" },
		h("code", null, content)),
	shown === text ? null : h("p", { class: "note" }, `The first ${SHOWN_BYTES_MAX} characters.`)];
}

function headersElement(headers) {
	const sorted = [...headers].sort(([a], [b]) => {
		const [first, second] = [a, b].map((name) => (HEADERS_FIRST.includes(name)
			? HEADERS_FIRST.indexOf(name) : HEADERS_FIRST.length));
		return first - second || (a < b ? -1 : 1);
	});

	return h("dl", { class: "headers" }, sorted.map(([name, value]) =>
		h("div", null, h("dt", null, name), h("dd", null,
			value.split(/(?<=[;,])/).map((part, index) => [index ? h("wbr") : null, part])))));
}

function problemElement(text) {
	let problem;
	try {
		problem = JSON.parse(text);
	} catch {
		return null;
	}
	const facts = [["Constraint", problem.constraint], ["Column", problem.column],
		["SQLSTATE", problem.sqlstate], ["Hint", problem.hint], ["Detail", problem.db_detail]]
		.filter(([, value]) => value !== undefined);
	return h("div", { class: "problem" },
		h("p", { class: "problem-title" }, h("code", null, String(problem.code)), " ",
			String(problem.title ?? "")),
		problem.detail ? h("p", null, String(problem.detail)) : null,
		Array.isArray(problem.errors) && problem.errors.length > 0
			? h("ul", null, problem.errors.map((error) =>
				h("li", null, h("code", null, String(error.param)), " ", String(error.detail)))) : null,
		facts.map(([name, value]) => h("p", null, `${name}: `, h("code", null, String(value)))),
		h("p", { class: "note" }, problem.retryable
			? "The same request, sent again after a pause, may succeed and does no harm."
			: "The same request, sent again, does not help, or may do harm."));
}

// reply: {status, headers: [[name, value]], text, ms}
export function answerElement(reply) {
	const kind = reply.status < 300 ? "good" : reply.status < 400 ? "same" : "bad";
	const type = reply.headers.find(([name]) => name === "content-type")?.[1] ?? "";
	const size = new TextEncoder().encode(reply.text).length;

	return [
		h("p", { class: "status-line" },
			h("strong", { class: `status ${kind}` }, `${reply.status} ${REASONS[reply.status] ?? ""}`.trim()),
			h("span", null, `${reply.ms.toFixed(reply.ms < 10 ? 1 : 0)} ms`),
			h("span", null, `${size.toLocaleString("en")} bytes`)),
		type.startsWith("application/problem+json") ? problemElement(reply.text) : null,
		h("h4", null, "Headers"), headersElement(reply.headers),
		h("h4", null, "Body"),
		reply.text ? bodyElement(reply.text) : h("p", { class: "note" }, "There is none."),
	];
}

export function failureElement(error) {
	return h("div", { class: "problem" }, h("p", { class: "problem-title" }, "No answer"),
		h("p", null, error.name === "AbortError" ? "The call was given up." : String(error.message)));
}
