import { INDEX_LIMITS } from '../contract/indexes/index-limits.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { utf8 } from '../kernel/bytes.ts';
import { ok } from '../kernel/result.ts';

// JSON values; with this loose type, the types of calls between objects do not expand without end.
type Members = Readonly<Record<string, unknown>>;

/** What clients of another vector database declared about an index. The engine needs none of it; they are shown it again. */
export interface IndexAnnotations {
  /** Fields of the metadata that were declared to be indexed, and as what. */
  readonly fields: Members;
  /** Settings of another engine, in named sections. */
  readonly sections: Readonly<Record<string, Members>>;
}

export type AnnotationChange =
  | { readonly kind: 'declare'; readonly field: string; readonly as: object }
  | { readonly kind: 'withdraw'; readonly field: string }
  /** Members replace those of the same name; others stay. */
  | { readonly kind: 'merge'; readonly section: string; readonly members: Members }
  /** Null: there is no such section any more. */
  | { readonly kind: 'replace'; readonly section: string; readonly members: Members | null };

export const NO_ANNOTATIONS: IndexAnnotations = { fields: {}, sections: {} };

/** All changes in order, or none. Refuses with `limit_exceeded`. */
export function annotated(before: IndexAnnotations, changes: readonly AnnotationChange[]): Outcome<IndexAnnotations> {
  const after = changes.reduce(changed, before);
  const count = Object.keys(after.fields).length;
  if (count > INDEX_LIMITS.indexFieldsMaxCount) {
    return refuseBeyond({ limit: 'indexFieldsMaxCount', value: count, what: `${count} fields are declared` });
  }
  const bytes = utf8(JSON.stringify(after)).length;
  if (bytes <= INDEX_LIMITS.indexAnnotationsBytesMax) return ok(after);
  return refuseBeyond({ limit: 'indexAnnotationsBytesMax', value: bytes, what: `what is declared has ${bytes} bytes as JSON` });
}

function changed({ fields, sections }: IndexAnnotations, change: AnnotationChange): IndexAnnotations {
  switch (change.kind) {
    case 'declare':
      return { fields: { ...fields, [change.field]: change.as }, sections };
    case 'withdraw':
      return { fields: without(fields, change.field), sections };
    case 'merge':
      return { fields, sections: { ...sections, [change.section]: { ...sections[change.section], ...change.members } } };
    case 'replace':
      return {
        fields,
        sections: change.members === null ? without(sections, change.section) : { ...sections, [change.section]: change.members },
      };
  }
}

const without = <T>(members: Readonly<Record<string, T>>, name: string): Record<string, T> =>
  Object.fromEntries(Object.entries(members).filter(([member]) => member !== name));
