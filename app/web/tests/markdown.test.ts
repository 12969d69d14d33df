import fc from "fast-check";
import { expect, test } from "vitest";
import rows from "../../../tests/app/messages/markdown_code.json";
import mentioned from "../../../tests/app/messages/mentions.json";
import pushed from "../../../tests/app/notifications/sending/plain_text.json";
import { highlight } from "../src/markdown/highlight";
import { withMentions } from "../src/markdown/mentions";
import { lettersOf, parse, tokensOf, type Node } from "../src/markdown/parse";
import { plainText } from "../src/markdown/plain";

/** A tree in short: each node's type with what it has. */
function short(node: Node): string {
  switch (node.type) {
    case "text": return JSON.stringify(node.text);
    case "mention": return `mention(${node.text})`;
    case "code": return `code(${JSON.stringify(node.text)})`;
    case "fence": return `fence:${node.language}(${JSON.stringify(node.text)})`;
    case "link": return `link:${node.url}(${node.children.map(short).join(" ")})`;
    case "list": return `${node.start ?? "-"}(${node.children.map(short).join(" ")})`;
    case "root": return node.children.map(short).join(" ");
    default: return `${node.type}(${node.children.map(short).join(" ")})`;
  }
}

const SHOWN: Record<string, string> = {
  "plain": 'paragraph("plain")',
  "two\nlines": 'paragraph("two\\nlines")',
  "    indented\n  lines": 'paragraph("    indented\\n  lines")',
  "one\n\n  two": 'paragraph("one") paragraph("  two")',
  "**b** __b__ *i* _i_ ~~s~~":
    'paragraph(strong("b") " " strong("b") " " emphasis("i") " " emphasis("i") " " strike("s"))',
  "***both***": 'paragraph(emphasis(strong("both")))',
  "snake_case_name 2*3*4 ~one~": 'paragraph("snake_case_name 2" emphasis("3") "4 ~one~")',
  "`code **b**` ``a ` b``": 'paragraph(code("code **b**") " " code("a ` b"))',
  "```Python\n  x = 1\n\ny\n```\nafter": 'fence:python("  x = 1\\n\\ny") paragraph("after")',
  "~~~\nopen": 'fence:("open")',
  "> q\n> r\n\nafter": 'quote(paragraph("q\\nr")) paragraph("after")',
  "- a\n- b\n  - c": '-(item(paragraph("a")) item(paragraph("b") -(item(paragraph("c")))))',
  "3. a\n4. b": '3(item(paragraph("a")) item(paragraph("b")))',
  "[text](https://example.org/a_b_c \"t\")": 'paragraph(link:https://example.org/a_b_c("text"))',
  "<https://example.org>": 'paragraph(link:https://example.org("https://example.org"))',
  "https://example.org/a_b_(c).": 'paragraph(link:https://example.org/a_b_(c)("https://example.org/a_b_(c)") ".")',
  "www.example.org, ann@example.org": [
    'paragraph(link:https://www.example.org("www.example.org") ", "',
    'link:mailto:ann@example.org("ann@example.org"))',
  ].join(" "),
  "\\*no\\*": 'paragraph("*no*")',
  // What is none, so that nothing typed is lost.
  "# no heading": 'paragraph("# no heading")',
  "no\n---": 'paragraph("no\\n---")',
  "***": 'paragraph("***")',
  "<b>&amp;</b> <!-- x -->": 'paragraph("<b>&amp;</b> <!-- x -->")',
  "![a](https://example.org/x.png)": 'paragraph("!" link:https://example.org/x.png("a"))',
  "[a]: https://example.org\n[a]": [
    'paragraph("[a]: " link:https://example.org("https://example.org") "\\n[a]")',
  ].join(""),
  "[x](javascript:alert(1))": 'paragraph("[x](javascript:alert(1))")',
  "[x](JaVaScRiPt:alert(1))": 'paragraph("[x](JaVaScRiPt:alert(1))")',
  "[x](data:text/html,x) [y](/path) [z](//example.org)":
    'paragraph("[x](data:text/html,x) [y](/path) [z](//example.org)")',
  "<javascript:alert(1)> <data:text/html,x>": 'paragraph("<javascript:alert(1)> <data:text/html,x>")',
  // Links that would deceive, or that nobody would see.
  "[https://a.example](https://b.example)": 'paragraph("[https://a.example](https://b.example)")',
  "[www.a.example](https://b.example)": 'paragraph("[www.a.example](https://b.example)")',
  "[www.a.example/x](https://a.example)": 'paragraph(link:https://a.example("www.a.example/x"))',
  "[](https://a.example)": 'paragraph(link:https://a.example("https://a.example"))',
  "[\u200b](https://a.example)": 'paragraph(link:https://a.example("https://a.example"))',
  // Names that are no addresses.
  "@ann@social.example -@ann.lee": 'paragraph("@ann@social.example -@ann.lee")',
  "<**@ann>": 'paragraph("<**@ann>")',
  "a\n\n* * *\n\nb": 'paragraph("a") paragraph("* * *") paragraph("b")',
  "- a\n-\n- b": '-(item(paragraph("a")) item() item(paragraph("b")))',
  // Marks alone are what was typed.
  ...Object.fromEntries(["> ", "-", "1.", "```", "``` js", "> ```", "* * *", "> > - "].map((marks) =>
    [marks, `paragraph(${JSON.stringify(marks)})`])),
};

