import type { ListedVectors, NamespacePage, VectorColumns } from '../../../ann/shard-protocol.ts';
import type { ExportLine, ExportQuery } from '../../../contract/vectors/bulk.ts';
import type { Refusal } from '../../../contract/api/errors.ts';
import { messageOf } from '../../../contract/api/errors.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { sleptUnlessEnded, unlessEnded } from '../../../contract/tenancy/authority-end.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { float32Text } from '../../../kernel/float32-text.ts';
import { err, ok } from '../../../kernel/result.ts';
import type { Acting } from '../../tenancy/authority.ts';
import { mayTouchIndex, onIndex } from '../../indexes/index-ref.ts';
import type { IndexShards } from '../../../index/shards/index-shards.ts';
import type { ManifestCache } from '../../indexes/manifest-cache.ts';
import { gatherColumns } from '../../../index/fan-out/answer-columns.ts';
import { rowNameOf } from '../../../documents/store/row-id.ts';
import type { ServedRows } from '../visible/served-rows.ts';
import { includeOf } from '../vectors.ts';
import type { BulkTokens } from './bulk-tokens.ts';
import { waitMsOf } from './wait.ts';
import { Composed } from '../../api/composed.ts';

/** Pages sent between two progress lines of an export. */
const PAGES_PER_REPORT = 8;

interface ExportsParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly served: Pick<ServedRows, 'owners'>;
  readonly tokens: BulkTokens;
  readonly sleep: (ms: number) => Promise<void>;
}

/** An export under way: which columns of which vectors it sends, and its position. */
interface Export extends Acting {
  readonly manifest: IndexManifest;
  readonly query: ExportQuery;
  namespace: string | null;
  id: string | null;
  vectors: number;
  lsn: number;
  /** Vectors of a page: fewer where they are large. */
  limit: number;
}

type Progress = Extract<ExportLine, { export: unknown }>['export'];

/** Reads all vectors of an index in the order of namespaces and ids, which no write, move or split changes. Rules: SPEC.md in this folder. */
export class Exports extends Composed<ExportsParts> {
  /** Refuses a token that is none, or an index that is not there. The generator yields texts of whole lines, and reads as it is asked. */
  async open({ principal, authority }: Acting, index: string, query: ExportQuery): Promise<Outcome<AsyncGenerator<string, void>>> {
    const { tokens, manifests } = this.parts;
    const resumed = query.token === undefined ? undefined : await tokens.open('export', query.token);
    if (resumed?.ok === false) return resumed;
    const found = await manifests.current(principal.tenantId, index);
    if (!found.ok) return found;
    const manifest = found.value;
    const touched = mayTouchIndex(principal, manifest);
    if (!touched.ok) return touched;
    const { generation, namespace, id } = resumed?.value ?? { generation: manifest.id, namespace: null, id: null };
    if (generation !== manifest.id) return othersServed('token');
    const limit = Math.min(
      VECTOR_LIMITS.exportVectorsMaxCount,
      Math.max(1, Math.floor(VECTOR_LIMITS.exportFloatsMaxCount / manifest.dimensions)),
    );
    return ok(this.#run({ principal, authority, manifest, query, namespace, id, vectors: 0, lsn: 0, limit }));
  }

  async *#run(job: Export): AsyncGenerator<string, void> {
    if (job.namespace !== null) {
      const refusal = yield* this.#tellNamespace(job);
      if (refusal !== undefined) return yield await this.#report(job, 'stopped', refusal);
    }
    for (;;) {
      const page = await this.#namespaces(job);
      if (!page.ok) return yield await this.#report(job, 'stopped', page.error);
      job.lsn = page.value.lsn;
      for (const name of page.value.names) {
        [job.namespace, job.id] = [name, null];
        const refusal = yield* this.#tellNamespace(job);
        if (refusal !== undefined) return yield await this.#report(job, 'stopped', refusal);
      }
      if (!page.value.hasMore) return yield await this.#report(job, 'done');
    }
  }

