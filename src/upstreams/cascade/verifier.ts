import type { JsonObject } from '../protocol/json.ts';
import { isObject, textAt } from '../protocol/json.ts';
import type { Surface } from '../protocol/surfaces.ts';
import type { AnswerNotes } from '../protocol/answer-notes.ts';
import type { Target } from '../target.ts';

/** What a model is asked that judges an answer, and how. */
export interface VerifierCall {
  readonly surface: 'chat' | 'rerank';
  readonly body: JsonObject;
}

const INSTRUCTION =
  'You check answers. You are shown a question and a proposed answer. Reply with one word: "yes" if the answer is correct and complete, else "no".';

/** What a verifier judges an answer by. */
export interface VerifiedAnswer {
  readonly instruction: string;
  /** What stands before the answer. */
  readonly context: string;
  /** What a ranker scores the answer for. */
  readonly query: string;
  readonly answer: string;
}

/** Asks whether an answer is right and complete. */
export const answerVerdictCall = (verifier: Target, question: string, answer: string): VerifierCall =>
  verifierCall(verifier, { instruction: INSTRUCTION, context: `Question:\n${question}`, query: question, answer });

/** A ranker scores the answer as a document; a model for chats answers yes or no. */
export function verifierCall({ model }: Target, { instruction, context, query, answer }: VerifiedAnswer): VerifierCall {
  if (!model.serves.includes('chat')) return { surface: 'rerank', body: { model: model.name, query, documents: [answer], top_n: 1 } };
  const content = `${context}\n\nProposed answer:\n${answer}`;
  const messages = [
    { role: 'system', content: instruction },
    { role: 'user', content },
  ];
  return { surface: 'chat', body: { model: model.name, messages, max_tokens: VERDICT_TOKENS, temperature: 0 } };
}

/** Room for a word and what some models put before it. */
const VERDICT_TOKENS = 8;

/** The confidence by a verifier's answer; NaN: it gives none. Of a word, the probability of its tokens, where the verifier reports it. */
export function verdictOf({ surface }: VerifierCall, notes: AnswerNotes): number {
  if (surface === 'rerank') return notes.topScore ?? Number.NaN;
  const word = /^\W*(yes|no)\b/i.exec(notes.text ?? '')?.[1]?.toLowerCase();
  if (word === undefined) return Number.NaN;
  const probability = notes.tokenProbability ?? 1;
  return word === 'yes' ? probability : 1 - probability;
}

/** What a call asks: the latest text of a user, or its prompt. */
export function questionOf(surface: Surface, body: JsonObject): string {
  if (surface === 'completions') return textIn(body['prompt']);
  const messages = surface === 'responses' ? body['input'] : body['messages'];
  if (!Array.isArray(messages)) return textIn(messages);
  return textIn(messages.filter(isObject).findLast(({ role }) => role === 'user')?.['content']);
}

function textIn(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (typeof part === 'string' ? part : (textAt(part, 'text') ?? ''))).join('\n');
}
