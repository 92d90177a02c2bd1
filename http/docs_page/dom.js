// SPDX-License-Identifier: Apache-2.0
// Makes elements. Text is always a text node: nothing here, nor elsewhere on the page, is parsed as HTML.

// h("p", {class: "x", onclick: f, hidden: true}, "text", [more, null])
export function h(tag, attributes, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (name.startsWith("on"))
			element.addEventListener(name.slice(2), value);
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false
		&& child !== undefined));
	return element;
}

// A value of the document as JSON; docs.js reads numbers that are too large for one as a BigInt.
export function literal(value) {
	return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

let count = 0;

export function newId(prefix) {
	return `${prefix}-${++count}`;
}

const live = () => document.getElementById("live");

// For a screen reader; the same words again are said again.
export function announce(text) {
	live().textContent = "";
	setTimeout(() => { live().textContent = text; }, 50);
}
