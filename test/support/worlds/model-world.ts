import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Principal } from '../../../src/contract/api/principal.ts';
import { leaseFrom } from '../../../src/contract/tenancy/write-lease.ts';
import type { StoredFile } from '../../../src/gateway/files/file-store.ts';
import { ModelAdmin } from '../../../src/gateway/models/model-admin.ts';
import { ModelCatalogue } from '../../../src/gateway/models/model-catalogue.ts';
import type { ModelRegistryCalls } from '../../../src/gateway/models/model-registries.ts';
import { ModelRegistry } from '../../../src/inference/registry/model-registry.ts';
import type { StatedReading } from '../../../src/inference/folder/read-model-folder.ts';
import type { FolderReading } from '../../../src/inference/served/model-calls.ts';
import type { ModelRef, ServedFile } from '../../../src/inference/served-manifest.ts';
import type { FileId, JobId, TenantId } from '../../../src/kernel/ids.ts';
import { portTo } from '../../../src/kernel/remote.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import type { NamedRoute } from '../../../src/upstreams/model-rows.ts';
import { modelRow, modelRows } from '../../../src/upstreams/model-rows.ts';
import type { UpstreamRecord } from '../../../src/upstreams/upstream-record.ts';

export const BUILTIN = [{ id: 'glove-sif-100' } as ModelManifest];

/** The registries of all owners, their files, and an inference Worker that makes vectors of what a version's file says. */
export class ModelWorld {
  nowMs = 1_000_000;
  /** By tenant and id: the content is the hash. */
  readonly uploads = new Map<string, StoredFile>();
  /** `owner/sha256`. */
  readonly stored = new Set<string>();
  /** Of versions that do not load, by the hash of their file. */
  readonly broken = new Map<string, Outcome<never>>();
  /** Of versions, by the hash of their file: a vector, the same for all texts. */
  readonly vectors = new Map<string, readonly number[]>();
  readonly audit: string[] = [];
  /** Models, or `model:contract`, that an index is pinned to. */
  readonly pinned = new Map<string, string>();
  readonly #registries = new Map<string, ModelRegistryCalls>();

  readonly registries = (owner: string): ModelRegistryCalls => {
    const known = this.#registries.get(owner) ?? this.#open();
    this.#registries.set(owner, known);
    return known;
  };

  readonly store = {
    take: async (_tenant: TenantId, _file: FileId, owner: string, sha256: string) => {
      this.stored.add(`${owner}/${sha256}`);
      return ok(null);
    },
    adopt: async (from: string, owner: string, sha256: string) => {
      if (!this.stored.has(`${from}/${sha256}`)) return refuse('file_not_found', 'no file');
      this.stored.add(`${owner}/${sha256}`);
      return ok(null);
    },
    remove: async (owner: string, sha256s: readonly string[]) => sha256s.forEach((sha256) => this.stored.delete(`${owner}/${sha256}`)),
    erase: async () => 0,
    count: async (owner: string) => [...this.stored].filter((key) => key.startsWith(`${owner}/`)).length,
  };

  /** What the inference Worker reads from the folder of a version, by the hash of its first file, with what was stated. */
  readonly folders = new Map<string, (stated: StatedReading) => Outcome<FolderReading>>();
  /** Hashes of first files of folders that were read. */
  readonly read: string[] = [];

  readonly inference = {
    readFolder: async (owner: string, files: readonly ServedFile[], stated: StatedReading = {}) => {
      const sha256 = files[0]?.sha256 ?? '';
      this.read.push(sha256);
      if (files.some((file) => !this.stored.has(`${owner}/${file.sha256}`))) throw new Error('a file is not in the bucket of the owner');
      return this.folders.get(sha256)?.(stated) ?? refuse('invalid_value', 'hold no ONNX file', ['files']);
    },
    verify: async (ref: ModelRef) => this.broken.get(hashOf(ref)) ?? ok({ memoryBytes: 1, loadMs: 1, ...this.found } as never),
    embedTexts: async (ref: ModelRef, texts: readonly string[]) => {
      const vector = this.vectors.get(hashOf(ref)) ?? [1, 0];
      return ok({ vectors: Float32Array.from(texts.flatMap(() => vector)), tokens: new Int32Array(texts.length), sharedTexts: 0 });
    },
  };

  readonly admin = new ModelAdmin({
    registries: this.registries,
    store: this.store,
    findFile: async (tenant, file) => {
      const found = this.uploads.get(`${tenant}/${file}`);
      return found === undefined ? refuse('file_not_found', 'no file') : ok(found);
    },
    inference: this.inference,
    isBuiltin: (name) => BUILTIN.some(({ id }) => id === name),
    pinnedIndex: async (_tenant, model, contractHash) =>
      ok(this.pinned.get(contractHash === undefined ? model : `${model}:${contractHash}`)),
    note: async (_tenant, action, _principal, subject) => {
      this.audit.push(`${action} ${subject}`);
      return ok(null);
    },
    clock: { nowMs: () => this.nowMs },
    standing: {
      isAuto: true,
      jobOf: async ({ model, version }) => {
        this.standing.push(`${model}@${version.version}`);
        return ok('job_standing' as JobId);
      },
      end: async (...whose) =>
        void this.ended.push(
          whose
            .slice(1)
            .filter((part) => part !== undefined)
            .join('@'),
        ),
    },
  });

  /** What checks find of versions besides. */
  found: object = {};
  /** Versions that pools were to serve, and whose jobs were to end. */
  readonly standing: string[] = [];
  readonly ended: string[] = [];

  /** By owner. */
  readonly upstreams = new Map<string, readonly UpstreamRecord[]>();
  readonly routes = new Map<string, readonly NamedRoute[]>();

  readonly catalogue = new ModelCatalogue({
    registries: this.registries,
    builtin: BUILTIN,
    upstreams: (owner) => {
      const named = { upstreams: this.upstreams.get(owner) ?? [], routes: this.routes.get(owner) ?? [] };
      return {
        models: async (_owner, after, count) => modelRows(named, after, count),
        model: async (_owner, name) => modelRow(named, name),
      };
    },
  });

  /** A file of a tenant whose content has this hash. */
  upload(tenant: string, sha256: string): FileId {
    const id = `file_${String(this.uploads.size).padStart(26, '0')}` as FileId;
    const file = {
      id,
      filename: 'model.onnx',
      purpose: 'model',
      owner: 'testers',
      bytes: 4,
      createdAtMs: 0,
      expiresAtMs: null,
      digest: '',
      sha256,
    };
    this.uploads.set(`${tenant}/${id}`, file);
    return id;
  }

  caller(principal: Principal) {
    return { principal, authority: { lease: async () => ok(leaseFrom(this.nowMs)) } };
  }

  #open(): ModelRegistryCalls {
    const registry = new ModelRegistry(new NodeSql(), { nowMs: () => this.nowMs });
    return portTo(() => registry as unknown as ModelRegistryCalls);
  }
}

const hashOf = ({ manifest }: ModelRef): string => manifest.files[0]?.sha256 ?? '';
