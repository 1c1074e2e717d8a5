import { parseExactJson } from '../../kernel/exact-json.ts';
import type { JsonObject } from './json.ts';
import { isObject, listAt } from './json.ts';
import type { StreamTranslator } from './stream-translator.ts';
import type { Dialect } from './stream-tap.ts';

/** What asks an upstream for the probabilities of its tokens, where the request does not ask for them itself. */
export function probabilitiesAsked(spoken: Dialect, body: JsonObject): JsonObject {
  if (spoken === 'chat' && body['logprobs'] !== true) return { logprobs: true };
  return spoken === 'completions' && typeof body['logprobs'] !== 'number' ? { logprobs: 1 } : {};
}

/** An answer without the probabilities that only Sluice has asked for. */
export const withoutProbabilities = (text: string): string => JSON.stringify(withoutLogprobs(parseExactJson(text) as JsonObject));

/** A stream without them. `includesUsage`: the caller has asked for its usage. */
export class StreamWithoutProbabilities implements StreamTranslator {
  readonly #includesUsage: boolean;

  constructor(includesUsage: boolean) {
    this.#includesUsage = includesUsage;
  }

  push(event: JsonObject): readonly JsonObject[] {
    const isUsageAlone = listAt(event, 'choices').length === 0 && isObject(event['usage']);
    return isUsageAlone && !this.#includesUsage ? [] : [withoutLogprobs(event)];
  }

  end(): readonly JsonObject[] {
    return [];
  }
}

const withoutLogprobs = (answer: JsonObject): JsonObject =>
  Array.isArray(answer['choices'])
    ? {
        ...answer,
        choices: answer['choices'].map((choice: unknown) =>
          isObject(choice) && 'logprobs' in choice ? { ...choice, logprobs: null } : choice,
        ),
      }
    : answer;
