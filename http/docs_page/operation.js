// SPDX-License-Identifier: Apache-2.0
// The pages of the document: of an operation, and of all of them.

import { h } from "./dom.js";
import { markdown, markdownLine } from "./markdown.js";
import { members, resolve, typeInWords } from "./schema.js";
import { tryElement } from "./try.js";

/*
 * The operations of the document: a query's GET and POST are one; of a job each method is one.
 * {name, kind, path, calls: {GET, POST}, call, parameters, words}
 */
export function operationsOf(whole) {
	const operations = Object.entries(whole.paths ?? {}).flatMap(([path, item]) => {
		const found = /^\/v1\/(queries|commands)\/([^/{}]+)$/.exec(path);
		if (found && item.post)
			return [{ path, name: decodeURIComponent(found[2]), parameters: parametersOf(whole, item),
				kind: found[1] === "queries" ? "query" : "command",
				calls: { ...(item.get ? { GET: item.get } : {}), POST: item.post } }];
		return path.startsWith("/v1/jobs/") ? jobOperations(whole, path, item) : [];
	});
	for (const operation of operations) {
		operation.call = Object.values(operation.calls)[0];
		operation.words = wordsOf(whole, operation);
	}
	return operations;
}

// Their parameters are parts of the path.
function jobOperations(whole, path, item) {
	const parts = (item.parameters ?? []).map((node) => resolve(whole, node))
		.filter((parameter) => parameter.in === "path");
	const parameters = { required: parts.map((part) => part.name),
		properties: Object.fromEntries(parts.map((part) => [part.name,
			{ ...resolve(whole, part.schema), description: part.description }])) };

	return Object.entries(item).filter(([, call]) => call.operationId).map(([method, call]) =>
		({ path, name: call.operationId, kind: "job", parameters, calls: { [method.toUpperCase()]: call } }));
}

// The schema of the body's object, without the form for several jobs.
function parametersOf(whole, item) {
	const schema = resolve(whole, item.post.requestBody?.content?.["application/json"]?.schema);
	return schema.oneOf ? resolve(whole, schema.oneOf[0]) : schema;
}

function wordsOf(whole, operation) {
	const success = resolve(whole, operation.call.responses?.["200"]);
	const names = [];
	const gather = (node, depth) => {
		const schema = resolve(whole, node);
		for (const [name, member] of Object.entries(schema.properties ?? {})) {
			names.push(name);
			if (depth < 3)
				gather(member, depth + 1);
		}
		if (schema.items && depth < 3)
			gather(schema.items, depth + 1);
	};

	gather(operation.parameters, 0);
	gather(success.content?.["application/json"]?.schema, 0);
	return [operation.name, operation.kind, operation.call.description ?? "", ...names]
		.join(" ").toLowerCase();
}

function whoMayCall(call) {
	if (call["x-internal"])
		return "peers of a Unix socket only.";
	const ways = call.security ?? [];
	if (ways.length === 0 || ways.some((way) => Object.keys(way).length === 0))
		return "anybody.";
	const roles = ways.flatMap((way) => Object.values(way).flat());
	return roles.length === 0 ? "callers with a credential."
		: ["callers with the role ", roles.map((role, index) =>
			[index ? " or " : "", h("code", null, role)]), "."];
}

function problemCodes(whole, response) {
	return Object.values(response.content ?? {}).flatMap((content) =>
		resolve(whole, content.schema).properties?.code?.enum ?? []);
}

function problems(whole, operation) {
	const rows = new Map();
	for (const call of Object.values(operation.calls))
		for (const [status, node] of Object.entries(call.responses ?? {})) {
			const response = resolve(whole, node);
			if (Number(status) >= 400)
				rows.set(status, { text: response.description,
					codes: new Set([...(rows.get(status)?.codes ?? []), ...problemCodes(whole, response)]) });
		}
	return h("table", { class: "problems" },
		h("thead", null, h("tr", null, h("th", { scope: "col" }, "Status"),
			h("th", { scope: "col" }, "When, and codes"))),
		h("tbody", null, [...rows].sort().map(([status, row]) => h("tr", null,
			h("th", { scope: "row" }, status),
			h("td", null, markdownLine(row.text), h("div", { class: "labels" },
				[...row.codes].map((code) => [h("code", null, code), " "])))))));
}

