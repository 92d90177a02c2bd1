// SPDX-License-Identifier: Apache-2.0
// The page as a whole: loads the document, lists and searches its operations, shows the chosen one.
// The credential is held by this variable alone, and is gone with the page.

import { announce, h } from "./dom.js";
import { operationElement, operationsOf, overviewElement } from "./operation.js";
import { exchange } from "./try.js";

const state = {
	base: new URL(".", location.href),
	whole: null,
	userHeader: "X-User-Id",
	credential: "",
	carried: new Map(), // values of headers that all operations share
	panels: new Map(),  // of the operations that were shown, by their names
};
const AGAIN_MAX_S = 30;
let operations = [];
let again = null; // the timer by which the document is asked for once more
let loads = 0;    // an answer to another than the last is of no use
const elements = new Map(); // of the operations that were shown: what was typed in stays
const byId = (id) => document.getElementById(id);

/* --- theme ------------------------------------------------------------------------------------- */

function setTheme(theme) {
	if (theme === "light" || theme === "dark")
		document.documentElement.dataset.theme = theme;
	else
		delete document.documentElement.dataset.theme;
	byId("theme").value = document.documentElement.dataset.theme ?? "";
}

// A browser may refuse to keep anything for a page.
function kept(change) {
	try {
		return change(localStorage);
	} catch {
		return null;
	}
}

/* --- list and search --------------------------------------------------------------------------- */

// All words have to be there; names that begin with them come first.
function found(text) {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const rank = (operation) => (words.length === 0 ? 0
		: operation.name.startsWith(words[0]) ? 0
			: words.every((word) => operation.name.includes(word)) ? 1 : 2);

	return operations.filter((operation) => words.every((word) => operation.words.includes(word)))
		.map((operation) => [rank(operation), operation])
		.sort(([a], [b]) => a - b).map(([, operation]) => operation);
}

function listPart(title, those) {
	return those.length === 0 ? null : [h("h2", null, title), h("ul", null, those.map((operation) =>
		h("li", null, h("a", { href: `#/${operation.name}`,
			"aria-current": operation.name === chosenName() ? "page" : null }, operation.name))))];
}

function list() {
	const those = found(byId("search").value);
	const of = (kind) => those.filter((operation) => operation.kind === kind);

	byId("list").replaceChildren(...[listPart("Queries", of("query")),
		listPart("Commands", of("command")), listPart("Jobs", of("job"))].flat().filter(Boolean));
	byId("found").textContent = `${those.length} of ${operations.length} operations`;
}

function links() {
	return [...byId("list").querySelectorAll("a")];
}

// Arrows go from the search to the list, and through it.
function walk(event) {
	const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
	const all = links();
	const at = all.indexOf(document.activeElement);

	if (event.target === byId("search") && event.key === "Enter" && all.length > 0) {
		event.preventDefault();
		location.hash = all[0].hash;
	} else if (step && (at >= 0 || step > 0) && all.length > 0) {
		event.preventDefault();
		(at + step < 0 ? byId("search") : all[Math.min(at + step, all.length - 1)]).focus();
	} else if (event.key === "Escape" && byId("search").value) {
		byId("search").value = "";
		list();
		byId("search").focus();
	}
}

function isTyping(target) {
	return target.closest("input, textarea, select, dialog") !== null;
}

/* --- what is shown ----------------------------------------------------------------------------- */

function chosenName() {
	try {
		return location.hash.startsWith("#/") ? decodeURIComponent(location.hash.slice(2)) : "";
	} catch {
		return "";
	}
}

function elementOf(name) {
	const operation = operations.find((one) => one.name === name);

	if (!elements.has(name))
		elements.set(name, operation ? operationElement(state, operation)
			: overviewElement(state, operations));
	return elements.get(name);
}

function show(focuses) {
	const name = operations.some((one) => one.name === chosenName()) ? chosenName() : "";

	byId("main").replaceChildren(elementOf(name));
	state.panels.get(name)?.shown();
	document.title = name ? `${name} – ${state.whole.info?.title ?? ""}`
		: state.whole.info?.title ?? "Operations";
	list();
	openMenu(false);
	if (focuses) {
		scrollTo(0, 0);
		byId("main").querySelector("h1").focus({ preventScroll: true });
	}
}

function openMenu(opens) {
	byId("menu").setAttribute("aria-expanded", String(opens));
	byId("nav").classList.toggle("open", opens);
}

/* --- credential and document ------------------------------------------------------------------- */

