// SPDX-License-Identifier: Apache-2.0
// The form by which an operation is called, the call as a curl line, and its answer.

import { answerElement, failureElement } from "./answer.js";
import { announce, h, literal, newId } from "./dom.js";
import { markdownLine } from "./markdown.js";
import { bodyOf, complaint, curlOf, headerBytes, headerComplaint, kindOf, pathOf, queryOf }
	from "./request.js";
import { resolve, typeInWords } from "./schema.js";

// Of all headers of requests those that are not folded away.
const HEADERS_SHOWN = ["Idempotency-Key"];
const SUGGESTIONS = { Consistency: ["eventual", "session", "strong"],
	Priority: ["u=0", "u=3", "u=7"], "Cache-Control": ["no-cache", "no-store", "max-age=5"] };

/* --- fields ------------------------------------------------------------------------------------ */

function choices(values, required, absent) {
	return [h("option", { value: "" }, required ? "Choose" : absent),
		values.map((value) => h("option", { value }, value))];
}

function control(field, id, described) {
	const { schema } = field;
	const kind = kindOf(schema);
	const common = { id, name: field.name, "aria-describedby": described,
		required: field.required && kind !== "string", spellcheck: "false", autocomplete: "off" };
	const unsaid = schema.default !== undefined && schema.default !== null
		? `default: ${typeof schema.default === "string" ? schema.default : literal(schema.default)}`
		: "";

	if (kind === "choice")
		return h("select", common, choices(schema.enum.filter((label) => label !== null),
			field.required, unsaid || "not given"));
	if (kind === "boolean")
		return h("select", common, choices(["true", "false"], field.required, unsaid || "not given"));
	if (kind === "json")
		return h("textarea", { ...common, rows: "2", placeholder: unsaid || (
			schema.type ? "[\"…\"]" : "JSON") });
	return h("input", { ...common, type: "text", inputmode: kind === "number" ? "decimal" : null,
		placeholder: unsaid || (schema.format === "date-time" ? "2026-12-01T00:00:00Z" : null)
			|| (schema.format === "date" ? "2026-12-01" : null) });
}

// Adds `input`, `error` and `text` (what is typed) to the field.
function fieldElement(whole, field) {
	const id = newId("field");
	const error = h("p", { class: "error", id: `${id}-error`, hidden: true });

	field.input = control(field, id, `${id}-about ${id}-error`);
	field.error = error;
	Object.defineProperty(field, "text", { get: () => field.input.value });
	return h("div", { class: "field" },
		h("p", { class: "field-title" }, h("label", { for: id }, h("code", null, field.name)),
			h("span", { class: "type" }, typeInWords(whole, field.schema)),
			field.required ? h("span", { class: "mark required" }, "required") : null),
		h("p", { class: "about", id: `${id}-about`, hidden: !field.schema.description },
			markdownLine(field.schema.description)), field.input, error);
}

function complain(field, text) {
	field.error.textContent = text ?? "";
	field.error.hidden = !text;
	if (text)
		field.input.setAttribute("aria-invalid", "true");
	else
		field.input.removeAttribute("aria-invalid");
}

function parameterFields(whole, operation) {
	const { properties = {}, required = [] } = operation.parameters;
	return Object.entries(properties).map(([name, node]) =>
		({ name, schema: resolve(whole, node), required: required.includes(name) }));
}

/* --- headers ----------------------------------------------------------------------------------- */

