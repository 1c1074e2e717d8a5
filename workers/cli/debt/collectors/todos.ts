import { shortSha256 } from '../../../../src/kernel/short-sha256.ts';
import type { ReadSource } from '../repository/read-sources.ts';
import type { Collector } from './collection.ts';
import { FactWriter, sourceOf, treeOf } from './collection.ts';

/** Blame reads the history of a file: of so many files the age of comments is looked up, the others are counted. */
const FILES_MAX = 400;
const DAY_S = 86_400;

/** Comments that announce work, and how long ago, by `git blame`. */
export const todos: Collector = async (collection) => {
  const { sources, progress, lineTimes } = collection;
  const writer = new FactWriter(collection, { tool: 'git blame', tool_version: '1' });
  const files = sources.productFiles.filter((file) => file.todos.length > 0);
  const dated = collection.repository.lacksTexts ? [] : files.slice(0, FILES_MAX);
  const write = async (file: ReadSource): Promise<void> => {
    const lines = file.todos.map(({ line }) => line);
    writeTodos(writer, file, await lineTimes.of(file, lines), collection.repository.committedAtS);
  };
  await progress.inPairs('dating comments', dated, write);
  writer.census('todos', sources.files.length, treeOf(collection), {
    files_with_todos: files.length,
    files_not_dated: files.length - dated.length,
  });
  return writer.facts;
};

function writeTodos(writer: FactWriter, file: ReadSource, times: ReadonlyMap<number, number>, nowS: number): void {
  const counts = new Map<string, number>();
  for (const { line, text } of file.todos) {
    const atS = times.get(line);
    if (atS === undefined) continue;
    // The text names it, not the line, so that it is the same after edits above.
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    const symbol = shortSha256(`${text} ${count}`).slice(0, 16);
    writer.write('todo', file.path, Math.max(0, (nowS - atS) / DAY_S), sourceOf(file), { symbol, detail: { line, text } });
  }
}
