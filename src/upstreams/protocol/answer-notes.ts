import type { JsonObject } from './json.ts';
import { isObject, listAt, objectAt, textAt } from './json.ts';
import type { Dialect } from './stream-tap.ts';

/**
 * What an answer says, whatever its dialect, whole or as a stream: the text of its first choice with the tools that it calls, how likely the model
 * found its own tokens, and the best score of a ranking. A text of more than `charsMax` is not kept.
 */
export class AnswerNotes {
  readonly #charsMax: number;
  #text = '';
  #isTooLong = false;
  #logProbabilities = 0;
  #tokens = 0;
  #topScore: number | undefined;
  #callsTools = false;

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  /** Undefined: it is too long. */
  get text(): string | undefined {
    return this.#isTooLong ? undefined : this.#text;
  }

  /** The geometric mean of the probabilities of its tokens. Undefined: the upstream has reported none. */
  get tokenProbability(): number | undefined {
    return this.#tokens === 0 ? undefined : Math.exp(this.#logProbabilities / this.#tokens);
  }

  get topScore(): number | undefined {
    return this.#topScore;
  }

  get callsTools(): boolean {
    return this.#callsTools;
  }

  seeWhole(dialect: Dialect, answer: JsonObject): void {
    if (dialect === 'messages') this.#addParts(answer['content']);
    else if (dialect === 'responses') for (const item of listAt(answer, 'output')) this.#addItem(item);
    else if (dialect === 'plain') this.#seeRanking(answer);
    else this.#seeChoice(listAt(answer, 'choices')[0], 'message');
  }

  seeEvent(dialect: Dialect, event: JsonObject): void {
    if (dialect === 'messages') {
      this.#addTool(objectAt(event, 'content_block'), '');
      const delta = objectAt(event, 'delta');
      this.#add(delta['text']);
      this.#add(delta['partial_json']);
    } else if (dialect === 'responses') {
      const type = textAt(event, 'type') ?? '';
      if (type === 'response.output_item.added') this.#addName(objectAt(event, 'item')['name']);
      if (type === 'response.output_text.delta' || type === 'response.function_call_arguments.delta') this.#add(event['delta']);
    } else this.#seeChoice(listAt(event, 'choices').find(isFirst), 'delta');
  }

  #seeChoice(choice: unknown, holder: 'message' | 'delta'): void {
    if (!isObject(choice)) return;
    const said = objectAt(choice, holder);
    this.#add(choice['text']);
    this.#add(said['content']);
    for (const call of listAt(said, 'tool_calls')) {
      const called = objectAt(call, 'function');
      this.#addTool(called, called['arguments']);
    }
    const logprobs = objectAt(choice, 'logprobs');
    for (const token of listAt(logprobs, 'content')) this.#seeToken(isObject(token) ? token['logprob'] : undefined);
    for (const probability of listAt(logprobs, 'token_logprobs')) this.#seeToken(probability);
  }

  #seeToken(logProbability: unknown): void {
    if (typeof logProbability !== 'number' || !(logProbability <= 0)) return;
    this.#logProbabilities += logProbability;
    this.#tokens += 1;
  }

  #addItem(item: unknown): void {
    if (!isObject(item)) return;
    this.#addParts(item['content']);
    if (item['type'] === 'function_call') this.#addTool(item, item['arguments']);
  }

  #addParts(parts: unknown): void {
    for (const part of Array.isArray(parts) ? (parts as unknown[]) : []) {
      if (!isObject(part)) continue;
      if (part['type'] === 'text' || part['type'] === 'output_text') this.#add(part['text']);
      if (part['type'] === 'tool_use') this.#addTool(part, JSON.stringify(part['input']));
    }
  }

  #addTool(called: JsonObject, given: unknown): void {
    this.#addName(called['name']);
    this.#add(given);
  }

  #addName(name: unknown): void {
    if (typeof name === 'string') this.#callsTools = true;
    this.#add(name);
  }

  #seeRanking(answer: JsonObject): void {
    for (const result of listAt(answer, 'results')) {
      const score = isObject(result) ? (result['relevance_score'] ?? result['score']) : undefined;
      if (typeof score !== 'number' || score < (this.#topScore ?? 0)) continue;
      this.#topScore = Math.min(1, score);
      this.#text = String((result as JsonObject)['index']);
    }
  }

  #add(text: unknown): void {
    if (typeof text !== 'string' || this.#isTooLong) return;
    if (this.#text.length + text.length > this.#charsMax) [this.#isTooLong, this.#text] = [true, ''];
    else this.#text += text;
  }
}

const isFirst = (choice: unknown): boolean => isObject(choice) && (choice['index'] ?? 0) === 0;