test.each(Object.entries(SHOWN))("%j", (text, tree) => {
  expect(short(parse(text))).toBe(tree);
});

test("the server's code is the page's", () => {
  expect(rows.length).toBeGreaterThanOrEqual(300);
  for (const [text, marks] of rows as [string, string][]) {
    const code = tokensOf(text)
      .filter(([side, { type }]) => side === "exit" && (type === "codeText" || type === "codeFenced"))
      .map(([, { start, end }]) => [start.offset, end.offset] as const);
    const found = [...text.matchAll(/@/g)].map(({ index }) => code.some(([from, to]) => from <= index && index < to));
    expect(found.map((inCode) => (inCode ? "x" : ".")).join(""), JSON.stringify(text)).toBe(marks);
  }
});

function nodesOf(node: Node): Node[] {
  return "children" in node ? [node, ...node.children.flatMap(nodesOf)] : [node];
}

test("whatever is typed, links lead to the web or to a mailbox alone, and no letter is lost", () => {
  const piece = fc.constantFrom(
    "[a](", "javascript:", "data:", "https://x.y", ")", "<", ">", "*", "**", "_", "`", "```", "~~", "\n", "- ", "1. ", "> ",
    "www.", "a", "é", "😀", " ", "\\", "@ann", "x@y.zz", "\t",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join("")), (text) => {
    const nodes = nodesOf(parse(text));
    for (const node of nodes) if (node.type === "link") expect(node.url).toMatch(/^(https?:\/\/|mailto:)/i);
    const shown = nodes.map((node) => ("text" in node ? node.text : node.type === "link" ? node.url : "")).join("");
    for (const letter of ["é", "😀"]) {
      if (!/```|~~~/.test(text) && text.includes(letter)) expect(shown.includes(letter) || text.includes("](")).toBe(true);
    }
  }), { numRuns: 300 });
});

test.each(mentioned as [string, string[], string[]][])("whom the server mentions is shown: %j to %j", (text, members, names) => {
  const nodes = nodesOf(withMentions(parse(text), new Set(members)));
  const shown = nodes.flatMap((node) => (node.type === "mention" ? node.text.slice(1).toLowerCase() : []));
  expect([...new Set(shown)]).toEqual(names);
  expect(lettersOf(withMentions(parse(text), new Set(members)))).toBe(lettersOf(parse(text)));
});

const LONG = 10_000; // characters, as the server takes them
const HOSTILE = [
  ">", "> ", "- ", "1. ", "*", "*a ", "a*", "*a_", "**a", "***a _b", "~~a", "~~a~~ ", "[", "![", "[]", "[a](", "[a](b)", "`", "`a``", "<",
  "<a:", "http://", "www.", "a@b.c ", "_@ann", "@ann", "@ann_", "@a.b-c.", "_", "\\", "- a\n", "> a\n", "a\n", "```\n", "😀*",
];

function depthOf(node: Node): number {
  return "children" in node ? 1 + Math.max(0, ...node.children.map(depthOf)) : 1;
}

test.each(HOSTILE)("however often it is written, %j makes a tree that can be drawn", (piece) => {
  const half = piece.repeat(LONG / 2 / piece.length);
  const withoutMarks = (text: string) => text.replace(/[*_~]/g, "").trim();
  for (const text of [half + half, `${half}a${[...half].reverse().join("")}`, `${half}x${"@ann".repeat(LONG / 8)}`]) {
    const tree = withMentions(parse(text), new Set(["ann"]));
    expect(depthOf(tree)).toBeLessThanOrEqual(70);
    if (!/[`<[\\]|\n|^[>-]|^1/.test(piece)) expect(withoutMarks(lettersOf(tree))).toBe(withoutMarks(text));
  }
});

test("a text with more marks than anybody writes has no emphasis, and one with many lines across has", () => {
  const types = (text: string) => new Set(nodesOf(parse(text)).map(({ type }) => type));
  expect(types("**b** ".repeat(240))).toContain("strong");
  expect(types("**b** `c` www.a.example ".repeat(300))).toEqual(new Set(["root", "paragraph", "text", "code", "link"]));
  expect(types(`${"_".repeat(3000)}\n\n**b**`)).toContain("strong");
});

test.each([
  ["**bold** _it_ ~~gone~~ `code` \\*", "bold it gone code *"],
  ["[words](https://a.example) www.a.example", "words www.a.example"],
  ["- a\n- b\n\n3. c\n4. d", "• a\n• b\n3. c\n4. d"],
  ["> one\n> two\n\nafter", "> one\n> two\nafter"],
  ["```js\nlet a;\n```\n@ann", "let a;\n@ann"],
  ["    indented", "    indented"],
  ["> ", ">"],
  ["2 * 3 * 4", "2 * 3 * 4"],
  ...Object.entries(pushed), // as the server has them
])("%j in plain words", (text, plain) => {
  expect(plainText(text)).toBe(plain);
});

test("code is coloured that is known and quick to colour", () => {
  expect(highlight("let a = 1;\n".repeat(300), "js")).not.toBeNull();
  for (const [text, language] of [["a\n".repeat(2001), "c"], ["A".repeat(401), "php"], ["let a", "no such"], ["a", "__proto__"]] as const) {
    expect(highlight(text, language)).toBeNull();
  }
});
