/**
 * Text for pictures: anything a program may use as a name has to come out as well-formed XML, on one line, and short enough for its place.
 */

import { formatBytes } from "../../src/units.ts";

/** What XML forbids (control characters, lone surrogates, noncharacters), and what would break or turn round a line. */
const UNFIT = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;

/** A text with every character that has no place in a line of XML replaced by a mark, and with entities. */
export function escapeXml(text: string): string {
  return text.replace(UNFIT, "\ufffd")
    .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** The first characters of a text, with an ellipsis where some are left off. Does not cut a character in two. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = Array.from(text.slice(0, 2 * most + 2));
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

/** About how wide a text is in a usual sans-serif font, rather too wide than too narrow. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0x1100) ems += code === 0x2026 ? 1 : 1.1;
    else if ("MW@%mw".includes(character)) ems += 0.95;
    else if (" .,:;|!'ijl".includes(character)) ems += 0.36;
    else ems += 0.66;
  }
  return ems * fontSize;
}

/** As much of a text as fits; `""` if that would be less than three characters and an ellipsis. */
export function fitText(text: string, width: number, fontSize: number): string {
  const start = shorten(text, 80);
  if (textWidth(start, fontSize) <= width) return start;
  const characters = Array.from(start);
  for (let length = characters.length - 1; length >= 3; length--) {
    const part = `${characters.slice(0, length).join("")}…`;
    if (textWidth(part, fontSize) <= width) return part;
  }
  return "";
}

/** Bytes in words, without decimals that are zero. */
export function sizeText(bytes: number): string {
  return formatBytes(Math.round(bytes)).replace(".00 ", " ");
}

/** A whole number with its thousands apart. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A number and its noun. */
export function countOf(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A part of a whole in percent: 0 and 100 only if it is nothing or all. */
export function percentText(part: number, whole: number): string {
  if (!(whole > 0) || !(part > 0)) return "0%";
  const percent = 100 * part / whole;
  if (percent < 1) return "<1%";
  return percent < 100 ? `${Math.min(99, Math.round(percent))}%` : `${Math.round(percent)}%`;
}

/** A coordinate, to a hundredth. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
