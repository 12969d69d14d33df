/** The tab's picture, with a dot and a number while something waits for the user. */
import { badge } from "../ui/format";

let plain: Promise<string> | null = null;

/** Shows how much waits; 0 takes the dot away. */
export async function showOnFavicon(number: number): Promise<void> {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (!link) return;
  link.dataset["waiting"] = String(number);
  if (number === 0) return void (link.href = "/favicon.svg");
  const picture = await (plain ??= picked());
  if (link.dataset["waiting"] !== String(number)) return; // it was asked for something else meanwhile
  link.href = `data:image/svg+xml,${encodeURIComponent(withDot(picture, badge(number)))}`;
}

async function picked(): Promise<string> {
  try {
    return await (await fetch("/favicon.svg")).text();
  } catch (error) {
    console.info("The tab's picture cannot be had:", error); // offline; a dot alone tells as much
    plain = null;
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"></svg>';
  }
}

/** `text` is of digits and a plus. */
function withDot(picture: string, text: string): string {
  const size = text.length > 1 ? 14 : 18;
  return picture.replace("</svg>", `<circle cx="21" cy="21" r="11" fill="#d3273e"/><text x="21" y="21" fill="#fff" `
    + `font-family="sans-serif" font-weight="700" font-size="${size}" text-anchor="middle" dominant-baseline="central">`
    + `${text}</text></svg>`);
}
