/** A message's text with its markup, links and mentions, as elements. Text becomes text nodes and nothing else. */

import type { ComponentChildren } from "preact";
import { Fence } from "./fence";
import { withMentions } from "./mentions";
import { isBare, parse, type Node } from "./parse";

/** `names` are those that the message mentions, in lower case, `me` one's own. */
export type RenderText = (text: string, names: readonly string[], me: string) => ComponentChildren;

function Mention({ text, me }: { text: string; me: string }) {
  const name = text.slice(1).toLowerCase();
  const mine = name === me || name === "all" || name === "here";
  return <span class={`mention ${mine ? "me" : ""}`}>{text}</span>;
}

function inside({ children }: { children: readonly Node[] }, me: string): ComponentChildren {
  return children.map((node) => elementOf(node, me));
}

/** What has one paragraph and nothing else needs none. */
function blocks(parent: { children: readonly Node[] }, me: string): ComponentChildren {
  const [only, ...others] = parent.children;
  return only?.type === "paragraph" && others.every(({ type }) => type === "list")
    ? [inside(only, me), others.map((node) => elementOf(node, me))]
    : inside(parent, me);
}

function elementOf(node: Node, me: string): ComponentChildren {
  switch (node.type) {
    case "text": return node.text;
    case "mention": return <Mention text={node.text} me={me} />;
    case "code": return <code>{node.text}</code>;
    case "fence": return <Fence text={node.text} language={node.language} />;
    case "link": return (
      <a href={node.url} title={isBare(node) ? undefined : node.url} target="_blank" rel="noopener noreferrer nofollow">{inside(node, me)}</a>
    );
    case "list": return node.start === null
      ? <ul>{inside(node, me)}</ul>
      : <ol start={node.start}>{inside(node, me)}</ol>;
    case "item": return <li>{blocks(node, me)}</li>;
    case "quote": return <blockquote>{blocks(node, me)}</blockquote>;
    case "paragraph": return <p>{inside(node, me)}</p>;
    case "emphasis": return <em>{inside(node, me)}</em>;
    case "strong": return <strong>{inside(node, me)}</strong>;
    case "strike": return <s>{inside(node, me)}</s>;
    case "root": return blocks(node, me);
  }
}

export const renderText: RenderText = (text, names, me) => elementOf(withMentions(parse(text), new Set(names)), me);
