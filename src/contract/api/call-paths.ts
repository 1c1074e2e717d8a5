/**
 * What clients put behind a base URL. An address that ends with one of them was copied from an example of a call, and every call to it goes to a path
 * that is not there. The longer come before those that they end with.
 */
const CALLS = [
  '/chat/completions',
  '/completions',
  '/responses',
  '/messages',
  '/embeddings',
  '/rerank',
  '/moderations',
  '/models',
  '/images/generations',
  '/audio/speech',
  '/audio/transcriptions',
];

/** The call that an address ends with, such as `/chat/completions`; undefined: none. */
export const callAtEndOf = (address: string): string | undefined => CALLS.find((call) => address.replace(/\/+$/, '').endsWith(call));

/** The call that a path begins with and goes on behind. */
export const callAtStartOf = (path: string): string | undefined => CALLS.find((call) => path.startsWith(`/v1${call}/`));
