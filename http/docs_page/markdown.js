// SPDX-License-Identifier: Apache-2.0
// Markdown of descriptions, as elements. marked takes it apart; its HTML is not used: tags in a
// description are shown as the text that they are, and only links by http, https and mailto lead on.

import { Lexer, Tokenizer } from "./marked.js";
import { h } from "./dom.js";

const HEADING_MIN = 3;
const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: "\u00a0" };

// A tag is no token: it is text, in which the rest of Markdown still counts.
class NoHtml extends Tokenizer {
	html() {
		return undefined;
	}

	tag() {
		return undefined;
	}
}

const options = () => ({ gfm: true, tokenizer: new NoHtml() });

function decode(text) {
	return text.replace(/&(lt|gt|amp|quot|apos|nbsp);|&#(\d{1,6});/g, (whole, name, number) =>
		(name ? ENTITIES[name] : number < 0x10000 ? String.fromCharCode(number) : whole));
}

function link(token) {
	const children = token.tokens ? inline(token.tokens) : [token.text];
	const href = URL.canParse(token.href) ? new URL(token.href) : null;

	if (!href || !["http:", "https:", "mailto:"].includes(href.protocol))
		return h("span", { title: token.href }, children);
	return h("a", { href: href.href, rel: "noopener noreferrer nofollow", title: token.title || null },
		children);
}

const inlineOf = {
	strong: (token) => h("strong", null, inline(token.tokens)),
	em: (token) => h("em", null, inline(token.tokens)),
	del: (token) => h("del", null, inline(token.tokens)),
	codespan: (token) => h("code", null, token.text),
	br: () => h("br"),
	link,
	image: (token) => link({ ...token, tokens: null, text: token.text || token.href }),
	escape: (token) => token.text,
	checkbox: (token) => (token.checked ? "☑ " : "☐ "),
	text: (token) => (token.tokens ? inline(token.tokens) : decode(token.text)),
};

function inline(tokens) {
	return (tokens ?? []).map((token) => inlineOf[token.type]?.(token) ?? token.raw);
}

function table(token) {
	const cells = (row, tag) => h("tr", null, row.map((cell) => h(tag, null, inline(cell.tokens))));

	return h("div", { class: "scrolls", tabindex: "0", role: "group", "aria-label": "Table" },
		h("table", null, h("thead", null, cells(token.header, "th")),
			h("tbody", null, token.rows.map((row) => cells(row, "td")))));
}

const blockOf = {
	space: () => null,
	def: () => null,
	hr: () => h("hr"),
	paragraph: (token) => h("p", null, inline(token.tokens)),
	heading: (token) => h(`h${Math.min(6, token.depth + HEADING_MIN - 1)}`, null, inline(token.tokens)),
	code: (token) => h("pre", null, h("code", null, token.text)),
	blockquote: (token) => h("blockquote", null, blocks(token.tokens)),
	list: (token) => h(token.ordered ? "ol" : "ul", token.ordered ? { start: token.start } : null,
		token.items.map((item) => h("li", null, blocks(item.tokens)))),
	table,
	text: (token) => inlineOf.text(token),
};

function blocks(tokens) {
	return (tokens ?? []).map((token) => (blockOf[token.type] ?? inlineOf[token.type])?.(token)
		?? (blockOf[token.type] ? null : token.raw));
}

export function markdown(text) {
	return h("div", { class: "prose" }, text ? blocks(new Lexer(options()).lex(text)) : null);
}

// Without its blocks, for one line.
export function markdownLine(text) {
	return inline(Lexer.lexInline(text ?? "", options()));
}
