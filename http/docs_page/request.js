// SPDX-License-Identifier: Apache-2.0
// What is sent, made of what was typed: a pure part of the page. Numbers are never read as numbers
// here, so that a bigint keeps its digits.

import { mayBeNull, typesOf } from "./schema.js";

// What a terminal or a reader might not take as text: controls, and characters without a shape.
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]|\s+/y;

// How a value is typed in: "choice", "boolean", "number", "string", or "json".
export function kindOf(schema) {
	const types = typesOf(schema);

	if (schema.enum?.some((label) => typeof label === "string"))
		return "choice";
	if (types.length === 0 || types.includes("array") || types.includes("object"))
		return "json";
	if (types.includes("boolean"))
		return "boolean";
	return types.includes("integer") || types.includes("number") ? "number" : "string";
}

// The pieces of a JSON text, white space left out; null where it is none.
export function jsonTokens(text) {
	const tokens = [];
	JSON_TOKEN.lastIndex = 0;
	while (JSON_TOKEN.lastIndex < text.length) {
		const found = JSON_TOKEN.exec(text);
		if (!found)
			return null;
		if (found[0].trim())
			tokens.push(found[0]);
	}
	return tokens;
}

function escapeUnseen(text) {
	return text.replace(UNSEEN, (character) => [...Array(character.length).keys()].map((index) =>
		`\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`).join(""));
}

// A value as JSON in one line; throws what is wrong with it.
export function jsonOf(schema, text) {
	const kind = kindOf(schema);
	const trimmed = text.trim();

	if (kind === "json") {
		JSON.parse(trimmed);
		return escapeUnseen(jsonTokens(trimmed).join(""));
	}
	if (kind === "boolean" || (kind === "number" && NUMBER.test(trimmed)))
		return trimmed;
	return escapeUnseen(JSON.stringify(kind === "string" || kind === "choice" ? text : trimmed));
}

// Is the field left out of the call?
export function isAbsent(field) {
	return field.text === "" && !(field.required && kindOf(field.schema) === "string");
}

// fields: [{name, schema, required, text}]
export function bodyOf(fields) {
	const taken = fields.filter((field) => !isAbsent(field));
	return `{${taken.map((field) =>
		`${escapeUnseen(JSON.stringify(field.name))}:${jsonOf(field.schema, field.text)}`).join(",")}}`;
}

// The elements of a JSON array, as they are written; of nested ones, too.
function elementsOf(text) {
	const elements = [];
	let depth = 0;
	for (const token of jsonTokens(text)) {
		if (depth === 1 && token === ",")
			continue;
		if (token === "]" || token === "}")
			depth--;
		if (depth > 1 || (depth === 1 && (token === "]" || token === "}")))
			elements.push(elements.pop() + token);
		else if (depth === 1)
			elements.push(token);
		if (token === "[" || token === "{")
			depth++;
	}
	return elements;
}

function queryValues(field) {
	const text = field.text.trim();

	if (!typesOf(field.schema).includes("array"))
		return [kindOf(field.schema) === "json" ? jsonOf(field.schema, text) : field.text];
	if (!Array.isArray(JSON.parse(text)))
		throw new Error("it is an array: [\"a\", \"b\"]");
	const elements = elementsOf(text);
	if (elements.some((element) => element === "null" || element.startsWith("[")))
		throw new Error("null and nested arrays have no form in a query string: choose POST");
	if (elements.length === 0)
		return [""];
	return elements.map((element) => (element.startsWith('"') ? JSON.parse(element) : element));
}

export function queryOf(fields) {
	const query = new URLSearchParams();
	for (const field of fields.filter((one) => !isAbsent(one))) {
		if (field.text.trim() === "null" && kindOf(field.schema) === "json" && mayBeNull(field.schema))
			continue;
		for (const value of queryValues(field))
			query.append(field.name, value);
	}
	return query.toString();
}

// "/v1/jobs/{id}" with the values of the fields that are in it. "." and "..", which would be steps to
// another path, are no ids.
export function pathOf(path, fields) {
	return path.split("/").map((part) => {
		const field = fields.find((one) => part === `{${one.name}}`);
		return encodeURIComponent(field ? field.text.trim().toWellFormed() : part)
			.replace(/^\.{1,2}$/, "-");
	}).join("/");
}

// What is wrong with the text of a field, or null.
export function complaint(field, way) {
	if (field.required && field.text === "" && kindOf(field.schema) !== "string")
		return "This one is required.";
	if (isAbsent(field))
		return null;
	try {
		if (way === "GET")
			queryOf([field]);
		else
			bodyOf([field]);
		return null;
	} catch (error) {
		return error instanceof SyntaxError ? `This is not JSON: ${error.message}` : error.message;
	}
}

export function headerComplaint(value) {
	return /[\p{Cc}\p{Cf}]/u.test(value) ? "A header has no control characters." : null;
}

// The service reads headers as UTF-8; fetch takes a character for each byte.
export function headerBytes(value) {
	return String.fromCharCode(...new TextEncoder().encode(value));
}

// One word of a POSIX shell.
export function shellWord(text) {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/*
 * The call as one command of a shell. `credential` is what stands for it there: the text itself, or
 * null for the variable CQRSD_TOKEN.
 */
export function curlOf(call, credential) {
	const words = ["curl"];

	if (call.method !== "GET" && call.body === undefined)
		words.push("-X", call.method);
	words.push(shellWord(call.url));
	for (const [name, value] of call.headers)
		if (HEADER_NAME.test(name) && value !== "" && !headerComplaint(value))
			words.push("-H", shellWord(`${name}: ${value}`));
	if (call.credential)
		words.push("-H", credential === null ? '"Authorization: Bearer $CQRSD_TOKEN"'
			: shellWord(`Authorization: Bearer ${credential}`));
	if (call.body !== undefined)
		words.push("--data-raw", shellWord(call.body));
	return words.join(" ");
}
