import { CharClass, charClassOf } from './char-class.ts';
import { asciiFold } from './vocabulary.ts';

/** By ASCII code: the letter or digit in lower case that it stands for; 0 for what ends a word. */
export const FOLD = asciiFold();

/** Past the end of the text `charCodeAt` is NaN, which indexes nothing. */
export function isWordAt(text: string, at: number): boolean {
  return (FOLD[text.charCodeAt(at)] ?? 0) !== 0;
}

export const isDigit = (unit: number): boolean => unit >= 48 && unit <= 57;
const isCapital = (unit: number): boolean => unit >= 65 && unit <= 90;
const isLetter = (unit: number): boolean => (FOLD[unit] ?? 0) !== 0 && !isDigit(unit);

/** Whether a part of a name begins at `at`: digits after letters or letters after digits, or a capital that begins a word (`getUser`, `HTTPServer`). */
export function beginsPart(text: string, at: number, to: number): boolean {
  const before = text.charCodeAt(at - 1);
  const unit = text.charCodeAt(at);
  if (isDigit(before) !== isDigit(unit)) return true;
  if (!isCapital(unit)) return false;
  if (isLetter(before) && !isCapital(before)) return true;
  // `PDFs` has no part `Fs`.
  const after = text.charCodeAt(at + 1);
  return isCapital(before) && at + 2 < to && isLetter(after) && !isCapital(after);
}

/** Where the run of letters of scripts with blanks between words, beyond ASCII, that begins at `start` ends. */
export function endOfForeignWord(text: string, start: number): number {
  let at = start;
  for (let unit = text.charCodeAt(at); unit >= FOLD.length; unit = text.charCodeAt(at)) {
    const codePoint = text.codePointAt(at)!;
    if (charClassOf(codePoint) !== CharClass.word) break;
    at += codePoint > 0xffff ? 2 : 1;
  }
  return at;
}