function newKey() {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function headerElement(panel, header) {
	const id = newId("header");
	const list = SUGGESTIONS[header.name];
	const isKey = header.name === "Idempotency-Key";

	header.error = h("p", { class: "error", id: `${id}-error`, hidden: true });
	header.input = h("input", { type: "text", id, spellcheck: "false", autocomplete: "off",
		list: list ? `${id}-list` : null, "aria-describedby": `${id}-about ${id}-error`,
		required: header.required });
	header.input.value = panel.state.carried.get(header.name) ?? "";
	return h("div", { class: "field" },
		h("p", { class: "field-title" }, h("label", { for: id }, h("code", null, header.name)),
			header.required ? h("span", { class: "mark required" }, "required") : null),
		h("p", { class: "about", id: `${id}-about` }, markdownLine(header.description),
			header.name === "Consistency-Token"
				? " Filled with that of the last answer; empty it to ask without." : null),
		h("div", { class: "with-button" }, header.input, isKey ? h("button", { type: "button",
			onclick: () => { header.input.value = newKey(); panel.refresh(); } }, "New key") : null),
		list ? h("datalist", { id: `${id}-list` }, list.map((value) => h("option", { value }))) : null,
		header.error);
}

// Those of all the ways in which the operation is called; `ways` says of which.
function headersIn(whole, operation) {
	const headers = new Map();
	for (const [way, call] of Object.entries(operation.calls))
		for (const node of call.parameters ?? []) {
			const header = resolve(whole, node);
			if (header.in !== "header")
				continue;
			const known = headers.get(header.name);
			headers.set(header.name, { name: header.name, description: header.description,
				required: header.required ?? false, ways: [...(known?.ways ?? []), way] });
		}
	return [...headers.values()];
}

/* --- the panel --------------------------------------------------------------------------------- */

class Panel {
	constructor(state, operation) {
		this.state = state;
		this.operation = operation;
		this.fields = parameterFields(state.whole, operation);
		this.headers = headersIn(state.whole, operation);
		[this.way] = Object.keys(operation.calls);
		this.isAlwaysJob = operation.call["x-async"] === "always";
		this.element = this.build();
		this.refresh();
	}

	build() {
		const { whole } = this.state;
		const title = newId("try");
		const shown = this.headers.filter((header) => HEADERS_SHOWN.includes(header.name)
			|| header.required || header.name === this.state.userHeader);
		const folded = this.headers.filter((header) => !shown.includes(header));

		this.answer = h("div", { class: "answer", role: "region", "aria-label": "Answer" });
		this.send = h("button", { type: "submit", class: "primary" }, "Send");
		this.stop = h("button", { type: "button", hidden: true,
			onclick: () => this.controller?.abort() }, "Stop");
		this.form = h("form", { novalidate: true, onsubmit: (event) => {
			event.preventDefault();
			this.call();
		}, oninput: () => this.refresh(), onkeydown: (event) => {
			if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
				this.form.requestSubmit();
		} }, this.wayElement(), this.fields.map((field) => fieldElement(whole, field)),
		this.jobElement(), shown.map((header) => headerElement(this, header)),
		this.foldedElement(folded),
		h("div", { class: "buttons" }, this.send, this.stop, this.exampleButton()));
		return h("aside", { class: "try", "aria-labelledby": title },
			h("h2", { id: title }, "Try it"), this.form, this.curlElement(), this.answer);
	}

	// Says what of the folded headers is sent.
	foldedElement(folded) {
		this.folded = folded;
		this.foldedNote = h("span", { class: "note" });
		return folded.length === 0 ? null : h("details", null,
			h("summary", null, "More headers ", this.foldedNote),
			folded.map((header) => headerElement(this, header)));
	}

	wayElement() {
		if (Object.keys(this.operation.calls).length < 2)
			return null;
		const name = newId("way");
		return h("fieldset", { class: "ways" }, h("legend", null, "Method"),
			Object.keys(this.operation.calls).map((way) => h("label", null,
				h("input", { type: "radio", name, value: way, checked: way === this.way,
					onchange: () => { this.way = way; this.refresh(); } }), ` ${way}`)));
	}

	jobElement() {
		if (!this.operation.call.responses?.["202"] || this.isAlwaysJob)
			return null;
		this.asJob = h("input", { type: "checkbox" });
		return h("label", { class: "check" }, this.asJob, " As a job: ",
			h("code", null, "Prefer: respond-async"));
	}

	exampleButton() {
		const { calls } = this.operation;
		const example = calls.POST?.requestBody?.content?.["application/json"]?.example;
		const object = Array.isArray(example) ? example[0] : example;
		if (!object || typeof object !== "object")
			return null;
		return h("button", { type: "button", onclick: () => {
			for (const field of this.fields) {
				const value = object[field.name];
				field.input.value = value === undefined || value === null ? ""
					: typeof value === "string" ? value : literal(value);
			}
			this.refresh();
		} }, "Fill in the example");
	}

	curlElement() {
		const canCopy = h("button", { type: "button", onclick: () => this.copy() }, "Copy as curl");
		this.line = h("code", null);
		this.withCredential = h("input", { type: "checkbox", checked: true,
			onchange: () => this.refresh() });
		this.credentialLabel = h("label", { class: "check" }, this.withCredential,
			" The credential itself instead of ", h("code", null, "$CQRSD_TOKEN"));
		return h("section", { class: "curl", "aria-label": "The call as a curl line" },
			h("pre", { class: "code", tabindex: "0", role: "region", "aria-label": "curl line" }, this.line),
			h("div", { class: "buttons" }, canCopy, this.credentialLabel));
	}

	// What would be sent now; null, where what is typed cannot be sent.
	request() {
		const { state, operation } = this;
		const inPath = operation.kind === "job" ? this.fields : [];
		if (inPath.some((field) => field.text.trim() === ""))
			throw new Error("the path is not whole");
		const url = new URL(pathOf(operation.path, inPath).slice(1), state.base);
		const headers = this.headers.filter((header) => header.ways.includes(this.way)
			&& header.input.value.trim() !== "").map((header) => [header.name, header.input.value.trim()]);
		const call = { method: this.way, url, headers, credential: state.credential };

		if (this.asJob?.checked) {
			const prefer = headers.find(([name]) => name === "Prefer");
			if (prefer)
				prefer[1] = `respond-async, ${prefer[1]}`;
			else
				headers.push(["Prefer", "respond-async"]);
		}
		if (this.way === "GET") {
			url.search = queryOf(this.fields.filter((field) => !inPath.includes(field)));
		} else if (operation.calls[this.way].requestBody) {
			headers.push(["Content-Type", "application/json"]);
			call.body = bodyOf(this.fields);
		}
		return { ...call, url: url.href };
	}

	refresh() {
		this.credentialLabel.hidden = !this.state.credential;
		for (const header of this.headers) {
			const applies = header.ways.includes(this.way);
			header.input.closest(".field").hidden = !applies;
			if (header.name === this.state.userHeader || header.name === "Consistency-Token")
				this.state.carried.set(header.name, header.input.value);
		}
		const sent = this.folded.filter((header) => header.ways.includes(this.way)
			&& header.input.value.trim() !== "").map((header) => header.name);
		this.foldedNote.textContent = sent.length > 0 ? `sent: ${sent.join(", ")}` : "";
		try {
			this.line.textContent = curlOf(this.request(), this.withCredential.checked ? "••••" : null);
		} catch {
			this.line.textContent = "What is typed in cannot be sent yet.";
		}
	}

	goTo() {
		this.element.scrollIntoView({ block: "start" });
		this.form.querySelector("input, select, textarea, button").focus({ preventScroll: true });
	}

	// Values that other operations share may have changed since it was shown.
	shown() {
		for (const header of this.headers)
			if (this.state.carried.has(header.name))
				header.input.value = this.state.carried.get(header.name);
		this.refresh();
	}

	// Marks what is wrong, and goes to the first of it.
	check() {
		const wrong = [];
		for (const field of this.fields) {
			const isMissing = this.operation.kind === "job" && field.text.trim() === "";
			const text = isMissing ? "This one is required." : complaint(field, this.way);
			complain(field, text);
			if (text)
				wrong.push(field);
		}
		for (const header of this.headers) {
			const text = header.required && header.input.value.trim() === "" ? "This one is required."
				: headerComplaint(header.input.value);
			complain(header, text);
			if (text)
				wrong.push(header);
		}
		if (wrong.length > 0) {
			const folded = wrong[0].input.closest("details");
			if (folded)
				folded.open = true;
			wrong[0].input.focus();
			announce(`${wrong[0].name}: ${wrong[0].error.textContent}`);
		}
		return wrong.length === 0;
	}

	async copy() {
		if (!this.check())
			return;
		const line = curlOf(this.request(), this.withCredential.checked ? this.state.credential : null);
		announce(await copyText(line) ? "Copied." : "The browser did not let it be copied.");
	}

	async call() {
		if (this.check())
			await this.ask(this.request());
	}

	async ask(call) {
		this.controller?.abort();
		const controller = new AbortController();
		this.controller = controller;
		this.send.disabled = true;
		this.stop.hidden = false;
		this.answer.setAttribute("aria-busy", "true");
		try {
			const reply = await exchange(call, controller.signal);
			this.take(reply);
			this.answer.replaceChildren(h("h3", null, "Answer"), ...[answerElement(reply),
				this.jobButton(reply)].flat(Infinity).filter(Boolean));
			this.answer.scrollIntoView({ block: "start" });
			announce(`Answered ${reply.status}.`);
		} catch (error) {
			this.answer.replaceChildren(failureElement(error));
			announce("No answer.");
		}
		this.answer.removeAttribute("aria-busy");
		this.send.disabled = false;
		this.stop.hidden = true;
	}

	take(reply) {
		const token = reply.headers.find(([name]) => name === "consistency-token")?.[1];
		if (token) {
			this.state.carried.set("Consistency-Token", token);
			this.shown();
		}
		if (!reply.headers.some(([name, value]) => name === "content-type"
			&& value.startsWith("application/problem+json")))
			return;
		for (const error of problemErrors(reply.text)) {
			const field = this.fields.find((one) => one.name === error.param);
			if (field)
				complain(field, String(error.detail));
		}
	}

	jobButton(reply) {
		const location = reply.headers.find(([name]) => name === "location")?.[1];
		if (!location?.startsWith("/v1/jobs/"))
			return null;
		const { state } = this;
		return h("button", { type: "button", onclick: () => this.ask({ method: "GET",
			url: new URL(location.slice(1), state.base).href, credential: state.credential,
			headers: [["Prefer", "wait=2"], ...[state.carried.get(state.userHeader) ?? ""]
				.filter(Boolean).map((user) => [state.userHeader, user])] }).then(() =>
			this.answer.append(this.jobButton({ headers: [["location", location]] }))) },
		"Ask what became of the job");
	}
}

function problemErrors(text) {
	try {
		const { errors } = JSON.parse(text);
		return Array.isArray(errors) ? errors : [];
	} catch {
		return [];
	}
}

export async function exchange(call, signal) {
	const headers = new Headers(call.headers.map(([name, value]) => [name, headerBytes(value)]));
	if (call.credential)
		headers.set("Authorization", `Bearer ${headerBytes(call.credential)}`);
	const start = performance.now();
	const response = await fetch(call.url, { method: call.method, headers, body: call.body, signal,
		cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" });
	const text = await response.text();
	return { status: response.status, headers: [...response.headers], text,
		ms: performance.now() - start };
}

// Over plain HTTP beyond localhost a page has no clipboard of its own.
async function copyText(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
		const before = document.activeElement;
		area.value = text;
		document.body.append(area);
		area.select();
		const done = document.execCommand("copy");
		area.remove();
		before?.focus();
		return done;
	}
}

export function tryElement(state, operation) {
	const panel = new Panel(state, operation);
	state.panels.set(operation.name, panel);
	return panel.element;
}
