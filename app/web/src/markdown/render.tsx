/** A message's text with its markup, links and mentions, as elements. Text becomes text nodes and nothing else. */

import type { ComponentChildren } from "preact";
import { Fence } from "./fence";
import { withMentions } from "./mentions";
import { parse, type Node } from "./parse";

/** `names` are those that the message mentions, in lower case, `me` one's own. */
export type RenderText = (text: string, names: readonly string[], me: string) => ComponentChildren;

interface Names {
  all: ReadonlySet<string>;
  me: string;
}

function Text({ text, names }: { text: string; names: Names }) {
  return (
    <>
      {withMentions(text, names.all).map(({ text: piece, mention }) => {
        if (!mention) return piece;
        const name = piece.slice(1).toLowerCase();
        const mine = name === names.me || name === "all" || name === "here";
        return <span class={`mention ${mine ? "me" : ""}`}>{piece}</span>;
      })}
    </>
  );
}

function inside({ children }: { children: readonly Node[] }, names: Names): ComponentChildren {
  return children.map((node) => elementOf(node, names));
}

/** What has one paragraph and nothing else needs none. */
function blocks(parent: { children: readonly Node[] }, names: Names): ComponentChildren {
  const [only, ...others] = parent.children;
  return only?.type === "paragraph" && others.every(({ type }) => type === "list")
    ? [inside(only, names), others.map((node) => elementOf(node, names))]
    : inside(parent, names);
}

function elementOf(node: Node, names: Names): ComponentChildren {
  switch (node.type) {
    case "text": return <Text text={node.text} names={names} />;
    case "code": return <code>{node.text}</code>;
    case "fence": return <Fence text={node.text} language={node.language} />;
    case "link": return (
      <a href={node.url} target="_blank" rel="noopener noreferrer nofollow">{inside(node, { all: new Set(), me: "" })}</a>
    );
    case "list": return node.start === null
      ? <ul>{inside(node, names)}</ul>
      : <ol start={node.start}>{inside(node, names)}</ol>;
    case "item": return <li>{blocks(node, names)}</li>;
    case "quote": return <blockquote>{blocks(node, names)}</blockquote>;
    case "paragraph": return <p>{inside(node, names)}</p>;
    case "emphasis": return <em>{inside(node, names)}</em>;
    case "strong": return <strong>{inside(node, names)}</strong>;
    case "strike": return <s>{inside(node, names)}</s>;
    case "root": return blocks(node, names);
  }
}

export const renderText: RenderText = (text, names, me) => elementOf(parse(text), { all: new Set(names), me });
