/**
 * Markdown as people type it in a chat, as a tree: CommonMark with strikethrough and bare links, without what makes a
 * chat look like a document (headings, rules, images, HTML, link definitions, code by indentation). What has no
 * markup is text, as it was typed: line breaks and the indentation of lines are kept.
 *
 * Whatever is written, the time grows with its length, and the tree is no deeper than what draws it can go.
 */
import { parse as documentOf, postprocess, preprocess } from "micromark";
import { gfmAutolinkLiteral } from "micromark-extension-gfm-autolink-literal";
import { gfmStrikethrough } from "micromark-extension-gfm-strikethrough";

export type Node =
  | { type: "text"; text: string; /** It has no mentions. */ literal?: true }
  | { type: "mention" | "code"; text: string }
  | { type: "fence"; text: string; language: string }
  | { type: "link"; url: string; children: Node[] }
  | { type: "list"; start: number | null; children: Node[] }
  | { type: "root" | "paragraph" | "quote" | "item" | "emphasis" | "strong" | "strike"; children: Node[] };

export type Parent = Extract<Node, { children: Node[] }>;

/** What makes a chat look like a document. */
const NEVER = [
  "codeIndented", "headingAtx", "setextUnderline", "thematicBreak", "htmlFlow", "htmlText", "definition",
  "labelStartImage", "characterReference", "hardBreakEscape",
];
/** What of a text is markup: all; no emphasis, whose marks micromark compares each with all; or code and links alone. */
const ALL = { extensions: [gfmAutolinkLiteral(), gfmStrikethrough({ singleTilde: false }), { disable: { null: NEVER } }] };
const NO_EMPHASIS = { extensions: [gfmAutolinkLiteral(), { disable: { null: [...NEVER, "attention"] } }] };
const FLAT = { extensions: [gfmAutolinkLiteral(), { disable: { null: [...NEVER, "attention", "blockQuote", "list"] } }] };
const MARKS = /\*+|_+|~~+/g;
const MOST_MARKS = 1000; // their characters, in a text
const DEEPEST = 60; // nodes, one in the other
const PARENTS: Record<string, Parent["type"]> = {
  paragraph: "paragraph", blockQuote: "quote", emphasis: "emphasis", strong: "strong", strikethrough: "strike",
};
/** What is text, inside of a paragraph. */
const TEXT = new Set(["data", "characterEscapeValue", "linePrefix", "lineEnding", "hardBreakTrailing"]);
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u;
const NO_MAILBOX = /^[^\p{L}\p{N}]*@/u; // "-@ann.lee" is somebody in a list
const SAFE = /^(?:https?:\/\/|mailto:)[^\s]/i;

/** A link that can be followed; null for any other, such as `javascript:`. */
function safe(url: string): string | null {
  return SAFE.test(url) && URL.canParse(url) ? url : null;
}

/** Whether a link's words are an address that is not the one that it leads to. */
function pretends(words: string, url: string): boolean {
  const named = words.trim().replace(/^www\./i, "https://www.");
  return /^https?:\/\//i.test(named) && (!URL.canParse(named) || siteOf(named) !== siteOf(url));
}

function siteOf(url: string): string {
  return new URL(url).host.replace(/^www\./, "");
}

/** Whether a node is a link that stands there as an address, without words of its own. */
export function isBare(node: Node | undefined): boolean {
  return node?.type === "link" && node.url.endsWith(lettersOf(node));
}

/** What is written in a node, without what stands between the blocks in it. */
export function lettersOf(node: Node): string {
  return "children" in node ? node.children.map(lettersOf).join("") : node.text;
}