function headersOut(whole, operation) {
	const headers = Object.entries(resolve(whole, operation.call.responses?.["200"]).headers ?? {});
	if (headers.length === 0)
		return null;
	return h("details", null, h("summary", null, "Headers of the answer"),
		h("dl", { class: "members" }, headers.map(([name, node]) => h("div", null,
			h("dt", null, h("code", { class: "name" }, name)),
			h("dd", null, markdown(resolve(whole, node).description))))));
}

function answers(whole, operation) {
	const responses = Object.entries(operation.call.responses ?? {}).map(([status, node]) =>
		[status, resolve(whole, node)]).filter(([status]) => Number(status) < 400);

	return h("section", null, h("h2", null, "Answer"), responses.map(([status, response]) => {
		const schema = response.content?.["application/json"]?.schema;
		return [h("h3", null, h("span", { class: "status good" }, status), " ",
			markdownLine(response.description)),
		schema ? members(whole, schema, "columns") ?? h("p", null, typeInWords(whole, schema)) : null];
	}), headersOut(whole, operation));
}

function marks(operation) {
	const { call } = operation;
	return [
		call.deprecated ? h("span", { class: "mark warn" }, "deprecated") : null,
		call["x-internal"] ? h("span", { class: "mark" }, "internal") : null,
		call["x-async"] === "always" ? h("span", { class: "mark" }, "always a job") : null,
		call["x-async"] !== "always" && call.responses?.["202"]
			? h("span", { class: "mark" }, "may be a job") : null];
}

function jobsAtOnce(operation) {
	const several = operation.calls.POST?.requestBody?.content?.["application/json"]?.schema?.oneOf?.[1];
	return several ? h("p", null, `As jobs, an array of up to ${several.maxItems} such objects is `
		+ "accepted at once.") : null;
}

export function operationElement(state, operation) {
	const { whole } = state;
	const { call } = operation;

	return h("article", { class: "operation" },
		h("div", { class: "told" },
			h("p", { class: "kicker" }, h("span", { class: `kind ${operation.kind}` }, operation.kind),
				" ", marks(operation)),
			h("h1", { tabindex: "-1" }, operation.name),
			h("p", { class: "path" }, Object.keys(operation.calls).map((way) =>
				[h("code", null, `${way} ${operation.path}`), " "])),
			markdown(call.description ?? call.summary),
			h("button", { type: "button", class: "jump",
				onclick: () => state.panels.get(operation.name).goTo() }, "Try it"),
			h("p", { class: "note" }, "Who may call: ", whoMayCall(call)),
			h("section", null, h("h2", null, "Parameters"),
				members(whole, operation.parameters, "parameters")
				?? h("p", { class: "note" }, "It takes none."), jobsAtOnce(operation)),
			answers(whole, operation),
			h("section", null, h("h2", null, "Problems"), problems(whole, operation))),
		tryElement(state, operation));
}

function firstSentence(text) {
	return (text ?? "").split(/\n[ \t]*\n/)[0].replaceAll("\n", " ").split(/(?<=\.)\s/)[0];
}

export function overviewElement(state, operations) {
	const { whole } = state;
	const part = (kind, title) => {
		const those = operations.filter((operation) => operation.kind === kind);
		const told = (whole.tags ?? []).find((tag) => tag.name === title.toLowerCase())?.description;
		return those.length === 0 ? null : h("section", null, h("h2", null, title), markdown(told),
			h("dl", { class: "overview" }, those.map((operation) => h("div", null,
				h("dt", null, h("a", { href: `#/${operation.name}` }, operation.name), " ", marks(operation)),
				h("dd", null, markdownLine(firstSentence(operation.call.description
					?? operation.call.summary)))))));
	};

	return h("article", { class: "overview-page" },
		h("h1", { tabindex: "-1" }, whole.info?.title ?? "Operations"),
		h("p", { class: "note" }, `Version ${whole.info?.version ?? "unknown"}, `,
			h("a", { href: "openapi.json" }, "OpenAPI document")),
		markdown(whole.info?.description), part("query", "Queries"), part("command", "Commands"),
		part("job", "Jobs"));
}
