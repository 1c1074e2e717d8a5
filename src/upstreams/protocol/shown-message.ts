import { withoutSecrets } from '../log/redaction.ts';

/** Characters of an upstream's message that are passed on: more explains nothing. */
const MESSAGE_CHARS_MAX = 1_000;

/** Takes out of a text what proves to an upstream who calls. */
export type WithoutSecret = (text: string) => string;

const UNCHANGED: WithoutSecret = (text) => text;

/** What an upstream says of an error, wherever it says it, as callers may read it: without credentials, its own and others', and cut. [U191] */
export function shownMessage(message: string, withoutSecret: WithoutSecret = UNCHANGED): string {
  // Cut last: of half a credential, nothing knows what it is.
  const shown = withoutSecrets(withoutSecret(message));
  return shown.length > MESSAGE_CHARS_MAX ? `${shown.slice(0, MESSAGE_CHARS_MAX)}...` : shown;
}
