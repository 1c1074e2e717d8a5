import type { JsonObject } from '../protocol/json.ts';
import { isObject, parsedObject, textAt } from '../protocol/json.ts';

/** What of an answer guardrails can read, and the answer again with that as they let it pass. */
interface Judged {
  readonly text: string;
  restored(judged: string): string;
}

/** A text or subtitles as JSON, which hooks read; of images in base64 all but the images, however large those are. [U269] */
export function judgedMedia(text: string, isPlain: boolean): Judged {
  if (isPlain) return { text: JSON.stringify({ text }), restored: (judged) => textAt(parsedObject(judged), 'text') ?? '' };
  const answer = parsedObject(text);
  const data = answer?.['data'];
  if (answer === undefined || !Array.isArray(data)) return { text, restored: (judged) => judged };
  const rest = JSON.stringify({ ...answer, data: data.map((one: unknown) => (isObject(one) ? { ...one, b64_json: undefined } : one)) });
  return {
    text: rest,
    restored: (judged) => (judged === rest ? text : JSON.stringify(withImages(parsedObject(judged) ?? {}, data))),
  };
}

const withImages = (answer: JsonObject, data: readonly unknown[]): JsonObject => ({
  ...answer,
  data: (Array.isArray(answer['data']) ? (answer['data'] as unknown[]) : []).map((one, at) => {
    const image = textAt(data[at], 'b64_json');
    return isObject(one) && image !== undefined ? { ...one, b64_json: image } : one;
  }),
});
