// SPDX-License-Identifier: Apache-2.0
// Schemas of the document, in words and as elements.

import { h, literal } from "./dom.js";
import { markdown } from "./markdown.js";

const DEPTH_MAX = 6;
// What a format says already.
const LIMITS_OF = { int16: 32768, int32: 2147483648 };

// Follows references, and lays the members of allOf over one another.
export function resolve(whole, node) {
	let found = node ?? {};
	for (let hops = 0; found.$ref && hops < 20; hops++)
		found = found.$ref.replace(/^#\//, "").split("/").reduce((parent, part) =>
			parent?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")], whole) ?? {};
	if (!found.allOf)
		return found;
	const parts = found.allOf.map((part) => resolve(whole, part));
	return Object.assign({}, ...parts, {
		properties: Object.assign({}, ...parts.map((part) => part.properties)),
		required: parts.flatMap((part) => part.required ?? []),
	});
}

export function typesOf(schema) {
	return [schema.type ?? []].flat().filter((type) => type !== "null");
}

export function mayBeNull(schema) {
	return schema.type === undefined ? !schema.oneOf && !schema.enum
		: [schema.type].flat().includes("null");
}

export function typeInWords(whole, node) {
	const schema = resolve(whole, node);
	const types = typesOf(schema);

	if (schema.oneOf)
		return schema.oneOf.map((part) => typeInWords(whole, part)).join(", or ");
	if (schema.const !== undefined)
		return literal(schema.const);
	if (types.includes("array"))
		return `array of ${typeInWords(whole, schema.items)}`;
	if (types.length === 0)
		return schema.properties ? "object" : "any JSON";
	return types.join(" or ") + (schema.format ? ` · ${schema.format}` : "");
}

// "at most 5 characters", "0 to 7": what is not in the type's name.
function limitsInWords(schema) {
	const limit = LIMITS_OF[schema.format];
	const said = [];

	if (schema.minimum !== undefined && schema.minimum !== -limit)
		said.push(`at least ${schema.minimum}`);
	if (schema.maximum !== undefined && schema.maximum !== limit - 1)
		said.push(`at most ${schema.maximum}`);
	if (schema.minLength !== undefined)
		said.push(`at least ${schema.minLength} ${schema.minLength === 1 ? "character" : "characters"}`);
	if (schema.maxLength !== undefined)
		said.push(`at most ${schema.maxLength} ${schema.maxLength === 1 ? "character" : "characters"}`);
	if (schema.maxItems !== undefined)
		said.push(`at most ${schema.maxItems} elements`);
	if (schema.pattern !== undefined)
		said.push(`matches ${schema.pattern}`);
	return said.join(", ");
}

function labels(schema, items) {
	const values = (schema.enum ?? items.enum ?? []).filter((value) => value !== null);
	if (values.length === 0)
		return null;
	return h("p", { class: "labels" }, "One of ", values.map((value, index) => [
		index ? " " : null, h("code", null, typeof value === "string" ? value : literal(value))]));
}

/*
 * The members of an object, nested ones below theirs. `of` is "parameters", where what is required
 * is marked, or "columns", where what may be null is.
 */
export function members(whole, node, of, depth = 0) {
	const schema = resolve(whole, node);
	const required = new Set(schema.required ?? []);
	const entries = Object.entries(schema.properties ?? {});

	if (entries.length === 0 || depth > DEPTH_MAX)
		return null;
	return h("dl", { class: "members" }, entries.map(([name, member]) =>
		h("div", null, memberTitle(whole, name, resolve(whole, member), of, required.has(name)),
			memberText(whole, resolve(whole, member), of, depth))));
}

function memberTitle(whole, name, schema, of, isRequired) {
	const asks = of === "parameters";
	return h("dt", null, h("code", { class: "name" }, name), " ",
		h("span", { class: "type" }, typeInWords(whole, schema)), " ",
		asks && isRequired ? h("span", { class: "mark required" }, "required") : null,
		!asks && mayBeNull(schema) ? h("span", { class: "mark" }, "may be null") : null,
		!asks && !isRequired ? h("span", { class: "mark" }, "may be absent") : null);
}

function memberText(whole, schema, of, depth) {
	const items = resolve(whole, schema.items);
	const limits = limitsInWords(schema);
	const inner = members(whole, schema.properties ? schema : items, of, depth + 1);

	return h("dd", null, schema.description ? markdown(schema.description) : null,
		labels(schema, items), limits ? h("p", null, limits) : null,
		schema.default !== undefined
			? h("p", null, "Default ", h("code", null, literal(schema.default))) : null,
		(schema.oneOf ?? []).map((part) => members(whole, part, of, depth + 1)), inner);
}
