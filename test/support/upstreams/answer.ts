import type { Script } from './script.ts';

export type Body = Readonly<Record<string, unknown>>;

/** An answer of a mock upstream: as a whole, and as the events of a stream. */
export interface MockAnswer {
  readonly json: unknown;
  /** Is answered instead of the JSON. */
  readonly raw?: { readonly contentType: string; readonly bytes: Uint8Array };
  /** What of the request a strict server refuses. */
  readonly refused?: { readonly param: string; readonly message: string } | undefined;
  /** Before the first token. */
  readonly lead: readonly string[];
  /** What each token is sent as. */
  readonly tokens: readonly string[];
  readonly tail: readonly string[];
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reportsUsage: boolean;
}

/** What a request comes to, before it is written in a protocol. */
export interface Turn {
  readonly model: string;
  readonly texts: readonly string[];
  readonly tool: Script['tool'];
  /** The request allowed no more. */
  readonly isCut: boolean;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly reportsUsage: boolean;
}

const TOKENS = 5;
/** A fixed time: answers are the same each time. */
export const CREATED_S = 1_760_000_000;

export function turnOf(body: Body, script: Script, tokensMax: number | undefined): Turn {
  const wanted = script.texts ?? Array.from({ length: script.tokens ?? TOKENS }, (_, i) => `${i === 0 ? '' : ' '}t${i}`);
  const texts = script.tool === undefined ? wanted.slice(0, tokensMax) : piecesOf(script.tool.arguments);
  const usage = script.usage === false ? {} : (script.usage ?? {});
  return {
    model: String(body['model']),
    texts,
    tool: script.tool,
    isCut: script.tool === undefined && texts.length < wanted.length,
    inputTokens: usage.input ?? Math.ceil(textOf(body).length / 4),
    cachedTokens: usage.cached ?? 0,
    outputTokens: usage.output ?? texts.length,
    reasoningTokens: usage.reasoning ?? 0,
    reportsUsage: script.usage !== false,
  };
}

const PIECE_CHARS = 5;

const piecesOf = (text: string): string[] =>
  Array.from({ length: Math.max(1, Math.ceil(text.length / PIECE_CHARS)) }, (_, i) => text.slice(i * PIECE_CHARS, (i + 1) * PIECE_CHARS));

/** All text that a request has, wherever it stands. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, inner]) => (name === 'model' || name === 'role' || name === 'type' ? '' : textOf(inner)))
    .filter((text) => text !== '')
    .join('\n');
}

export const dataEvent = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

export const namedEvent = (event: { readonly type: string; readonly [more: string]: unknown }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
