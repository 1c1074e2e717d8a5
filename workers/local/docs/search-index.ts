import { cp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import MiniSearch from 'minisearch';

import type { openApiDocument } from '../../../src/contract/openapi/openapi.ts';
import type { Section } from './guide-pages.ts';
import { sectionsOf } from './guide-pages.ts';
import type { GuidePage } from './page-shell.ts';

/** How the index is made, and read again by the page. */
const OPTIONS = { fields: ['heading', 'page', 'text'], storeFields: ['heading', 'page', 'url'], idField: 'url' };

type Document = ReturnType<typeof openApiDocument>;

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
}

/** Writes the index of the guides' sections and of all operations below `folder`, with the module that reads it. */
export async function writeSearch(folder: string, pages: readonly GuidePage[], document: Document): Promise<void> {
  const index = new MiniSearch<Section>(OPTIONS);
  // Two headings of a page may be the same: the first is what a link leads to.
  const entries = [...pages.flatMap(sectionsOf), ...operationsOf(document)];
  index.addAll([...new Map(entries.toReversed().map((entry) => [entry.url, entry])).values()].toReversed());
  await writeFile(join(folder, 'search.json'), JSON.stringify(index));
  await writeFile(join(folder, 'search-options.json'), JSON.stringify(OPTIONS));
  await cp(
    createRequire(import.meta.url)
      .resolve('minisearch')
      .replace(/dist\/cjs\/.*$/, 'dist/es/index.js'),
    join(folder, 'minisearch.js'),
  );
}

/** An operation is found by its path, what it is for, and the names of its fields. */
function operationsOf({ paths, components }: Document): Section[] {
  return Object.entries(paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Readonly<Record<string, Operation>>).map(([method, operation]) => ({
      heading: `${method.toUpperCase()} ${path}`,
      page: `${operation.tags[0] ?? ''}: ${operation.summary}`,
      url: `/docs/reference/#/${encodeURIComponent(operation.tags[0] ?? '')}/${operation.operationId}`,
      text: [operation.operationId, operation.description, ...namesIn(operation, components ?? {}, new Set())].join(' '),
    })),
  );
}

/** The names of the fields of a part of the document, and of what it refers to. */
function namesIn(part: unknown, components: object, seen: Set<string>): string[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([key, value]: [string, unknown]): string[] => {
    if (key === 'example' || key === 'responses') return [];
    if (key === '$ref') {
      const name = String(value).split('/').at(-1) ?? '';
      if (seen.has(name)) return [];
      seen.add(name);
      return namesIn((components as { readonly schemas?: Readonly<Record<string, unknown>> }).schemas?.[name], components, seen);
    }
    const named = key === 'properties' && typeof value === 'object' && value !== null ? Object.keys(value) : [];
    return [...named, ...namesIn(value, components, seen)];
  });
}
