/**
 * The sheet that a block map is drawn on, from top to bottom: rectangles with tooltips, lines of text, and bars.
 */

import { escapeXml, round } from "./svg_text.ts";

/** The few colours that do not stand for a tag. */
export const INK = {
  page: "#ffffff",
  border: "#d5d9e0",
  text: "#1c2430",
  faint: "#5c6675",
  free: "#f1f3f6",
  hatch: "#d9dee6",
  edge: "#aab2be",
  held: "#b9cfe8",
  used: "#2f6db5",
  over: "#d9602f",
  pin: "#1c2430",
} as const;

/** The hatching of free memory. */
export const FREE = "url(#framealloc-free)";

/** A piece of a line of text. */
export interface Span {
  /** What it says. */
  readonly text: string;
  /** Its colour. @default {the colour of text} */
  readonly fill?: string;
  /** Its size. @default {that of the line} */
  readonly size?: number;
  /** Whether it is bold. */
  readonly isBold?: boolean;
}

/** What is shown while the mouse is over a thing, by lines; names in it cannot add any. */
export type Tooltip = readonly string[];

/** Collects what is drawn. */
export class MapSheet {
  readonly #parts: string[] = [];
  /** Where the next thing is drawn. */
  y = 0;

  /** A rectangle; drawn with a tooltip if there is one. */
  rect(x: number, y: number, width: number, height: number, fill: string, tooltip: Tooltip = [], extra = ""): void {
    const shape = `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${
      round(height)
    }" fill="${fill}"`;
    const end = tooltip.length === 0 ? "/>" : `>${titleOf(tooltip)}</rect>`;
    this.#parts.push(extra === "" ? shape + end : `${shape} ${extra}${end}`);
  }

  /** A line of text that starts at a place. */
  text(x: number, y: number, size: number, text: string, fill: string = INK.text, extra = ""): void {
    const end = extra === "" ? "" : ` ${extra}`;
    this.#parts.push(
      `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"${end}>${escapeXml(text)}</text>`,
    );
  }

  /** A line of text of several looks. */
  spans(x: number, y: number, size: number, spans: readonly Span[]): void {
    let inner = "";
    for (const { text, fill = INK.text, size: own, isBold = false } of spans) {
      const look = `fill="${fill}"${own === undefined ? "" : ` font-size="${own}"`}${
        isBold ? ' font-weight="600"' : ""
      }`;
      inner += `<tspan ${look}>${escapeXml(text)}</tspan>`;
    }
    this.#parts.push(`<text x="${round(x)}" y="${round(y)}" font-size="${size}" xml:space="preserve">${inner}</text>`);
  }

  /** Starts a bar: its first rectangle is the bar itself, and all others are inside of that. */
  openBar(x: number, y: number, width: number, height: number, tooltip: Tooltip): void {
    this.#parts.push(`<g class="framealloc-bar" transform="translate(${round(x)} ${round(y)})">`);
    this.rect(0, 0, width, height, FREE, tooltip);
  }

  /** Ends a bar, with a line around it. */
  closeBar(width: number, height: number): void {
    this.#parts.push(
      `<path d="M0 0h${round(width)}v${round(height)}h${round(-width)}z" fill="none" stroke="${INK.edge}"/></g>`,
    );
  }

  /** Starts a group with one tooltip for all of it. */
  openGroup(tooltip: Tooltip): void {
    this.#parts.push(`<g>${titleOf(tooltip)}`);
  }

  /** Ends a group. */
  closeGroup(): void {
    this.#parts.push("</g>");
  }

  /** The picture, as high as what was drawn. */
  toSvg(width: number, name: string): string {
    const height = Math.ceil(this.y);
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`,
      ` role="img" aria-label="${escapeXml(name)}"`,
      ` font-family="system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif">`,
      `<defs><pattern id="framealloc-free" width="6" height="6" patternUnits="userSpaceOnUse"`,
      ` patternTransform="rotate(45)"><rect width="6" height="6" fill="${INK.free}"/>`,
      `<rect width="1.5" height="6" fill="${INK.hatch}"/></pattern></defs>`,
      `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${INK.page}"`,
      ` stroke="${INK.border}"/>`,
      ...this.#parts,
      "</svg>\n",
    ].join("");
  }
}

function titleOf(tooltip: Tooltip): string {
  return `<title>${tooltip.map(escapeXml).join("\n")}</title>`;
}
