import type { Refusal } from './errors.ts';
import { ERRORS } from './errors.ts';

/** Which API a path belongs to: each has its own shape of errors. */
export type Surface = 'sluice' | 'qdrant';

const QDRANT = '/qdrant/';

export const surfaceOf = (path: string): Surface => (path.startsWith(QDRANT) ? 'qdrant' : 'sluice');

/** How Qdrant begins what it says, by status. */
const OPENINGS: Readonly<Record<number, string>> = { 400: 'Wrong input: ', 404: 'Not found: ', 409: 'Wrong input: ' };

/** What Qdrant says word for word, as some look for it in the text. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/^there is no index named "(.*)"$/, "Collection `$1` doesn't exist!"],
  [/^an index named "(.*)" already exists$/, 'Collection `$1` already exists!'],
];

/** Qdrant's error shape; beside what its clients read stands what the one error table says. */
export const qdrantError = ({ code, message, param }: Refusal, requestId: string) => ({
  status: { error: `${OPENINGS[ERRORS[code].status] ?? ''}${phrased(message)}`, code, param: param ?? null },
  time: 0,
  request_id: requestId,
});

const phrased = (message: string): string => PHRASES.reduce((text, [ours, theirs]) => text.replace(ours, theirs), message);
