import { PIECE_TOKENISER_VERSION } from '../../src/inference/static/piece-tokeniser.ts';
import { isRecord } from '../../src/inference/text/config-json.ts';
import { utf8 } from '../../src/kernel/bytes.ts';
import { UnusableInput } from './build-error.ts';

/** The pieces of a teacher that a table has rows of. */
export interface PieceVocabulary {
  /** The version of the rules that read `bytes`. */
  readonly tokeniser: string;
  /** As `PieceTokeniser` reads them: those that begin a word, an empty line, those that go on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The letters of each piece, in the order of `ids`. */
  readonly texts: readonly string[];
  /** The id of each. */
  readonly ids: readonly number[];
}

const CONTINUES = '##';

/**
 * The pieces of a `tokenizer.json` that are ASCII letters and digits: what others are made of is hashed. Refuses a tokeniser that is no WordPiece in
 * lower case, of which the table's rules would make other pieces.
 */
export function pieceVocabulary(tokeniserFile: string): PieceVocabulary {
  const file: unknown = JSON.parse(tokeniserFile);
  const model = isRecord(file) ? file['model'] : undefined;
  const normaliser = isRecord(file) ? file['normalizer'] : undefined;
  if (!isRecord(model) || model['type'] !== 'WordPiece' || model['continuing_subword_prefix'] !== CONTINUES || !isRecord(model['vocab']))
    throw new UnusableInput('the teacher has no WordPiece tokeniser.');
  if (!isRecord(normaliser) || normaliser['lowercase'] !== true) throw new UnusableInput("the teacher's tokeniser tells cases apart.");
  // By id: keys that are numbers come first in an object, wherever the file has them.
  const pieces = Object.entries(model['vocab'] as Readonly<Record<string, number>>)
    .toSorted(([, left], [, right]) => left - right)
    .map(([piece]) => piece);
  const beginnings = pieces.filter((piece) => /^[a-z0-9]+$/.test(piece));
  const continuations = pieces.filter((piece) => /^##[a-z0-9]+$/.test(piece)).map((piece) => piece.slice(CONTINUES.length));
  return {
    tokeniser: PIECE_TOKENISER_VERSION,
    bytes: utf8(`${beginnings.join('\n')}\n\n${continuations.join('\n')}`).slice(),
    texts: [...beginnings, ...continuations],
    // The unknown token is 0; the empty line has an id, too.
    ids: [...beginnings.map((_, at) => at + 1), ...continuations.map((_, at) => beginnings.length + 2 + at)],
  };
}