  /** Sends the rest of the current namespace; returns what stopped it, if anything did. */
  async *#tellNamespace(job: Export): AsyncGenerator<string, Refusal | undefined> {
    for (let pages = 1; ; pages += 1) {
      const listed = await this.#page(job);
      if (!listed.ok) return listed.error;
      const { ids, next, lsn } = listed.value;
      job.id = next ?? ids.at(-1) ?? job.id;
      const own = await this.#ownRows(job, listed.value);
      if (!own.ok) return own.error;
      job.vectors += own.value.ids.length;
      job.lsn = lsn;
      if (own.value.ids.length > 0) yield exportLines(own.value, job.namespace ?? '', job.manifest.dimensions);
      if (pages % PAGES_PER_REPORT === 0) yield await this.#report(job, 'running');
      if (next === null) return undefined;
    }
  }

  async #page(job: Export): Promise<Outcome<ListedVectors>> {
    const start = job.id === null ? null : { id: job.id, isIncluded: false };
    const ask = { namespace: job.namespace ?? '', filter: null, start, include: includeOf(job.query) };
    for (;;) {
      const listed = await this.#patiently(job, ({ id }) =>
        this.parts.shards.of(job.manifest).read('list', { ...ask, indexId: id, limit: job.limit }),
      );
      // Their texts and metadata are too large for one answer.
      if (listed.ok || listed.error.code !== 'limit_exceeded' || job.limit === 1) return listed;
      job.limit = Math.ceil(job.limit / 2);
    }
  }

  /** [DC99] Without what holds documents: another index gets that with these. */
  async #ownRows(job: Export, listed: VectorColumns & { readonly lsn: number }): Promise<Outcome<VectorColumns>> {
    const chunks = listed.ids.filter((id) => rowNameOf(id) !== undefined);
    if (chunks.length === 0) return ok(listed);
    const { manifest, query, namespace } = job;
    const owners = await this.#patiently(job, (current) => this.parts.served.owners(current, namespace ?? '', chunks));
    if (!owners.ok) return owners;
    const documents = new Set(owners.value);
    const own = listed.ids.flatMap((id, at) => (documents.has(rowNameOf(id)?.document ?? '') ? [] : [{ from: 0, at }]));
    return ok(gatherColumns([listed], own, manifest.dimensions, includeOf(query)));
  }

  #namespaces(job: Export): Promise<Outcome<NamespacePage>> {
    return this.#patiently(job, (manifest) =>
      this.parts.shards
        .of(manifest)
        .read('namespaces', { indexId: manifest.id, after: job.namespace, limit: VECTOR_LIMITS.exportVectorsMaxCount }),
    );
  }

  /** Tries again what is refused for a while. Refuses with `state_conflict` once the index serves other vectors. */
  async #patiently<T>(
    { principal, authority, manifest }: Export,
    work: (current: IndexManifest) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    for (let tries = 0; ; tries += 1) {
      // [T57] A stream outlives what was checked at its beginning: each page is for a key that is still in force.
      const lease = await authority.lease();
      const read = async (): Promise<Outcome<T>> =>
        onIndex(this.parts.manifests, principal, manifest.name, async (current) =>
          current.id === manifest.id ? work(current) : othersServed(),
        );
      const outcome = lease.ok ? await unlessEnded(authority.end, read(), err) : lease;
      const waitMs = outcome.ok ? undefined : waitMsOf(outcome.error, tries);
      if (waitMs === undefined) return outcome;
      const ended = await sleptUnlessEnded(authority.end, this.parts.sleep(waitMs));
      if (ended !== undefined) return err(ended);
    }
  }

  async #report({ manifest, namespace, id, vectors, lsn }: Export, status: Progress['status'], error?: Refusal): Promise<string> {
    const token = await this.parts.tokens.seal('export', { generation: manifest.id, namespace, id });
    const why = error === undefined ? {} : { error: { code: error.code, message: messageOf(error) } };
    const line: ExportLine = { export: { status, vectors, token, lsn, ...why } };
    return `${JSON.stringify(line)}\n`;
  }
}

const othersServed = (param?: string) => refuse('state_conflict', 'another generation of the index serves now: start a new export', param);

/** Vectors as lines. Metadata and fields are stored as JSON of one line, and sent as stored: parsing would change numbers that no double holds. */
export function exportLines(columns: VectorColumns, namespace: string, dimensions: number): string {
  const { ids, values, vectorless, metadata, texts, contents } = columns;
  const place = namespace === '' ? [] : [`"namespace":${JSON.stringify(namespace)}`];
  return ids
    .map((id, i) => {
      const [text, fieldsText] = [texts?.[i] ?? null, contents?.[i] ?? null];
      const fields = [
        `"id":${JSON.stringify(id)}`,
        ...place,
        ...(values === null
          ? []
          : [`"values":${vectorless?.[i] === true ? 'null' : float32Text(values.subarray(i * dimensions, (i + 1) * dimensions))}`]),
        ...(metadata === null ? [] : [`"metadata":${metadata[i] ?? 'null'}`]),
        ...(text === null ? [] : [`"text":${JSON.stringify(text)}`]),
        ...(fieldsText === null ? [] : [`"fields":${fieldsText}`]),
      ];
      return `{${fields.join(',')}}\n`;
    })
    .join('');
}