function credentialForm(text) {
	const input = h("input", { type: "password", id: "credential-text", autocomplete: "off",
		spellcheck: "false", "aria-describedby": "credential-about" });
	input.value = state.credential;
	return h("form", { class: "credential", onsubmit: (event) => {
		event.preventDefault();
		useCredential(input.value.trim());
	} }, h("label", { for: "credential-text" }, "API key or JSON Web Token"), input,
	h("p", { class: "about", id: "credential-about" }, text),
	h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, "Use it"),
		h("button", { type: "button", onclick: () => useCredential("") }, "Forget it")));
}

async function useCredential(credential) {
	state.credential = credential;
	byId("dialog").close();
	byId("credential").textContent = credential ? "Credential: set" : "Credential";
	await load();
}

function openCredential() {
	byId("dialog").replaceChildren(h("h2", { id: "dialog-title" }, "Credential"), credentialForm(
		"Sent as Authorization: Bearer. It is kept in the memory of this page only."));
	byId("dialog").showModal();
}

function fail(title, text, asks) {
	state.whole = null;
	operations = [];
	list();
	delete document.documentElement.dataset.ready;
	byId("main").replaceChildren(h("article", { class: "overview-page" },
		h("h1", { tabindex: "-1" }, title), h("p", null, text),
		asks ? credentialForm("It is kept in the memory of this page only.")
			: h("p", null, h("button", { type: "button", onclick: load }, "Try again"))));
	if (asks)
		byId("main").querySelector("input").focus();
	announce(`${title}. ${text}`);
}

// A service that has just started may not have the document yet; it says when to ask again.
function failForNow(reply) {
	const after = Number(reply.headers.find(([name]) => name === "retry-after")?.[1]) || 5;

	fail(`There is no document yet (${reply.status})`,
		`${detailOf(reply.text)}. It is asked for again in ${after} s.`, false);
	again = setTimeout(load, Math.min(after, AGAIN_MAX_S) * 1000);
}

function detailOf(text) {
	try {
		return JSON.parse(text).detail ?? "";
	} catch {
		return "";
	}
}

function exactNumbers(key, value, context) {
	return Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source)
		? BigInt(context.source) : value;
}

async function load() {
	const number = ++loads;
	let reply;

	clearTimeout(again);
	elements.clear();
	state.panels.clear();
	try {
		reply = await exchange({ method: "GET", url: new URL("openapi.json", state.base).href,
			headers: [], credential: state.credential });
	} catch (error) {
		reply = { status: 0, headers: [], text: JSON.stringify({ detail: String(error.message) }) };
	}
	if (number !== loads)
		return;
	if (reply.status === 401 || reply.status === 403) {
		fail(reply.status === 401 ? "A credential is needed" : "Not for this caller", detailOf(reply.text)
			|| "The document is for callers with a credential.", true);
		return;
	}
	if (reply.status === 503) {
		failForNow(reply);
		return;
	}
	if (reply.status !== 200) {
		fail(reply.status ? `There is no document (${reply.status})` : "No answer",
			detailOf(reply.text), false);
		return;
	}
	state.whole = JSON.parse(reply.text, exactNumbers);
	state.userHeader = state.whole.components?.parameters?.User?.name ?? "X-User-Id";
	operations = operationsOf(state.whole);
	byId("title").textContent = state.whole.info?.title ?? "Operations";
	show(false);
	document.documentElement.dataset.ready = "";
}

/* --- all of it --------------------------------------------------------------------------------- */

function begin() {
	setTheme(kept((storage) => storage.getItem("cqrsd-docs-theme")));
	byId("theme").addEventListener("change", (event) => {
		setTheme(event.target.value);
		kept((storage) => storage.setItem("cqrsd-docs-theme", event.target.value));
	});
	byId("search").addEventListener("input", list);
	byId("nav").addEventListener("keydown", walk);
	byId("menu").addEventListener("click", () =>
		openMenu(byId("menu").getAttribute("aria-expanded") !== "true"));
	byId("credential").addEventListener("click", openCredential);
	byId("skip").addEventListener("click", (event) => {
		event.preventDefault();
		byId("main").focus();
	});
	addEventListener("keydown", (event) => {
		if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey
			|| isTyping(event.target))
			return;
		event.preventDefault();
		openMenu(true);
		byId("search").focus();
		byId("search").select();
	});
	addEventListener("hashchange", () => {
		if (state.whole && (location.hash === "" || location.hash.startsWith("#/")))
			show(true);
	});
	load();
}

begin();