function unescaped(text: string): string {
  return text.replace(/\\([!-/:-@[-`{-~])/g, "$1");
}

/** The tokens of a text, as micromark tells them. */
export function tokensOf(text: string, options = optionsFor(text)) {
  return postprocess(documentOf(options).document().write(preprocess()(text, undefined, true)));
}

function optionsFor(text: string): typeof ALL {
  return marksIn(text) > MOST_MARKS ? NO_EMPHASIS : ALL;
}

/** How many characters of a text may be marks of emphasis; those between blanks, as of a line across, are none. */
function marksIn(text: string): number {
  let sum = 0;
  for (const { 0: { length }, index } of text.matchAll(MARKS)) {
    if (/\S/.test((text[index - 1] ?? "") + (text[index + length] ?? ""))) sum += length;
  }
  return sum;
}

/** A text as a tree. One of marks alone, such as "> ", is shown as it was typed. */
export function parse(text: string): Parent {
  const tree = new Tree(text);
  let root = tree.read(tokensOf(text));
  if (tree.deepest > DEEPEST) root = new Tree(text).read(tokensOf(text, FLAT));
  if (VISIBLE.test(lettersOf(root))) return root;
  return { type: "root", children: [{ type: "paragraph", children: [{ type: "text", text, literal: true }] }] };
}

class Tree {
  /** How many nodes were one in the other. */
  deepest = 0;
  readonly #stack: Parent[] = [{ type: "root", children: [] }];
  /** The code that is being read. */
  #code: { text: string; language: string } | null = null;
  /** How deep one is in what is not shown: the target of a link. */
  #hidden = 0;
  /** How many pieces of what can be seen there are, and how many before each list that is open. */
  #pieces = 0;
  readonly #before: number[] = [];
  /** The indentation of the paragraph that may begin. */
  #indent = "";

  constructor(private readonly source: string) {}

  read(tokens: ReturnType<typeof tokensOf>): Parent {
    for (const [side, token] of tokens) {
      const text = this.source.slice(token.start.offset, token.end.offset);
      if (side === "enter") this.#enter(token.type, text);
      else this.#exit(token.type, text, this.source[token.start.offset - 1] ?? "");
    }
    return this.#stack[0]!;
  }

  #open(node: Parent): void {
    this.#stack.at(-1)!.children.push(node);
    this.#stack.push(node);
    this.deepest = Math.max(this.deepest, this.#stack.length);
  }

  #put(piece: Node): void {
    this.#pieces++;
    this.#stack.at(-1)!.children.push(piece);
  }

  #add(text: string): void {
    if (VISIBLE.test(text)) this.#pieces++;
    const { children } = this.#stack.at(-1)!;
    const last = children.at(-1);
    if (last?.type === "text" && !last.literal) last.text += text;
    else children.push({ type: "text", text });
  }

  #enter(type: string, text: string): void {
    const parent = PARENTS[type];
    if (parent) this.#open({ type: parent, children: [] } as Parent);
    if (type === "paragraph" && this.#indent) this.#add(this.#indent);
    if (type !== "content") this.#indent = "";
    if (parent) return;
    if (type === "listOrdered" || type === "listUnordered") this.#before.push(this.#pieces);
    if (type === "listOrdered") this.#open({ type: "list", start: 1, children: [] });
    else if (type === "listUnordered") this.#open({ type: "list", start: null, children: [] });
    else if (type === "listItemPrefix") this.#item();
    else if (type === "link") this.#open({ type: "link", url: text, children: [] });
    else if (type === "codeText" || type === "codeFenced") this.#code = { text: "", language: "" };
    else if (type === "resource") this.#hidden++;
  }

  #item(): void {
    if (this.#stack.at(-1)!.type === "item") this.#stack.pop();
    this.#open({ type: "item", children: [] });
  }

  #exit(type: string, text: string, before: string): void {
    const top = this.#stack.at(-1)!;
    if (this.#code) this.#inCode(type, text);
    else if (type === "listOrdered" || type === "listUnordered") this.#list(text);
    else if (type === "listItemValue") this.#numbered(Number(text));
    else if (type === "link") this.#link(top, text);
    else if (PARENTS[type]) this.#stack.pop();
    else if (type === "resource") this.#hidden--;
    else if (type === "resourceDestinationString" && top.type === "link") top.url = unescaped(text);
    else if (type === "autolinkProtocol") this.#bare(text, text, `<${text}>`);
    else if (type === "literalAutolinkHttp") this.#bare(text, text);
    else if (type === "literalAutolinkWww") this.#bare(text, `https://${text}`);
    else if (type === "literalAutolinkEmail" && (before === "@" || NO_MAILBOX.test(text))) this.#add(text);
    else if (type === "autolinkEmail" && NO_MAILBOX.test(text)) this.#add(`<${text}>`);
    else if (type === "autolinkEmail" || type === "literalAutolinkEmail") this.#bare(text, `mailto:${text}`);
    else if (type === "characterEscapeValue" && text === "@") this.#put({ type: "text", text, literal: true });
    else if (TEXT.has(type) && !this.#hidden && this.#isInline()) this.#add(text);
    else if (type === "linePrefix") this.#indent = text;
  }

  /** Whether text can stand here: in a paragraph, and not between blocks. */
  #isInline(): boolean {
    return this.#stack.some(({ type }) => type === "paragraph");
  }

  /** One of marks alone, such as the line "* * *", stays as it was typed. */
  #list(source: string): void {
    const items = this.#stack.at(-1)!.type === "item" ? 2 : 1;
    this.#stack.length -= items;
    const around = this.#stack.at(-1)!;
    if (this.#before.pop() !== this.#pieces || around.type !== "root") return;
    around.children.splice(-1, 1, { type: "paragraph", children: [{ type: "text", text: source.trimEnd() }] });
  }

  /** The first item's number is the list's. */
  #numbered(number: number): void {
    const list = this.#stack.at(-2);
    if (list?.type === "list" && list.children.length === 1) list.start = number;
  }

  #inCode(type: string, text: string): void {
    const code = this.#code!;
    if (type === "codeTextData" || type === "codeFlowValue") code.text += text;
    else if (type === "codeFencedFenceInfo") code.language = unescaped(text).toLowerCase();
    else if (type === "lineEnding") code.text += "\n";
    else if (type === "codeText") this.#put({ type: "code", text: code.text.replaceAll("\n", " ") });
    else if (type === "codeFenced") {
      const lines = code.text.replace(/^\n/, "").replace(/\n$/, "");
      this.#put({ type: "fence", text: lines, language: code.language });
    }
    if (type === "codeText" || type === "codeFenced") this.#code = null;
  }

  /** What leads nowhere that is safe, or not where it says, stays as it was typed. */
  #link(top: Parent, source: string): void {
    this.#stack.pop();
    const url = top.type === "link" ? safe(top.url) : null;
    const words = lettersOf(top);
    if (top.type === "link" && url && !pretends(words, url)) {
      top.url = url;
      if (!VISIBLE.test(words)) top.children = [{ type: "text", text: url }];
    } else {
      this.#stack.at(-1)!.children.pop();
      this.#add(source);
    }
  }

  #bare(text: string, url: string, source = text): void {
    const target = safe(url);
    if (target) this.#put({ type: "link", url: target, children: [{ type: "text", text }] });
    else this.#add(source);
  }
}
