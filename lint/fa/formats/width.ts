/**
 * How wide text is on a terminal, so that a caret stands below what it means although wide letters, marks and tabs come before it.
 */

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
const NONE = /[\p{Mark}\u200b-\u200f\u2060\ufeff]/u;

/** A line as a terminal shows it: tabs as blanks, control characters as pictures, so that no text can move the cursor or colour itself. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll("\t", "    ").replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (char) => {
      const code = char.charCodeAt(0);
      return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? "\u2421" : "\ufffd";
    },
  );
}

/** The number of columns that a printable text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += char <= "~" ? 1 : NONE.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return width;
}
