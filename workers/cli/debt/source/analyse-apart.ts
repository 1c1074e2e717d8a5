import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { analyseSource } from './analyse-source.ts';
import type { AnalysedSource } from './analysed-source.ts';
import type { Language } from './languages.ts';
import { languageOf } from './languages.ts';

/** Why nothing is known of a text. */
export type Unread = 'does not parse' | 'crashes the parser';

/** The longest that a parser was seen to take of a mebibyte is a second. */
const TIMEOUT_MS = 60_000;

/** `analyseSource` in a process of its own, which may end before it answers. */
export async function analyseApart(path: string, source: string): Promise<AnalysedSource | Unread> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), path], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  // A child that has ended takes no input.
  child.stdin.on('error', () => undefined).end(source);
  // That no process can be started says nothing of the text, and fails the call.
  const ended = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  const [answer, code] = await Promise.all([text(child.stdout), ended]);
  return code === 0 ? (JSON.parse(answer) as AnalysedSource | Unread) : 'crashes the parser';
}

/** What a text says by itself, or why it says nothing. */
export const analysedOf = (path: string, source: string, language: Language): AnalysedSource | Unread =>
  analyseSource(path, source, language) ?? 'does not parse';

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = process.argv[2] ?? '';
  const language = languageOf(path);
  if (language !== undefined) process.stdout.write(JSON.stringify(analysedOf(path, await text(process.stdin), language)));
}
