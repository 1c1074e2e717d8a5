import { utf8 } from '../kernel/bytes.ts';
import type { Surface } from './protocol/surfaces.ts';

/** A JSON object as text with the member `sluice` at its end. What stands before is not read again: it stays as the upstream sent it. */
export function explainedText(text: string, explanation: unknown): string {
  const end = text.lastIndexOf('}');
  const before = text.slice(0, end).trimEnd();
  const comma = before.endsWith('{') ? '' : ',';
  return `${before}${comma}"sluice":${JSON.stringify({ route: explanation })}}`;
}

const CHUNKS: Readonly<Partial<Record<Surface, string>>> = { chat: 'chat.completion.chunk', completions: 'text_completion' };

/**
 * What is sent ahead of a stream that is explained: of chats and completions a chunk without choices, which clients skip as they do one that
 * has the usage; of others a comment, as their events are of fixed kinds.
 */
export function explainedEvent(surface: Surface, requestId: string, explanation: unknown): Uint8Array {
  const sluice = { route: explanation };
  const object = CHUNKS[surface];
  if (object === undefined) return utf8(`: sluice ${JSON.stringify(sluice)}\n\n`);
  return utf8(`data: ${JSON.stringify({ id: requestId, object, created: 0, model: '', choices: [], sluice })}\n\n`);
}
