import { expect } from 'vitest';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

/** What the examples of documents come to, by their answers. */
export const documentEffects = {
  putDocument: ({ status }: Body) => expect(status).toBe('writing'),
  getDocument: ({ status, served }: Body) => expect([status, served.chunks]).toEqual(['ready', 1]),
  followDocument: (_: Body, text: string) => expect(text).toMatch(/^event: document\ndata: \{.*"status":"ready".*\}\n\n$/),
  listDocuments: ({ data }: Body) => expect(data.map(({ id }: Body) => id)).toEqual(['guides/locks.md']),
  listDocumentChunks: ({ data }: Body) => expect(data).toMatchObject([{ position: 0, headings: ['Locks'] }]),
  rechunkDocument: ({ writing }: Body) => expect(writing.chunking.max_tokens).toBe(64),
  deleteDocument: ({ deleted }: Body) => expect(deleted).toBe(true),
};
