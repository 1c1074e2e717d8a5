import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { DocumentRecord } from './document-record.ts';

/** The caller, as far as labels decide what it reads. */
export type Reader = Pick<TenantPrincipal, 'labels'>;

/** What may be read: documents of whose labels each list, of a key or of a query, has one, and those without labels. No list: all of them. [DC94] */
export type LabelLists = readonly (readonly string[])[];

/** Those of a key, and those that its query narrows by. */
export const labelsOf = ({ labels: own }: Reader, narrowing?: readonly string[]): LabelLists =>
  [own, narrowing].filter((list) => list !== undefined);

const admits = (lists: LabelLists, labels: readonly string[]): boolean =>
  labels.length === 0 || lists.every((list) => labels.some((label) => list.includes(label)));

/** A document as such a reader sees it: without a version on its way that the lists do not admit; undefined: not at all. [DC94] */
export function readableBy(lists: LabelLists, record: DocumentRecord): DocumentRecord | undefined {
  if (lists.length === 0) return record;
  const { served, next } = record;
  const shown = next !== null && admits(lists, next.terms.labels) ? next : null;
  const version = served ?? shown;
  if (version === null || !admits(lists, version.terms.labels)) return undefined;
  return { ...record, next: shown };
}

/** Whether a reader may replace or remove a document: every version that there is of it has one of its labels. [DC97] */
export const mayChange = ({ labels: own }: Reader, { served, next }: Pick<DocumentRecord, 'served' | 'next'>): boolean =>
  own === undefined || [served, next].every((version) => version === null || version.terms.labels.some((label) => own.includes(label)));
